"""Bias gradients on a GPU."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

import minicnn
from minicnn.kernels import cuda

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32]


def normal(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
def test_bias_gradients_of_half_precision_may_be_float32(put, assert_close, dtype):
    grad = 100 + normal(
        (9, 24, 5, 5), dtype
    )  # sums of about 22500, where 16-bit floats are 16 or more apart
    grad = grad.astype(dtype)
    expected = grad.astype(np.float64).sum((0, 2, 3))
    for result in (
        cuda.channel_sum(put(grad), np.dtype(np.float32)),
        cuda.relu_bias_backward(put(grad), put(np.ones_like(grad)), minicnn.float32)[1],
    ):
        assert result.dtype == np.float32
        assert_close(result, expected)


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float16")], ids=str)
def test_sums_in_any_dtype(put, assert_close, dtypes):
    x = normal((9, 5, 4, 4), dtypes[0])
    total = cuda.channel_sum(put(x), np.dtype(dtypes[1]))
    assert total.dtype == dtypes[1]
    assert_close(total.astype(np.float16), x.astype(np.float64).sum((0, 2, 3)))


def test_infinite_gradients_under_a_closed_relu_are_dropped(cp, put):
    grad = np.full((2, 24), np.inf, np.float32)
    grad_x, grad_bias = cuda.relu_bias_backward(put(grad), put(np.zeros_like(grad)))
    assert not cp.asnumpy(grad_x).any() and not cp.asnumpy(grad_bias).any()
