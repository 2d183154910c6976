"""Normalisation against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_close, assert_same, channels_last, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck
from minicnn.ops.fused import batch_norm_relu

DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
SHAPES = [(4, 3), (2, 3, 5), (2, 3, 4, 5), (1, 3, 2, 1), (2, 1, 3, 3)]


def affine(shape: tuple[int, ...], which: str) -> list[Any]:
    """weight and bias of a shape, or None for those that ``which`` does not name."""
    weight, bias = 1 + 0.3 * normal(*shape, seed=1), normal(*shape, seed=2)
    return [weight if "w" in which else None, bias if "b" in which else None]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("which", ["wb", "w", "b", ""])
@DTYPES
def test_batch_norm_training(shape: Any, which: str, dtype: Any) -> None:
    x = 2 + 3 * normal(*shape)
    running = [normal(shape[1], seed=3).astype(dtype), np.ones(shape[1], dtype)]
    ours = [minicnn.tensor(a) for a in running]
    theirs = [torch.tensor(a) for a in running]
    options = {"training": True, "momentum": 0.3, "eps": 1e-3}
    assert_same(
        lambda x, w, b: F.batch_norm(x, *ours, w, b, **options),
        lambda x, w, b: TF.batch_norm(x, *theirs, w, b, **options),
        [x, *affine((shape[1],), which)],
        dtype,
    )
    for our, their in zip(ours, theirs):
        assert_close(our, their, 1e-6, "running statistics")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("which", ["wb", ""])
@DTYPES
def test_batch_norm_evaluation(shape: Any, which: str, dtype: Any) -> None:
    C = shape[1]
    assert_same(
        lambda x, m, v, w, b: F.batch_norm(x, m.detach(), v.detach(), w, b),
        lambda x, m, v, w, b: TF.batch_norm(x, m.detach(), v.detach(), w, b),
        [normal(*shape), normal(C), np.abs(normal(C)) + 0.1, *affine((C,), which)],
        dtype,
    )


def test_batch_norm_without_running_statistics() -> None:
    def network(f: Any) -> Any:
        return lambda x: f.batch_norm(x, None, None, training=True)

    assert_same(network(F), network(TF), [normal(3, 2, 4)])


def test_batch_norm_evaluates_alike_with_and_without_gradients() -> None:
    rng = np.random.default_rng(0)
    x, *channels = (
        minicnn.from_numpy(rng.uniform(0.5, 2, shape).astype(np.float32))
        for shape in ((2, 5, 3, 3), (5,), (5,), (5,), (5,))
    )
    mean, var, weight, bias = channels
    without = F.batch_norm(x, mean, var, weight, bias)
    recorded = F.batch_norm(x, mean, var, weight.requires_grad_(), bias)
    assert recorded.requires_grad and not without.requires_grad
    np.testing.assert_array_equal(without.cpu().numpy(), recorded.detach().cpu().numpy())


def test_batch_norm_far_from_zero() -> None:
    """The variance is not a small difference of large numbers."""
    x = 1000 + 0.1 * normal(4, 3, 8, 8)
    out = F.batch_norm(minicnn.tensor(x.astype(np.float32)), None, None, training=True)
    assert abs(out.cpu().numpy().std() - 1) < 0.01


def test_batch_norm_of_a_constant_channel() -> None:
    out = F.batch_norm(minicnn.full((2, 3, 4, 4), 5.0), None, None, training=True)
    np.testing.assert_allclose(out.cpu().numpy(), 0, atol=1e-3)


@pytest.mark.parametrize("which", ["wb", ""])
@pytest.mark.parametrize("shape", [(2, 2, 3), (2, 3, 2, 2)])
@DTYPES
def test_layer_norm(which: str, shape: Any, dtype: Any) -> None:
    for count in range(1, len(shape) + 1):
        inner = shape[-count:]
        assert_same(
            lambda x, w, b, inner=inner: F.layer_norm(x, inner, w, b, 1e-4),
            lambda x, w, b, inner=inner: TF.layer_norm(x, inner, w, b, 1e-4),
            [normal(*shape), *affine(inner, which)],
            dtype,
        )


@pytest.mark.parametrize("which", ["wb", "w", ""])  # torch cannot differentiate a bias alone
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(2, 4, 3, 5), (1, 4, 2), (3, 4, 1, 2), (2, 8)])
@DTYPES
def test_group_norm(which: str, groups: int, shape: Any, dtype: Any) -> None:
    assert_same(
        lambda x, w, b: F.group_norm(x, groups, w, b),
        lambda x, w, b: TF.group_norm(x, groups, w, b),
        [normal(*shape), *affine(shape[1:2], which)],
        dtype,
    )


@pytest.mark.parametrize("shape", [(2, 7, 3, 4), (1, 1, 2, 2), (2, 4, 5), (2, 6, 2, 3, 2)])
@pytest.mark.parametrize(
    "options",
    [
        {"size": 5},
        {"size": 2, "alpha": 0.3},
        {"size": 3, "alpha": 0.5, "beta": 1.3, "k": 2.0},
        {"size": 9, "alpha": 1.0, "beta": 0.5},
        {"size": 1, "alpha": 1.0},
    ],
)
@DTYPES
def test_local_response_norm(shape: Any, options: Any, dtype: Any) -> None:
    assert_same(
        lambda x: F.local_response_norm(x, **options),
        lambda x: TF.local_response_norm(x, **options),
        [3 * normal(*shape)],
        dtype,
    )


@pytest.mark.parametrize("p", [2.0, 0.5, 1, 3.0, 0, -1.0, np.inf, -np.inf])
@pytest.mark.parametrize("dim", [1, -1, (0, 2), None])
@DTYPES
def test_normalize(p: float, dim: Any, dtype: Any) -> None:
    x = np.concatenate([normal(3, 4, 2), np.zeros((1, 4, 2))])
    options = {"p": p, "dim": dim}
    assert_same(
        lambda x: F.normalize(x, **options), lambda x: TF.normalize(x, **options), [x], dtype
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_normalize_zeros_in_half_precision(dtype: str) -> None:
    """The default eps is 0 in float16."""
    ours = F.normalize(minicnn.zeros(2, 3).to(getattr(minicnn, dtype)))
    theirs = TF.normalize(torch.zeros(2, 3).to(getattr(torch, dtype)))
    np.testing.assert_array_equal(ours.float().cpu().numpy(), theirs.float().numpy())


@pytest.mark.parametrize("shape", [(0, 4), (2, 4, 0), (0, 4, 2, 2), (2, 4, 0, 3)])
@pytest.mark.parametrize("which", ["wb", ""])
def test_empty_batches(shape: Any, which: str) -> None:
    """The results are empty, gradients of parameters 0, and running statistics stay."""
    arrays = [np.zeros(shape), *affine((4,), which)]
    mean, var = minicnn.ones(4, dtype=minicnn.float64), minicnn.ones(4, dtype=minicnn.float64)

    def batch_norm(f: Any) -> Any:
        statistics = (mean, var) if f is F else (torch.ones(4).double(), torch.ones(4).double())
        return lambda x, w, b: f.batch_norm(x, *statistics, w, b, training=True)

    assert_same(batch_norm(F), batch_norm(TF), arrays)
    assert (mean.cpu().numpy() == 1).all() and (var.cpu().numpy() == 1).all()
    assert_same(
        lambda x, w, b: F.group_norm(x, 2, w, b),
        lambda x, w, b: TF.group_norm(x, 2, w, b),
        arrays,
        grad=shape[0] == 0,  # else torch's gradient of the weight is NaN, of nothing at all
    )
    if len(shape) > 2:
        arrays = arrays[:1]
        assert_same(
            lambda x: F.local_response_norm(x, 3), lambda x: TF.local_response_norm(x, 3), arrays
        )


def test_batch_norm_of_nothing_at_all() -> None:
    for training in (True, False):
        x = minicnn.zeros(0)
        assert F.batch_norm(x, x, x, training=training).shape == (0,)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 6, 3), (2, 5, 3, 2), (1, 4, 2, 1, 3)])
def test_local_response_norm_of_integers(size: int, shape: Any) -> None:
    x = np.random.default_rng(0).integers(-9, 9, shape)
    assert_same(
        lambda x: F.local_response_norm(x, size, alpha=2.0),
        lambda x: TF.local_response_norm(x, size, alpha=2.0),
        [x],
        tolerance=1e-6,
    )


SPECIAL = np.array([[0.0, 1.0, 1e30, -1e30], [np.inf, 2.0, 0.5, -1.0], [np.nan, 1.0, 0.0, 3.0]])


@pytest.mark.parametrize(
    "operation",
    [
        lambda f, x: f.batch_norm(x, None, None, training=True),
        lambda f, x: f.layer_norm(x, x.shape[1:]),
        lambda f, x: f.group_norm(x, 2),
        lambda f, x: f.local_response_norm(x, 3, alpha=1.0),
        lambda f, x: f.local_response_norm(x, 3, k=0.0),
    ],
)
@pytest.mark.cpu_only  # on a GPU statistics of 1e30 overflow
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_special_values(operation: Any) -> None:
    """NaN and inf reach the same results as in torch, without a word from NumPy."""
    x = SPECIAL.reshape(3, 4, 1).repeat(2, axis=2).astype(np.float32)
    ours, theirs = operation(F, minicnn.tensor(x)), operation(TF, torch.tensor(x))
    np.testing.assert_allclose(ours.cpu().numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "operation",
    [
        lambda f, x: f.batch_norm(x, None, None, training=True),
        lambda f, x: f.layer_norm(x, x.shape[1:]),
        lambda f, x: f.group_norm(x, 2),
        lambda f, x: f.local_response_norm(x, 3, alpha=1.0),
        lambda f, x: f.normalize(x),
    ],
)
def test_half_precision_is_rounded_once(operation: Any, dtype: str) -> None:
    x = minicnn.tensor(100 + normal(16, 4, 5)).to(getattr(minicnn, dtype))
    exact = operation(F, x.double()).cpu().numpy()
    ours = operation(F, x)
    assert ours.dtype == x.dtype
    step = 2.0**-8 if dtype == "bfloat16" else 2.0**-11
    np.testing.assert_allclose(ours.double().cpu().numpy(), exact, rtol=1.1 * step, atol=1e-5)


def running(x: Any) -> tuple[Any, Any]:
    """Some running mean and variance, of the kind of tensor that ``x`` is."""
    tensor = minicnn.tensor if isinstance(x, minicnn.Tensor) else torch.tensor
    return tensor(np.linspace(-1, 1, x.shape[1])), tensor(np.linspace(0.5, 2, x.shape[1]))


def normalised_and_clipped(f: Any, x: Any, w: Any, b: Any, training: bool) -> Any:
    """relu(batch norm of x), in minicnn fused."""
    statistics = (None, None) if training else running(x)
    if f is F:
        return batch_norm_relu(x, *statistics, w, b, training)
    return f.relu(f.batch_norm(x, *statistics, w, b, training))


OPERATIONS = {
    "batch norm": lambda f, x, w, b: f.batch_norm(x, None, None, w, b, training=True),
    "batch norm, evaluation": lambda f, x, w, b: f.batch_norm(x, *running(x), w, b),
    "batch norm, relu": lambda f, x, w, b: normalised_and_clipped(f, x, w, b, True),
    "batch norm, relu, evaluation": lambda f, x, w, b: normalised_and_clipped(f, x, w, b, False),
    "layer norm": lambda f, x, w, b: f.layer_norm(x, x.shape[-1:]) * w[0] + b[0],
    "group norm": lambda f, x, w, b: f.group_norm(x, 2, w, b),
    "local response norm": lambda f, x, w, b: f.local_response_norm(x, 3, 0.5) * w[0] + b[0],
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("layout", [channels_last, lambda x: x[::-1, :, ::2].copy(order="K")])
def test_memory_layouts(name: str, layout: Any) -> None:
    x = layout(normal(3, 4, 5, 2))
    arrays = [x, *affine((4,), "wb")]
    operation = OPERATIONS[name]
    assert_same(lambda *t: operation(F, *t), lambda *t: operation(TF, *t), arrays)


@pytest.mark.parametrize("name", OPERATIONS)
def test_views_used_twice(name: str) -> None:
    operation = OPERATIONS[name]

    def network(f: Any) -> Any:
        def run(x: Any, w: Any, b: Any) -> Any:
            return operation(f, x[:, ::2, :, 1:], w, b) * operation(f, x[:, 1::2, :, :-1], b, w)

        return run

    assert_same(network(F), network(TF), [normal(2, 8, 3, 4), *affine((4,), "wb")])


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences(name: str, check: Any) -> None:
    arrays = [normal(2, 4, 1, 2), *affine((4,), "wb")]
    tensors = tuple(minicnn.tensor(a, requires_grad=True) for a in arrays)
    assert check(lambda *t: OPERATIONS[name](F, *t), tensors)


def test_running_statistics_are_not_traced() -> None:
    x = minicnn.randn(4, 3, requires_grad=True)
    mean, var = minicnn.zeros(3), minicnn.ones(3)
    for _ in range(2):
        F.batch_norm(x, mean, var, training=True)
    assert not mean.requires_grad and not var.requires_grad
    assert np.abs(mean.cpu().numpy()).min() > 0


x, ones = minicnn.zeros(2, 3, 4, 4), minicnn.ones(3)
ERRORS = [
    (
        ValueError,
        lambda: F.batch_norm(x[:1, :, :1, :1], None, None, training=True),
        "1 value per channel",
    ),
    (ValueError, lambda: F.batch_norm(x, None, None, training=True, eps=0.0), "above 0 when"),
    (ValueError, lambda: F.batch_norm(x, ones, ones, eps=-1.0), "at least 0, got -1.0"),
    (ValueError, lambda: F.batch_norm(x, ones, None), "both running_mean and running_var"),
    (RuntimeError, lambda: F.batch_norm(x.long(), ones, ones), "floating-point numbers, got int64"),
    (RuntimeError, lambda: F.batch_norm(x, ones, ones.double()), "running_var of float32, got flo"),
    (RuntimeError, lambda: F.layer_norm(x, 4, minicnn.ones(4).half()), "weight of float32, got"),
    (RuntimeError, lambda: F.group_norm(x.half(), 1, ones.double()), "weight of float16, got"),
    (RuntimeError, lambda: F.batch_norm(x, None, None), "needs running_mean"),
    (RuntimeError, lambda: F.batch_norm(x[0, 0, 0], None, None, training=True), r"\(N, C, ...\)"),
    (
        RuntimeError,
        lambda: F.batch_norm(x, None, None, minicnn.ones(4), training=True),
        r"expects 4 channels, as many as weight has, got input of shape \(2, 3, 4, 4\)",
    ),
    (RuntimeError, lambda: F.layer_norm(x, (4, 5)), r"shape \(..., 4, 5\), got \(2, 3, 4, 4\)"),
    (
        RuntimeError,
        lambda: F.layer_norm(x, 4, minicnn.ones(3)),
        r"weight of shape \(4,\), got \(3,\)",
    ),
    (RuntimeError, lambda: F.group_norm(x, 2), "num_groups=2 must divide the 3 channels"),
    (RuntimeError, lambda: F.group_norm(x, 3, minicnn.ones(4)), "expects 4 channels, as many as"),
    (ValueError, lambda: F.group_norm(x[:1, :, 0, 0], 3), "more than 1 value per group"),
    (ValueError, lambda: F.local_response_norm(x[0, 0], 3), "3 or more dimensions"),
    (ValueError, lambda: F.local_response_norm(x, 0), "size of at least 1, got 0"),
]


@pytest.mark.parametrize("kind, call, message", ERRORS)
def test_errors(kind: Any, call: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
