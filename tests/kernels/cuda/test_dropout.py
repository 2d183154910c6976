"""Dropout on a GPU draws the bits of Philox4x32-10, in every dtype and layout."""

from __future__ import annotations

import numpy as np
import philox
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

import minicnn
from minicnn.kernels import cuda
from minicnn.kernels.cuda import plain as cuda_plain

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32, minicnn.float64]
STATE = (2**40 + 3, 2**33 + 9)  # with words beyond 32 bits

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)


def normal(shape, dtype):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def check(cp, x, p, on_gpu, kernels=cuda):
    """The result, and the gradient of ``x`` as if it was the result's, against NumPy."""
    out, mask = kernels.dropout(on_gpu, p, philox.generator(STATE))
    expected, expected_mask = philox.dropout(x, p, STATE)
    assert (out.dtype, out.shape) == (x.dtype, x.shape)
    np.testing.assert_array_equal(cp.asnumpy(out), expected)
    grad = kernels.dropout_backward(on_gpu, mask, p)
    np.testing.assert_array_equal(cp.asnumpy(grad), philox.dropout_backward(x, expected_mask, p))
    return out, grad


@dtypes
@pytest.mark.parametrize(
    "shape", [(1,), (2, 3), (7, 5), (33, 64), (4, 3, 5), (2, 8, 1, 1)], ids=str
)
@pytest.mark.parametrize("p", [0.3, 1.0])
@pytest.mark.parametrize("kernels", [cuda, cuda_plain], ids=["fast", "plain"])
def test_rows(cp, kernels, p, shape, dtype):
    x = normal(shape, dtype)
    check(cp, x, p, cp.asarray(x), kernels)


@dtypes
@pytest.mark.parametrize("layout", ["channels-last", "channels-first", "unaligned"])
def test_images(cp, put, layout, dtype):
    x = normal((3, 5, 4, 7), dtype)
    for result in check(cp, x, 0.3, put(x, layout)):
        assert result.transpose(0, 2, 3, 1).flags.c_contiguous


@dtypes
def test_part_of_an_array(cp, dtype):
    """It starts where four numbers cannot be read at once."""
    x = normal(22, dtype)
    check(cp, x[1:], 0.3, cp.asarray(x)[1:])


def test_nothing(cp):
    x = np.ones((0, 3), np.float32)
    check(cp, x, 0.5, cp.asarray(x))
