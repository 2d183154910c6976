"""Adaptive pooling on a GPU where maxima are not unique."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

import minicnn
from minicnn.kernels import cuda

NAN, INF = float("nan"), float("inf")

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32]

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)


@dtypes
def test_adaptive_max_pool_takes_the_last_nan_or_the_first_maximum(put, assert_close, dtype):
    rows = [[1, NAN, 3, NAN], [-INF, -INF, -INF, -INF], [NAN, NAN, 1, 2], [-4, -3, -3, -5]]
    x = np.array(rows, dtype).reshape(1, 4, 2, 2)
    out, indices = cuda.adaptive_max_pool2d(put(x), (1, 1))
    assert_close(out.reshape(-1), [NAN, -INF, NAN, -3], roundings=0)
    assert indices.get().reshape(-1).tolist() == [3, 0, 1, 1]
    assert_close(cuda.plane_gather(put(x), indices).reshape(-1), [NAN, -INF, NAN, -3])
