"""Batch and local response normalisation against torch."""

from __future__ import annotations

import numpy as np
import on_device as kernels
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

C = 5
SHAPES = [(6, C), (4, C, 7), (3, C, 4, 6), (2, C, 1, 1)]
DTYPES = [(np.float64, 1e-10), (np.float32, 2e-5)]


def normal(shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def channels_last(x):
    return np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)


def assert_close(result, expected, tolerance):
    expected = expected.detach().numpy() if isinstance(expected, torch.Tensor) else expected
    assert result.dtype == expected.dtype
    scale = tolerance * np.abs(expected).max()
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=scale)


@pytest.mark.parametrize("dtype, tolerance", DTYPES)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("layout", [np.copy, channels_last, np.asfortranarray])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm(shape, layout, affine, dtype, tolerance):
    x, grad = 3 * normal(shape, dtype) + 2, normal(shape, dtype, seed=1)
    weight, bias = normal((2, C), dtype, seed=2) if affine else (None, None)
    tensors = [
        None if a is None else torch.tensor(a, requires_grad=True) for a in (x, weight, bias)
    ]
    expected = F.batch_norm(tensors[0], None, None, *tensors[1:], training=True, eps=0.1)
    expected.backward(torch.tensor(grad))

    out, mean, variance = kernels.batch_norm(layout(x), weight, bias, 0.1)
    axes = (0, *range(2, x.ndim))
    assert_close(out, expected, tolerance)
    assert_close(mean, x.mean(axes), tolerance)
    assert_close(variance, x.var(axes), tolerance)

    grads = kernels.batch_norm_backward(layout(grad), x, weight, mean, variance, 0.1)
    assert_close(grads[0], tensors[0].grad, tolerance)
    if affine:
        assert_close(grads[1], tensors[1].grad, tolerance)
        assert_close(grads[2], tensors[2].grad, tolerance)


@pytest.mark.fast_only
@pytest.mark.parametrize("layout", [np.copy, channels_last, np.asfortranarray])
def test_layout_of_results(layout):
    x, grad = layout(normal((3, C, 4, 6))), layout(normal((3, C, 4, 6), seed=1))
    out, mean, variance = kernels.batch_norm(x, None, None, 0.1)
    grad_x, *_ = kernels.batch_norm_backward(grad, x, None, mean, variance, 0.1)
    for result in (out, grad_x):
        assert result.transpose(0, 2, 3, 1).flags.c_contiguous


def test_batch_norm_of_many_blocks():
    shape = (16, 64, 60, 70)
    x, grad = normal(shape, np.float32), normal(shape, np.float32, seed=1)
    torch_x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    expected = F.batch_norm(torch_x, None, None, training=True)
    expected.backward(torch.tensor(grad, dtype=torch.float64))
    out, mean, variance = kernels.batch_norm(x, None, None, 1e-5)
    grad_x, *_ = kernels.batch_norm_backward(grad, x, None, mean, variance, 1e-5)
    np.testing.assert_allclose(out, expected.detach(), atol=1e-5)
    np.testing.assert_allclose(grad_x, torch_x.grad, atol=1e-5)


def test_variance_survives_a_large_mean():
    # float32 has 7 digits, so E[x^2] - E[x]^2 would lose all of the variance, 1.
    x = normal((64, C, 9, 9), np.float64) + 3000
    _, _, variance = kernels.batch_norm(x.astype(np.float32), None, None, 1e-5)
    np.testing.assert_allclose(variance, x.var((0, 2, 3)), rtol=1e-3)


def test_float16_has_float32_statistics():
    x = (normal((32, C, 8, 8)) * 100).astype(np.float16)  # squares overflow float16
    out, mean, variance = kernels.batch_norm(x, None, None, 1e-5)
    assert out.dtype == np.float16 and mean.dtype == variance.dtype == np.float32
    np.testing.assert_allclose(variance, x.astype(np.float64).var((0, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize("dtype, tolerance", DTYPES)
@pytest.mark.parametrize("layout", [np.copy, channels_last, np.asfortranarray])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm_relu(shape, layout, dtype, tolerance):
    x, grad = (normal(shape, dtype, seed) for seed in range(2))
    weight, bias = normal((2, C), dtype, seed=3)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, weight, bias)]
    expected = F.relu(F.batch_norm(tensors[0], None, None, *tensors[1:], training=True, eps=0.1))
    expected.backward(torch.tensor(grad))

    out, mean, variance = kernels.batch_norm_relu(layout(x), weight, bias, 0.1)
    axes = (0, *range(2, x.ndim))
    assert_close(out, expected, tolerance)
    assert_close(mean, x.mean(axes), tolerance)
    assert_close(variance, x.var(axes), tolerance)

    given = layout(grad)
    grads = kernels.batch_norm_relu_backward(given, layout(out), x, weight, mean, variance, 0.1)
    for ours, tensor in zip(grads, tensors, strict=True):
        assert_close(ours, tensor.grad, tolerance)
    np.testing.assert_array_equal(given, grad)  # never written to


def test_relu_after_normalisation_keeps_nan_and_stops_infinite_gradients():
    x = np.array([[-3, np.nan], [1, 1], [5, 2]], np.float32)
    out, mean, variance = kernels.batch_norm_relu(x, None, None, 1e-5)
    assert out[0, 0] == 0 and np.isnan(out[:, 1]).all()
    grad = np.array([[np.inf, 1], [1, 1], [1, 1]], np.float32)
    grads = kernels.batch_norm_relu_backward(grad, out, x, None, mean, variance, 1e-5)
    np.testing.assert_array_equal(grads[2], [1, 0])  # x = 1 is the mean, where ReLU gives 0
    assert np.isfinite(grads[0][:, 0]).all()
    shifted = kernels.channel_affine_relu(x, np.full(2, 2, np.float32), np.zeros(2, np.float32))
    np.testing.assert_array_equal(shifted, [[0, np.nan], [2, 2], [10, 4]])


@pytest.mark.parametrize("dtype, tolerance", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_channel_affine(shape, dtype, tolerance):
    x, (scale, shift) = normal(shape, dtype), normal((2, C), dtype, seed=1)
    by_channel = (-1, *(1,) * (len(shape) - 2))
    expected = x * scale.reshape(by_channel) + shift.reshape(by_channel)
    assert_close(kernels.channel_affine(x, scale, shift), expected, tolerance)
    assert_close(kernels.channel_affine_relu(x, scale, shift), np.maximum(expected, 0), tolerance)


@pytest.mark.parametrize("dtype, tolerance", DTYPES)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 20])
@pytest.mark.parametrize("shape", [(3, C, 4, 6), (4, C, 7)], ids=str)
def test_local_response_norm(shape, size, dtype, tolerance):
    x, grad = normal(shape, dtype), normal(shape, dtype, seed=1)
    torch_x = torch.tensor(x, requires_grad=True)
    options = (size, 0.8, 0.75, 1.5)
    expected = F.local_response_norm(torch_x, *options)
    expected.backward(torch.tensor(grad))
    assert_close(kernels.local_response_norm(x, *options), expected, tolerance)
    assert_close(kernels.local_response_norm_backward(grad, x, *options), torch_x.grad, tolerance)
