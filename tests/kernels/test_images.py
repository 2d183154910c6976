"""normalize_images and normalize_crops against their definitions."""

from __future__ import annotations

import numpy as np
import on_device
import pytest
from kernel_cases.images import CROPS, PIXELS

from minicnn import bfloat16
from minicnn.kernels import plain
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


@pytest.mark.parametrize("dtype", [np.dtype(np.float16), bfloat16, np.dtype(np.float32)], ids=str)
def test_crops_are_those_of_the_definition_to_the_bit(dtype):
    options = (3, 5), MEAN, STD, dtype
    out = on_device.normalize_crops(PIXELS, CROPS, *options)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, plain.normalize_crops(PIXELS, CROPS, *options))


@pytest.mark.parametrize("C", [1, 2, 4])
def test_crops_of_other_numbers_of_channels(C):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, C), np.uint8)
    crops = np.array([[6 * C + 2 * C, 6 * C, 0], [C, 6 * C, 1]])
    mean, std = (0.4,) * C, (0.25,) * C
    out = on_device.normalize_crops(pixels.reshape(-1), crops, (3, 4), mean, std, np.dtype("f4"))
    expected = np.stack([pixels[1:4, 2:6], pixels[0:3, 1:5][:, ::-1]]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(out, plain.normalize_images(expected, mean, std, np.dtype("f4")))
