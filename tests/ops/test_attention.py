"""Attention against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from oracle import assert_agrees, normal

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn
from minicnn.autograd import gradgradcheck

Q, K, V = normal(2, 4, 3, 8), normal(2, 4, 5, 8, seed=1), normal(2, 4, 5, 6, seed=2)
SEES = np.random.default_rng(0).random((3, 5)) < 0.6


@pytest.mark.parametrize(
    "options", [{}, {"scale": 0.3}, {"is_causal": True}], ids=["plain", "scale", "causal"]
)
def test_scaled_dot_product(options: dict[str, Any]) -> None:
    assert_agrees(
        lambda lib, *args: lib.nn.functional.scaled_dot_product_attention(*args, **options), Q, K, V
    )


@pytest.mark.parametrize("mask", [SEES, normal(2, 1, 3, 5, seed=3)], ids=["bool", "numbers"])
def test_masks(mask: np.ndarray) -> None:
    assert_agrees(
        lambda lib, *args: lib.nn.functional.scaled_dot_product_attention(*args), Q, K, V, mask
    )


def test_who_sees_nothing_gets_zeros() -> None:
    query, key, value = (mc.tensor(x, requires_grad=True) for x in (Q, K, V))
    mask = mc.tensor(np.zeros((3, 5), bool))
    out = F.scaled_dot_product_attention(query, key, value, mask)
    out.sum().backward()
    assert bool((out == 0).all())
    for x in (query, key, value):
        assert x.grad is not None and bool((x.grad == 0).all())


def test_grouped_queries() -> None:
    def call(lib: Any, *args: Any) -> Any:
        return lib.nn.functional.scaled_dot_product_attention(*args, enable_gqa=True)

    assert_agrees(call, Q, K[:, :2], V[:, :2])
    assert_agrees(call, Q, K[:, :3], V[:, :3])


def test_dropout() -> None:
    query, key, value = (mc.tensor(x) for x in (Q, K, V))
    mc.manual_seed(0)
    out = F.scaled_dot_product_attention(query, key, value, dropout_p=0.5)
    assert not bool((out == F.scaled_dot_product_attention(query, key, value)).all())
    assert bool((F.scaled_dot_product_attention(query, key, value, dropout_p=1.0) == 0).all())


def test_second_gradients() -> None:
    tensors = [mc.tensor(x[:1, :1], requires_grad=True) for x in (Q, K, V)]
    assert gradgradcheck(lambda q, k, v: F.scaled_dot_product_attention(q, k, v), tensors)


@pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])
def test_errors(lib: Any) -> None:
    f = lib.nn.functional.scaled_dot_product_attention
    x, mask = lib.ones(2, 3), lib.ones(2, 2, dtype=getattr(lib, "bool_", None) or lib.bool)
    for call in (
        lambda: f(x, x, x, mask, is_causal=True),
        lambda: f(x, lib.ones(2, 4), x),
        lambda: f(x, lib.ones(2, 3, dtype=lib.float64), x),
        lambda: f(lib.ones(3), x, x),
    ):
        with pytest.raises(RuntimeError):
            call()


# ---------------------------------------------------------------------- layers


def both(build: Any) -> tuple[Any, Any]:
    """A layer in both libraries, in float64, with torch's weights."""
    theirs = build(torch).double()
    ours = build(mc).double()
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict({name: mc.tensor(value.numpy()) for name, value in state.items()})
    assert repr(ours) == repr(theirs)
    return ours, theirs


def compare(ours: Any, theirs: Any, *arrays: np.ndarray, **options: Any) -> None:
    """Outputs and the gradients of inputs and parameters; array options become tensors."""

    def run(lib: Any, layer: Any) -> list[np.ndarray]:
        inputs = [lib.tensor(a, requires_grad=True) for a in arrays]
        given = {
            name: lib.tensor(v) if isinstance(v, np.ndarray) else v for name, v in options.items()
        }
        out = layer(*inputs, **given)
        outputs = [x for x in (out if isinstance(out, tuple) else (out,)) if x is not None]
        sum((x**2).sum() for x in outputs).backward()
        gradients = [x.grad for x in (*inputs, *layer.parameters()) if x.grad is not None]
        return [x.detach().cpu().numpy() for x in (*outputs, *gradients)]

    for our, their in zip(run(mc, ours), run(torch, theirs), strict=True):
        np.testing.assert_allclose(our, their, atol=1e-10)


MASKS = {
    "none": {},
    "bool": {"attn_mask": np.triu(np.ones((3, 3), bool), 1)},
    "numbers": {"attn_mask": normal(3, 3, seed=5)},
    "of heads": {"attn_mask": normal(4, 3, 3, seed=6)},
    "padding": {"key_padding_mask": np.array([[False, False, True], [False, True, False]])},
    "both": {
        "attn_mask": np.triu(np.ones((3, 3), bool), 2),
        "key_padding_mask": np.array([[False, False, True], [False, False, False]]),
    },
}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("masks", MASKS)
def test_multihead_attention(masks: str, need_weights: bool) -> None:
    ours, theirs = both(lambda lib: lib.nn.MultiheadAttention(8, 2))
    x = normal(3, 2, 8)
    arrays = (x, normal(3, 2, 8, seed=1), normal(3, 2, 8, seed=2))
    compare(ours, theirs, *arrays, need_weights=need_weights, **MASKS[masks])


@pytest.mark.parametrize(
    "options",
    [
        {"batch_first": True},
        {"bias": False},
        {"add_bias_kv": True, "add_zero_attn": True},
        {"kdim": 5, "vdim": 6},
    ],
    ids=str,
)
def test_options_of_multihead_attention(options: dict[str, Any]) -> None:
    ours, theirs = both(lambda lib: lib.nn.MultiheadAttention(8, 2, **options))
    kdim, vdim = options.get("kdim", 8), options.get("vdim", 8)
    arrays = (normal(3, 4, 8), normal(3, 4, kdim, seed=1), normal(3, 4, vdim, seed=2))
    compare(ours, theirs, *arrays, average_attn_weights=False)
    compare(ours, theirs, *(x[:, 0] for x in arrays))


def test_self_attention_has_one_projection() -> None:
    ours, theirs = both(lambda lib: lib.nn.MultiheadAttention(8, 2, batch_first=True))
    x = normal(2, 3, 8)
    out, weights = ours(*[mc.tensor(x)] * 3)
    expected, expected_weights = theirs(*[torch.tensor(x)] * 3)
    np.testing.assert_allclose(out.detach().cpu().numpy(), expected.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(
        weights.detach().cpu().numpy(), expected_weights.detach().numpy(), atol=1e-12
    )


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_encoder_and_decoder(norm_first: bool, activation: str) -> None:
    options = {"dropout": 0.0, "activation": activation, "norm_first": norm_first}

    def encoder(lib: Any) -> Any:
        layer = lib.nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, **options)
        norm = lib.nn.LayerNorm(8)
        return lib.nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False)

    def decoder(lib: Any) -> Any:
        layer = lib.nn.TransformerDecoderLayer(8, 2, 12, batch_first=True, **options)
        return lib.nn.TransformerDecoder(layer, 2)

    source, target = normal(2, 4, 8), normal(2, 3, 8, seed=1)
    compare(*both(encoder), source, mask=np.triu(np.ones((4, 4), bool), 1))
    compare(*both(decoder), target, source, tgt_mask=np.triu(np.full((3, 3), -np.inf), 1))


def test_transformer() -> None:
    ours, theirs = both(
        lambda lib: lib.nn.Transformer(8, 2, 1, 1, 12, dropout=0.0, batch_first=True)
    )
    compare(ours, theirs, normal(2, 4, 8), normal(2, 3, 8, seed=1))
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    assert mask.tolist() == torch.nn.Transformer.generate_square_subsequent_mask(4).tolist()
    with pytest.raises(RuntimeError, match="features"):
        ours(mc.ones(2, 4, 8), mc.ones(2, 4, 7))
    with pytest.raises(RuntimeError, match="batch size"):
        ours(mc.ones(2, 4, 8), mc.ones(3, 4, 8))


def test_errors_of_layers() -> None:
    with pytest.raises(AssertionError, match=r"divisible by num_heads, got 8 and 3"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(ValueError, match=r"greater than 0, got 0 and 2"):
        nn.MultiheadAttention(0, 2)
    layer = nn.MultiheadAttention(8, 2)
    x = mc.ones(3, 2, 8)
    with pytest.raises(
        RuntimeError, match=r"attn_mask must have the shape \(3, 3\) or \(4, 3, 3\)"
    ):
        layer(x, x, x, attn_mask=mc.ones(2, 3))
    with pytest.raises(AssertionError, match=r"key_padding_mask must have the shape \(2, 3\)"):
        layer(x, x, x, key_padding_mask=mc.ones(3, 2))
    with pytest.raises(RuntimeError, match="relu"):
        nn.TransformerEncoderLayer(8, 2, activation="tanh")


def test_no_sequences() -> None:
    layer, x = nn.MultiheadAttention(8, 2, batch_first=True), mc.zeros(0, 3, 8)
    out, weights = layer(x, x, x)
    assert out.shape == (0, 3, 8) and weights.shape == (0, 3, 3)
