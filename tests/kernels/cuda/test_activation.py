"""ReLU and bias gradients on a GPU: in 16 bits, in vectors and single elements."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

import minicnn
from minicnn.kernels import cuda

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32]
LAYOUTS = ["channels-last", "channels-first", "unaligned"]
# 24 channels are whole vectors of 16 bytes, of all dtypes; 5 are not. The last has a single block
# of channels in several parts, the one before more rows than a block reads at a time.
SHAPES = [(2, 24, 3, 5), (3, 5, 2, 4), (7, 24), (700, 5), (40, 24, 7, 9), (2, 520)]

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)
layouts = pytest.mark.parametrize("layout", LAYOUTS)
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def normal(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@dtypes
@layouts
@pytest.mark.parametrize("shape", [(2, 24, 3, 5), (3, 5, 1, 3)], ids=str)
def test_relu(cp, put, shape, layout, dtype):
    x, grad = normal(shape, dtype), normal(shape, dtype, seed=1)
    x[0, 0, 0, :3] = [math.nan, -math.inf, math.inf]
    out = cuda.relu(put(x, layout))
    assert out.dtype == dtype
    np.testing.assert_array_equal(
        cp.asnumpy(out).astype(float),
        np.maximum(x.astype(float), 0),  # bfloat16's NaNs differ
    )
    back = cuda.relu_backward(put(grad, "channels-first"), put(x, layout))
    np.testing.assert_array_equal(
        cp.asnumpy(back), np.where(x.astype(float) > 0, grad, dtype.type(0))
    )


@dtypes
def test_erf(cp, put, assert_close, dtype):
    x = normal((2, 5, 3, 4), dtype)
    expected = [math.erf(value) for value in x.reshape(-1).astype(float)]
    assert_close(cuda.erf(put(x)), np.reshape(expected, x.shape))


@dtypes
@layouts
@shapes
def test_channel_sum(put, assert_close, shape, layout, dtype):
    x = normal(shape, dtype)
    total = cuda.channel_sum(put(x, layout))
    assert total.dtype == dtype
    assert_close(total, x.astype(np.float64).sum((0, *range(2, x.ndim))), roundings=2)


@dtypes
@layouts
@shapes
def test_relu_bias_backward(cp, put, assert_close, shape, layout, dtype):
    grad, out = normal(shape, dtype), np.maximum(normal(shape, dtype, seed=1), dtype.type(0))
    expected = np.where(out > 0, grad, dtype.type(0))
    grad_x, grad_bias = cuda.relu_bias_backward(put(grad, layout), put(out, layout))
    assert grad_x.dtype == grad_bias.dtype == dtype
    assert_close(grad_x, expected, roundings=0)
    axes = (0, *range(2, grad.ndim))
    assert_close(grad_bias, expected.astype(np.float64).sum(axes), roundings=2)


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


@dtypes
@pytest.mark.parametrize("shape", [(0, 24, 3, 5), (0, 5)], ids=str)
def test_empty_batch(cp, put, shape, dtype):
    x = np.zeros(shape, dtype)
    assert cuda.relu(put(x)).shape == shape
    assert cuda.relu_backward(put(x), put(x)).shape == shape
    grad_x, grad_bias = cuda.relu_bias_backward(put(x), put(x))
    assert grad_x.shape == shape
    np.testing.assert_array_equal(cp.asnumpy(grad_bias), np.zeros(shape[1]))
    np.testing.assert_array_equal(cp.asnumpy(cuda.channel_sum(put(x))), np.zeros(shape[1]))


def test_infinite_gradients_under_a_closed_relu_are_dropped(cp, put):
    grad = np.full((2, 24), np.inf, np.float32)
    grad_x, grad_bias = cuda.relu_bias_backward(put(grad), put(np.zeros_like(grad)))
    assert not cp.asnumpy(grad_x).any() and not cp.asnumpy(grad_bias).any()
