"""Dropout on a GPU has the bits of the CPU's, in every dtype and layout."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

import minicnn
from minicnn.kernels import cpu, cuda

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32, minicnn.float64]
STATE = (2**40 + 3, 2**33 + 9)  # with words beyond 32 bits

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)


def normal(shape, dtype):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@dtypes
@pytest.mark.parametrize(
    "shape", [(1,), (2, 3), (7, 5), (33, 64), (4, 3, 5), (2, 8, 1, 1)], ids=str
)
@pytest.mark.parametrize("p", [0.3, 1.0])
def test_rows(cp, p, shape, dtype):
    x = normal(shape, dtype)
    out = cuda.dropout(cp.asarray(x), p, cuda.philox_state(lambda: STATE))
    assert (out.dtype, out.shape) == (dtype, shape)
    np.testing.assert_array_equal(cp.asnumpy(out), cpu.dropout(x, p, STATE))


@dtypes
@pytest.mark.parametrize("layout", ["channels-last", "channels-first", "unaligned"])
def test_images(cp, put, layout, dtype):
    x = normal((3, 5, 4, 7), dtype)
    out = cuda.dropout(put(x, layout), 0.3, cuda.philox_state(lambda: STATE))
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous
    np.testing.assert_array_equal(cp.asnumpy(out), cpu.dropout(x, 0.3, STATE))


@dtypes
def test_part_of_an_array(cp, dtype):
    """It starts where four numbers cannot be read at once."""
    x = normal(22, dtype)
    out = cuda.dropout(cp.asarray(x)[1:], 0.3, cuda.philox_state(lambda: STATE))
    np.testing.assert_array_equal(cp.asnumpy(out), cpu.dropout(x[1:], 0.3, STATE))


def test_nothing(cp):
    state = cuda.philox_state(lambda: STATE)
    assert cuda.dropout(cp.ones((0, 3), np.float32), 0.5, state).shape == (0, 3)
