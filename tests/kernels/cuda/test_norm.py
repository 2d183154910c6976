"""How normalisation on a GPU shares its work, and keeps its sums."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

from minicnn.kernels import cuda


def normal(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def test_batch_norm_of_many_blocks(cp, put, assert_close):
    x = normal((40, 24, 20, 20), np.float32)  # 16000 rows, and several vectors for each thread
    out, mean, variance = cuda.batch_norm(put(x), None, None, 1e-5)
    exact = x.astype(np.float64)
    axes = (0, 2, 3)
    assert_close(mean, exact.mean(axes), roundings=10)
    assert_close(variance, exact.var(axes))
    deviation = np.sqrt(exact.var(axes, keepdims=True) + 1e-5)
    assert_close(out, (exact - exact.mean(axes, keepdims=True)) / deviation)


def test_threads_of_channel_affine_take_several_vectors(cp, put, assert_close, monkeypatch):
    x = normal((3, 24, 5, 7), np.float32)
    scale, shift = cp.asarray(normal(24, np.float32)), cp.zeros(24, np.float32)
    expected = cp.asnumpy(cuda.channel_affine(put(x), scale, shift))
    for enough in (1, 100, 200):  # 630 vectors: 8, 6 or 3 for each thread
        monkeypatch.setattr("minicnn.kernels.cuda.norm._ENOUGH_THREADS", enough)
        assert_close(cuda.channel_affine(put(x), scale, shift), expected, roundings=0)
