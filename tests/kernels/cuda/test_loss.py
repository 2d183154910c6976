"""Softmax cross entropy and its gradient on a GPU against torch: in 16 bits, for all row sizes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")
torch = pytest.importorskip("torch")

import minicnn
from minicnn.kernels import cuda

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32]
# 1, 2, 4, 8 and 32 threads per row; rows that do and do not fill a warp
SHAPES = [(3, 2), (70, 10), (45, 21), (9, 60), (3, 300)]


def run(cp, logits, target, weight=None, ignore_index=-100, label_smoothing=0.0):
    weight = None if weight is None else cp.asarray(weight)
    results = cuda.softmax_cross_entropy(
        cp.asarray(logits), cp.asarray(target), weight, ignore_index, label_smoothing
    )
    assert all(result.dtype == logits.dtype for result in results)
    return results


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_against_torch(cp, assert_close, shape, weighted, label_smoothing, dtype):
    rng = np.random.default_rng(0)
    logits = (3 * rng.standard_normal(shape) + 50).astype(dtype)
    target = rng.integers(0, shape[1], shape[0])
    target[1] = -7  # ignored
    weight = rng.random(shape[1]).astype(np.float32) if weighted else None
    losses, gradient = run(cp, logits, target, weight, -7, label_smoothing)

    torch_logits = torch.tensor(logits.astype(np.float64), requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        torch_logits,
        torch.tensor(target),
        None if weight is None else torch.tensor(weight.astype(np.float64)),
        ignore_index=-7,
        reduction="none",
        label_smoothing=label_smoothing,
    )
    expected.sum().backward()
    assert_close(losses, expected.detach())
    assert_close(gradient, torch_logits.grad)


def test_extreme_logits(cp):
    inf, nan = np.inf, np.nan
    logits = np.array(
        [
            [-inf, 2.0, 2.0],
            [-3e38, 3e38, 0.0],
            [1e4, -1e4, 1e4],
            [nan, 0.0, 1.0],
            [-inf, -inf, -inf],
            [inf, 0.0, 1.0],
        ],
        np.float32,
    )
    losses, gradient = map(cp.asnumpy, run(cp, logits, np.array([1, 1, 0, 1, 1, 1])))
    log2 = np.log(2)
    np.testing.assert_allclose(losses, [log2, 0, log2, nan, nan, nan], rtol=1e-6)
    np.testing.assert_allclose(gradient[:3], [[0, -0.5, 0.5], [0, 0, 0], [-0.5, 0, 0.5]], atol=1e-7)
    assert np.isnan(gradient[3:]).all()


def test_targets_that_are_no_class_give_nan(cp):
    target = np.array([3, -1, 0, -100])
    losses, gradient = map(cp.asnumpy, run(cp, np.zeros((4, 3), np.float32), target))
    np.testing.assert_array_equal(np.isnan(losses), [True, True, False, False])
    np.testing.assert_array_equal(np.isnan(gradient).all(1), [True, True, False, False])
    np.testing.assert_array_equal(gradient[3], [0, 0, 0])


def test_ignored_rows_may_hold_nan(cp):
    logits = np.full((2, 3), np.nan, np.float32)
    losses, gradient = run(cp, logits, np.array([-100, -100]))
    assert not cp.asnumpy(losses).any() and not cp.asnumpy(gradient).any()


def test_empty_batch(cp):
    losses, gradient = run(cp, np.zeros((0, 3), np.float32), np.zeros(0, np.int64))
    assert losses.shape == (0,) and gradient.shape == (0, 3)
