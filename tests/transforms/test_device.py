"""Tensors are transformed on the device that they are on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import transforms as T
from minicnn.tensor import Tensor
from minicnn.transforms import functional as F
from minicnn.transforms import v2

CASES = {
    "resize": lambda x: F.resize(x, (5, 12)),
    "pad": lambda x: F.pad(x, 2, 7),
    "mirror": lambda x: F.pad(x, 2, padding_mode="symmetric"),
    "crop": lambda x: F.center_crop(x, (12, 4)),
    "flip": F.hflip,
    "affine": lambda x: F.affine(x, 20, (1, 2), 1.2, 5, T.InterpolationMode.BILINEAR, 9),
    "perspective": lambda x: F.perspective(
        x, [[0, 0], [7, 0], [7, 8], [0, 8]], [[1, 0], [7, 1], [6, 8], [0, 7]]
    ),
    "elastic": lambda x: F.elastic_transform(x, Tensor.of(np.full((1, 9, 8, 2), 0.1, np.float32))),
    "jitter": lambda x: T.ColorJitter(0.5, 0.5, 0.5, 0.3)(x),
    "gamma": lambda x: F.adjust_gamma(x, 0.7),
    "grey": lambda x: F.rgb_to_grayscale(x, 3),
    "blur": lambda x: F.gaussian_blur(x, 3),
    "sharpness": lambda x: F.adjust_sharpness(x, 2),
    "posterize": lambda x: F.posterize(x, 3),
    "solarize": lambda x: F.solarize(x, 100),
    "autocontrast": F.autocontrast,
    "equalize": F.equalize,
    "convert": lambda x: F.convert_image_dtype(x, mc.int16),
    "erase": lambda x: T.RandomErasing(1, value="random")(x.float()),
    "AugMix": lambda x: T.AugMix(interpolation=T.InterpolationMode.BILINEAR)(x),
    "v2: grey to RGB": lambda x: v2.RGB()(x[:1]),
    "v2: distort": lambda x: v2.RandomPhotometricDistort(p=1)(x),
    "v2: posterize": lambda x: v2.functional.posterize(x / 255, 3),
    "v2: autocontrast": v2.functional.autocontrast,
    "v2: JPEG": lambda x: v2.functional.jpeg(x, 60),
    "v2: erase": lambda x: v2.RandomErasing(1, value="random")(x.float()),
    "v2: subsample": lambda x: v2.functional.uniform_temporal_subsample(x[:, None], 2),
    "normalize": lambda x: F.normalize(x.float(), (1, 2, 3), (0.5, 1, 2)),
}


# equalizing counts levels, and CuPy allocates as many counts as the highest number needs
COUNTED = {"equalize", "AugMix"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.numbers_decide] * (name in COUNTED)) for name in CASES],
)
def test_on_the_device(name: str) -> None:
    array = np.random.default_rng(0).integers(0, 256, (3, 9, 8), np.uint8)
    device = mc.get_default_device()
    results: list[Any] = []
    for place in ("cpu", device):
        mc.manual_seed(3)
        out = CASES[name](Tensor.of(array).to(place))
        assert out.device.type == mc.device(place).type
        results.append(out.cpu().numpy())
    on_cpu, on_device = results
    assert on_cpu.dtype == on_device.dtype
    tolerance = 1 if on_cpu.dtype.kind in "ui" else 1e-4
    np.testing.assert_allclose(on_device.astype(float), on_cpu, rtol=1e-4, atol=tolerance)


@pytest.mark.numbers_decide
def test_noise_on_the_device() -> None:
    image = mc.zeros(3, 9, 8, dtype=mc.uint8)
    out = v2.GaussianNoise(0.5, 0.1)(image)
    assert out.device == image.device and out.dtype == mc.uint8
    assert 110 < out.float().mean().item() < 145
