"""normalize_images against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import bfloat16
from minicnn.kernels.cpu import normalize_images

pytestmark = pytest.mark.fast_only

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
EPS = {"float16": 2**-11, "bfloat16": 2**-8, "float32": 2e-6}


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("dtype", [np.dtype(np.float16), bfloat16, np.dtype(np.float32)], ids=str)
@pytest.mark.parametrize("size", [(1, 1), (5, 4), (300, 311)])  # the last: several blocks of rows
def test_definition(size, dtype, channels_last):
    images = np.random.default_rng(0).integers(0, 256, (4, 3, *size), np.uint8)
    if channels_last:
        images = images.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    mean, std = (np.array(each)[:, None, None] for each in (MEAN, STD))
    expected = (images / 255 - mean) / std
    out = normalize_images(images, MEAN, STD, dtype)
    assert out.dtype == dtype
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous
    eps = EPS[dtype.name]
    np.testing.assert_allclose(out.astype(float), expected, rtol=eps, atol=2e-6)
