"""Softmax cross-entropy of many rows, and of numbers out of the ordinary."""

from __future__ import annotations

import numpy as np
import pytest
from on_device import softmax_cross_entropy

from minicnn import bfloat16
from minicnn.kernels import cpu, plain

M, C = 7, 5
TARGET = np.array([0, 1, -100, 3, 4, 4, -100])


def run(logits, target=TARGET, weight=None, ignore_index=-100, label_smoothing=0.0):
    return softmax_cross_entropy(logits, target, weight, ignore_index, label_smoothing)


def test_large_logits_do_not_overflow():
    logits = np.array([[1e4, 0.0, -1e4], [-1e30, -1e30, -1e30]], np.float32)
    losses, grad = run(logits, np.array([1, 2]))
    np.testing.assert_allclose(losses, [1e4, np.log(3)], rtol=1e-6)
    np.testing.assert_allclose(grad, [[1, -1, 0], [1 / 3, 1 / 3, -2 / 3]], atol=1e-6)


def test_nan_in_an_ignored_row_stays_there():
    logits = np.zeros((2, 3))
    logits[1] = np.nan
    losses, grad = run(logits, np.array([0, -100]))
    np.testing.assert_allclose(losses, [np.log(3), 0])
    np.testing.assert_array_equal(grad[1], 0)


@pytest.mark.parametrize("dtype, eps", [(np.float16, 2**-11), (bfloat16, 2**-8)])
def test_halves_are_computed_in_float32(dtype, eps):
    logits = np.random.default_rng(0).standard_normal((4, 3000)).astype(dtype)
    target = np.arange(4)
    losses, grad = run(logits, target)
    exact, exact_grad = run(logits.astype(np.float64), target)
    assert losses.dtype == grad.dtype == dtype
    np.testing.assert_allclose(losses.astype(float), exact, rtol=eps)
    np.testing.assert_allclose(grad.astype(float), exact_grad, rtol=eps, atol=1e-7)


def test_more_rows_than_a_block_holds():
    rng = np.random.default_rng(0)
    logits, target = rng.standard_normal((50_000, 21)), rng.integers(0, 21, 50_000)
    losses, grad = run(logits, target)
    parts = [run(logits[i::7], target[i::7]) for i in range(7)]
    for i, (loss, gradient) in enumerate(parts):
        np.testing.assert_array_equal(losses[i::7], loss)
        np.testing.assert_array_equal(grad[i::7], gradient)


@pytest.mark.cpu_only  # a GPU is not waited for, and gives NaN
@pytest.mark.parametrize("kernels", [cpu, plain], ids=["cpu", "plain"])
@pytest.mark.parametrize("wrong", [-1, 5])
def test_a_target_that_is_no_class_raises(wrong, kernels):
    with pytest.raises(IndexError, match=rf"targets in \[0, 5\) or -100, got {wrong}"):
        kernels.softmax_cross_entropy(np.zeros((2, 5)), np.array([0, wrong]), None, -100, 0.0)
