"""Operations that move elements, against PyTorch and finite differences."""

import numpy as np
import pytest
import torch
from oracle import assert_same, channels_last, normal, shares_memory

import minicnn as mc
from minicnn.autograd import gradcheck, gradgradcheck

X = np.random.default_rng(0).standard_normal((2, 3, 4))

METHODS = {
    "reshape": lambda x: x.reshape(4, 6),
    "reshape with -1": lambda x: x.reshape((-1, 3)),
    "view": lambda x: x.view(2, 12),
    "reshape of a transpose": lambda x: x.transpose(0, 2).reshape(2, 12),
    "permute": lambda x: x.permute(2, 0, 1),
    "permute negative": lambda x: x.permute(-1, 0, 1),
    "transpose": lambda x: x.transpose(-1, 0),
    "T": lambda x: x[0].T,
    "mT": lambda x: x.mT,
    "t": lambda x: x[0].t(),
    "flatten": lambda x: x.flatten(1),
    "flatten all": lambda x: x.flatten(),
    "unflatten": lambda x: x.unflatten(2, (2, -1)),
    "squeeze": lambda x: x[:1].squeeze(),
    "squeeze one": lambda x: x[:1].squeeze(0),
    "squeeze nothing": lambda x: x.squeeze(1),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "unsqueeze last": lambda x: x.unsqueeze(-1),
    "expand": lambda x: x[:, :1].expand(5, 2, 3, 4),
    "expand with -1": lambda x: x[:, :1].expand(-1, 6, -1),
    "repeat": lambda x: x.repeat(2, 1, 3),
    "repeat with a new dimension": lambda x: x.repeat(2, 1, 1, 2),
    "split": lambda x: x.split(2, 2)[1],
    "split unevenly": lambda x: x.split([1, 3], -1)[1],
    "chunk": lambda x: x.chunk(2, 1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "flip": lambda x: x.flip(0, 2),
    "contiguous": lambda x: x.transpose(0, 1).contiguous(),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", METHODS)
def test_methods(name, dtype):
    assert_same(METHODS[name], METHODS[name], [X], dtype)


@pytest.mark.parametrize("name", METHODS)
def test_gradients_by_finite_differences(name):
    x = mc.tensor(X, requires_grad=True)
    assert gradcheck(lambda x: METHODS[name](x) ** 2, x)
    assert gradgradcheck(lambda x: METHODS[name](x) ** 2, x)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cat_and_stack(dim):
    for name in ("cat", "stack"):
        assert_same(
            lambda *parts, name=name: getattr(mc, name)(parts, dim),
            lambda *parts, name=name: getattr(torch, name)(parts, dim),
            [X, X + 1, X * 2],
        )


def test_cat_of_one_tensor_twice_sums_its_gradients():
    assert_same(lambda x: mc.cat([x, x, x * 2]), lambda x: torch.cat([x, x, x * 2]), [X])


def test_cat_of_other_dtypes_and_of_nothing():
    parts = mc.ones(1, dtype=mc.int64), mc.ones(1)
    assert mc.cat(parts).dtype == mc.float32
    assert mc.cat([mc.tensor([]), mc.ones(2, 3)]).shape == (2, 3)
    with pytest.raises(IndexError, match=r"at least one dimension, got shape \(\)"):
        mc.cat([mc.tensor(1.0)])


def test_flip_of_no_dimension():
    assert mc.arange(3).flip([]).tolist() == [0, 1, 2]


def test_views_share_memory_and_copies_do_not():
    x = mc.zeros(2, 3)
    for view in (
        x.reshape(3, 2),
        x.t(),
        x[0],
        x[:, 1:],
        x.expand(4, 2, 3),
        x.detach(),
        x.flatten(),
    ):
        assert shares_memory(view, x)
    for copy in (x.clone(), x.t().reshape(6), x[[0, 1]], x.flip(0)):
        assert not shares_memory(copy, x)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda x: x.reshape(5, 5), r"shape of 24 elements, got \(5, 5\) for \(2, 3, 4\)"),
        (lambda x: x.permute(0, 1), r"each of 3 dimensions once, got \(0, 1\)"),
        (lambda x: x.expand(-1, 2, 3, 4), r"broadcasts to, got \(-1, 2, 3, 4\)"),
        (lambda x: mc.cat([x[0, 0], x[0]], 0), r"differ in dimension 0 only"),
        (lambda x: x.expand(2, 5, 4), r"\(2, 3, 4\) broadcasts to, got \(2, 5, 4\)"),
        (
            lambda x: mc.cat([x, x[:, :2]]),
            r"differ in dimension 0 only, got \(2, 3, 4\), \(2, 2, 4\)",
        ),
        (lambda x: mc.stack([x, x[0]]), "tensors of one shape"),
        (lambda x: x.split([1, 1], 2), r"add up to 4, got \[1, 1\]"),
        (lambda x: mc.cat([]), "at least one tensor"),
    ],
)
def test_errors_state_the_rule_and_the_values(wrong, message):
    with pytest.raises(RuntimeError, match=message):
        wrong(mc.tensor(X))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: mc.cat([x, y], 1),
        lambda x, y: mc.cat([x, y], 0),
        lambda x, y: mc.cat([x, y], -1),
        lambda x, y: x + y,
        lambda x, y: x * y,
    ],
    ids=["channels", "images", "columns", "add", "mul"],
)
def test_images_stay_channels_last(function):
    x, y = (channels_last(normal(2, 3, 4, 5, seed=seed)) for seed in (0, 1))
    out = function(mc.tensor(x), mc.tensor(y))
    assert out.permute(0, 2, 3, 1).is_contiguous()
    expected = function(mc.tensor(x.copy("C")), mc.tensor(y.copy("C")))
    np.testing.assert_array_equal(out.cpu().numpy(), expected.cpu().numpy())
