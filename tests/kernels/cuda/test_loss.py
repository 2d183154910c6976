"""Softmax cross entropy and its gradient on a GPU for numbers out of the ordinary."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

from minicnn.kernels import cuda


def run(cp, logits, target, weight=None, ignore_index=-100, label_smoothing=0.0):
    weight = None if weight is None else cp.asarray(weight)
    results = cuda.softmax_cross_entropy(
        cp.asarray(logits), cp.asarray(target), weight, ignore_index, label_smoothing
    )
    assert all(result.dtype == logits.dtype for result in results)
    return results


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
