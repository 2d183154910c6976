"""Images from bytes to normalised numbers on a GPU."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

import minicnn
from minicnn.kernels import cuda

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("layout", ["channels-last", "channels-first", "unaligned"])
# of the first, vectors end within a pixel and reach into the next image; the second has no vectors
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 3, 3, 3), (3, 1, 8, 6), (0, 3, 4, 4)], ids=str)
def test_normalize_images(cp, put, assert_close, shape, layout, dtype):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    mean, std = [0.485, 0.456, 0.406][: shape[1]], [0.229, 0.224, 0.225][: shape[1]]
    out = cuda.normalize_images(put(images, layout), mean, std, dtype)
    assert out.dtype == dtype
    by_channel = (-1, 1, 1)
    expected = (images / 255 - np.reshape(mean, by_channel)) / np.reshape(std, by_channel)
    assert_close(out, expected)


def test_each_mean_counts(cp, put, assert_close):
    images = np.zeros((1, 2, 2, 2), np.uint8)
    for mean in ([0.5, 0.25], [0.25, 0.5]):
        out = cuda.normalize_images(put(images), mean, [0.5, 0.5], minicnn.float32)
        assert_close(out, np.broadcast_to(-2 * np.reshape(mean, (-1, 1, 1)), images.shape))
