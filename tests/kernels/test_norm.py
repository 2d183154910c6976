"""Batch normalisation of many, large and special numbers."""

from __future__ import annotations

import numpy as np
import on_device as kernels
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

C = 5


def normal(shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


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
    x = (normal((32, C, 8, 8)) * 1000).astype(np.float16)  # squares overflow float16
    out, mean, variance = kernels.batch_norm(x, None, None, 1e-5)
    assert out.dtype == np.float16 and mean.dtype == variance.dtype == np.float32
    np.testing.assert_allclose(variance, x.astype(np.float64).var((0, 2, 3)), rtol=1e-5)


def test_relu_after_normalisation_keeps_nan_and_stops_infinite_gradients():
    x = np.array([[-3, np.nan], [1, 1], [5, 2]], np.float32)
    out, mean, variance = kernels.batch_norm_relu(x, None, None, 1e-5)
    assert out[0, 0] == 0 and np.isnan(out[:, 1]).all()
    grad = np.array([[np.inf, 1], [1, 1], [1, 1]], np.float32)
    grads = kernels.batch_norm_relu_backward(grad, out, x, None, mean, variance, 1e-5)
    # x = 1 is the mean, where ReLU gives 0; at NaN it passes gradients on
    np.testing.assert_array_equal(grads[2], [1, 3])
    assert np.isfinite(grads[0][:, 0]).all()
    shifted = kernels.channel_affine_relu(x, np.full(2, 2, np.float32), np.zeros(2, np.float32))
    np.testing.assert_array_equal(shifted, [[0, np.nan], [2, 2], [10, 4]])


@pytest.mark.parametrize("kernel", ["channel_affine", "channel_affine_relu"])
@pytest.mark.parametrize("given", ["the argument", "channels-last", "dense"])
def test_channel_affine_written_to_an_array(kernel, given):
    x = normal((2, C, 4, 3), np.float32).transpose(0, 1, 3, 2)
    scale, shift = normal(C, np.float32), normal(C, np.float32, seed=1)
    expected = getattr(kernels, kernel)(x.copy(), scale, shift)
    if given == "channels-last":
        out = np.zeros((2, 3, 4, C), np.float32).transpose(0, 3, 1, 2)
    else:
        out = x if given == "the argument" else np.zeros_like(expected, order="C")
    np.testing.assert_array_equal(getattr(kernels, kernel)(x, scale, shift, out), expected)
