"""The kernels of the linear layer against their definition in float64."""

from __future__ import annotations

import numpy as np
import pytest
from ml_dtypes import finfo
from on_device import linear, linear_input_grad, linear_relu, linear_weight_grad

from minicnn.dtypes import bfloat16

pytestmark = pytest.mark.cpu_only

# M, K, N; the third needs several blocks of rows; the gradient of a large weight by few rows is
# computed a few rows at a time
SIZES = [(1, 1, 1), (5, 7, 3), (300, 40, 2000), (0, 3, 2), (1, 700, 1503), (7, 1050, 1003)]


def numbers(*shapes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-4), (np.float64, 1e-12)])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("M, K, N", SIZES)
def test_linear(M, K, N, with_bias, relu, dtype, tolerance):
    x, weight, bias = numbers((M, K), (N, K), (N,), dtype=dtype)
    expected = np.einsum("mk,nk->mn", x.astype(float), weight.astype(float))
    expected += bias if with_bias else 0
    expected = np.where(expected > 0, expected, 0) if relu else expected
    function = linear_relu if relu else linear
    out = function(x, weight, bias if with_bias else None)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("M, K, N", SIZES)
def test_gradients(M, K, N):
    grad, x, weight = numbers((M, N), (M, K), (N, K))
    np.testing.assert_allclose(
        linear_input_grad(grad, weight), np.einsum("mn,nk->mk", grad, weight), atol=1e-10
    )
    np.testing.assert_allclose(
        linear_weight_grad(grad, x), np.einsum("mn,mk->nk", grad, x), atol=1e-10
    )


@pytest.mark.parametrize("half", [np.dtype(np.float16), bfloat16])
@pytest.mark.parametrize("M", [1, 7])
def test_the_gradient_of_a_large_weight_is_rounded_once(M, half):
    grad, x = numbers((M, 1003), (M, 1050), dtype=half)
    wide = np.einsum("mn,mk->nk", grad.astype(np.float32), x.astype(np.float32))
    assert linear_weight_grad(grad, x).dtype == half
    np.testing.assert_allclose(linear_weight_grad(grad, x, np.float32), wide, atol=1e-5)
    np.testing.assert_allclose(
        linear_weight_grad(grad, x).astype(np.float32),
        wide,
        rtol=float(finfo(half).eps) / 2 + 1e-6,
        atol=1e-6,
    )


def test_any_strides():
    x, weight, bias = numbers((8, 6), (4, 6), (4,))
    expected = linear(x, weight, bias)
    strided = np.asfortranarray(x), np.repeat(weight, 2, axis=0)[::2], bias[::-1].copy()[::-1]
    np.testing.assert_allclose(linear(*strided), expected, atol=1e-14)


def test_nan_passes_through_relu():
    out = linear_relu(np.array([[np.nan], [-1.0]]), np.ones((1, 1)), np.zeros(1))
    np.testing.assert_array_equal(out, [[np.nan], [0]])
