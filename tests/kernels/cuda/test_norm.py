"""Normalisation on a GPU against torch: in 16 bits, in vectors and single channels."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")
torch = pytest.importorskip("torch")

import minicnn
from minicnn.kernels import cuda

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32]
# 24 channels are whole vectors of 16 bytes, of all dtypes; 5 are not
SHAPES = [(3, 24, 4, 6), (3, 5, 4, 6), (70, 24), (2, 264, 3)]

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)
layouts = pytest.mark.parametrize("layout", ["channels-last", "channels-first", "unaligned"])
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def normal(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def parameter(dtype):
    """The dtype of weight, bias and statistics."""
    return np.float64 if dtype == np.float64 else np.float32


@dtypes
@layouts
@shapes
def test_batch_norm(cp, put, assert_close, shape, layout, dtype):
    x, grad = (2 * normal(shape, float) + 3).astype(dtype), normal(shape, dtype, seed=1)
    weight, bias = normal((2, shape[1]), parameter(dtype), seed=2)
    tensors = [
        torch.tensor(each.astype(np.float64), requires_grad=True) for each in (x, weight, bias)
    ]
    expected = torch.nn.functional.batch_norm(
        tensors[0], None, None, *tensors[1:], training=True, eps=0.1
    )
    expected.backward(torch.tensor(grad.astype(np.float64)))

    arrays = cp.asarray(weight), cp.asarray(bias)
    out, mean, variance = cuda.batch_norm(put(x, layout), *arrays, 0.1)
    axes = (0, *range(2, x.ndim))
    assert_close(out, expected.detach())
    assert_close(mean, x.astype(np.float64).mean(axes))
    assert_close(variance, x.astype(np.float64).var(axes))

    on_gpu = put(grad, layout), put(x, layout), arrays[0]
    gradients = cuda.batch_norm_backward(*on_gpu, mean, variance, 0.1)
    for result, tensor in zip(gradients, tensors, strict=True):
        assert_close(result, tensor.grad)
    assert [each.dtype for each in (out, mean, variance)] == [dtype, *[parameter(dtype)] * 2]
    assert [each.dtype for each in gradients] == [dtype, *[parameter(dtype)] * 2]


def test_batch_norm_without_weight_and_bias(cp, put, assert_close):
    x, grad = normal((2, 2, 3, 4, 4), np.float32)
    ones, zeros = cp.ones(3, np.float32), cp.zeros(3, np.float32)
    plain = cuda.batch_norm(put(x), None, None, 1e-5)
    for result, expected in zip(plain, cuda.batch_norm(put(x), ones, zeros, 1e-5), strict=True):
        assert_close(result, cp.asnumpy(expected))
    gradients = cuda.batch_norm_backward(put(grad), put(x), None, *plain[1:], 1e-5)
    same = cuda.batch_norm_backward(put(grad), put(x), ones, *plain[1:], 1e-5)
    for result, expected in zip(gradients, same, strict=True):
        assert_close(result, cp.asnumpy(expected))


@dtypes
@layouts
def test_batch_norm_relu(cp, put, assert_close, layout, dtype):
    for shape in SHAPES[:2]:
        x, grad = (normal(shape, dtype, seed) for seed in range(2))
        weight, bias = normal((2, shape[1]), parameter(dtype), seed=3)
        tensors = [
            torch.tensor(each.astype(np.float64), requires_grad=True) for each in (x, weight, bias)
        ]
        expected = torch.nn.functional.batch_norm(
            tensors[0], None, None, *tensors[1:], training=True, eps=0.1
        ).relu()
        expected.backward(torch.tensor(grad.astype(np.float64)))

        arrays = cp.asarray(weight), cp.asarray(bias)
        out, mean, variance = cuda.batch_norm_relu(put(x, layout), *arrays, 0.1)
        assert_close(out, expected.detach())
        statistics = arrays[0], mean, variance, 0.1
        gradients = cuda.batch_norm_relu_backward(
            put(grad, layout), out, put(x, layout), *statistics
        )
        for result, tensor in zip(gradients, tensors, strict=True):
            assert_close(result, tensor.grad)


def test_batch_norm_of_many_blocks(cp, put, assert_close):
    x = normal((40, 24, 20, 20), np.float32)  # 16000 rows, and several vectors for each thread
    out, mean, variance = cuda.batch_norm(put(x), None, None, 1e-5)
    exact = x.astype(np.float64)
    axes = (0, 2, 3)
    assert_close(mean, exact.mean(axes), roundings=10)
    assert_close(variance, exact.var(axes))
    deviation = np.sqrt(exact.var(axes, keepdims=True) + 1e-5)
    assert_close(out, (exact - exact.mean(axes, keepdims=True)) / deviation)


@pytest.mark.parametrize("dtype", DTYPES[:1], ids=str)
def test_sums_of_half_precision_do_not_overflow(cp, put, dtype):
    x = (normal((32, 8, 8, 8), float) * 1000).astype(dtype)  # squares overflow float16
    _, _, variance = cuda.batch_norm(put(x), None, None, 1e-5)
    expected = x.astype(np.float64).var((0, 2, 3))
    np.testing.assert_allclose(cp.asnumpy(variance), expected, rtol=1e-5)


@dtypes
@layouts
@shapes
def test_channel_affine(cp, put, assert_close, shape, layout, dtype):
    x, (scale, shift) = normal(shape, dtype), normal((2, shape[1]), parameter(dtype), seed=1)
    arguments = put(x, layout), cp.asarray(scale), cp.asarray(shift)
    by_channel = (-1, *(1,) * (len(shape) - 2))
    expected = x.astype(float) * scale.reshape(by_channel) + shift.reshape(by_channel)
    out = cuda.channel_affine(*arguments)
    assert out.dtype == dtype
    assert_close(out, expected)
    assert_close(cuda.channel_affine_relu(*arguments), np.maximum(expected, 0))


def test_threads_of_channel_affine_take_several_vectors(cp, put, assert_close, monkeypatch):
    x = normal((3, 24, 5, 7), np.float32)
    scale, shift = cp.asarray(normal(24, np.float32)), cp.zeros(24, np.float32)
    expected = cp.asnumpy(cuda.channel_affine(put(x), scale, shift))
    for enough in (1, 100, 200):  # 630 vectors: 8, 6 or 3 for each thread
        monkeypatch.setattr("minicnn.kernels.cuda.norm._ENOUGH_THREADS", enough)
        assert_close(cuda.channel_affine(put(x), scale, shift), expected, roundings=0)


@dtypes
@pytest.mark.parametrize("shape", [(0, 24, 3, 5), (0, 5, 2, 2)], ids=str)
def test_empty_batch(cp, put, shape, dtype):
    x = np.zeros(shape, dtype)
    ones = cp.ones(shape[1], parameter(dtype))
    assert cuda.channel_affine(put(x), ones, ones).shape == shape
    assert cuda.local_response_norm(put(x), 5, 1e-4, 0.75, 2.0).shape == shape


@dtypes
@pytest.mark.parametrize("size", [2, 5])
def test_local_response_norm(put, assert_close, size, dtype):
    x, grad = normal((2, 7, 3, 2), dtype), normal((2, 7, 3, 2), dtype, seed=1)
    torch_x = torch.tensor(x.astype(np.float64), requires_grad=True)
    options = (size, 0.8, 0.75, 1.5)
    expected = torch.nn.functional.local_response_norm(torch_x, *options)
    expected.backward(torch.tensor(grad.astype(np.float64)))
    assert_close(cuda.local_response_norm(put(x), *options), expected.detach())
    grad_x = cuda.local_response_norm_backward(put(grad), put(x), *options)
    assert grad_x.dtype == dtype
    assert_close(grad_x, torch_x.grad)
