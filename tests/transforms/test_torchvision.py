"""Bit for bit the results of torchvision on PIL images, and its way to print transforms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from minicnn import transforms as T
from minicnn.tensor import Tensor
from minicnn.transforms import functional as F

CORNERS = [[0, 0], [22, 0], [22, 16], [0, 16]]
CALLS = [
    *(("resize", (size,), {}) for size in ([10], [40], [30, 9], [200])),
    ("resize", ([40],), {"max_size": 45}),
    *(("center_crop", (size,), {}) for size in ([7, 3], [8, 8], [12, 10], [20, 5], [30, 31])),
    *(("pad", (p,), {"padding_mode": m}) for p, m in itertools.product(
        ([2], [1, 3], [1, 2, 3, 4]), ("constant", "edge", "reflect", "symmetric"))),
    ("pad", ([3],), {"fill": (9, 8, 7)}),
    ("resized_crop", (2, 3, 10, 11, [20, 15]), {}),
    ("hflip", (), {}),
    ("vflip", (), {}),
    *(("rotate", (angle,), {"expand": expand}) for angle, expand in itertools.product(
        (0, 33.3, -170), (False, True))),
    ("rotate", (20,), {"center": (3, 4), "fill": (5, 6, 7)}),
    ("affine", (30, (2, -3), 1.3, (10, 5)), {}),
    ("affine", (-77, (0, 0), 0.6, (0, -25)), {"center": (2, 3), "fill": (1, 2, 3)}),
    *((f"adjust_{name}", (factor,), {}) for name, factor in itertools.product(
        ("brightness", "contrast", "saturation"), (0.0, 0.3, 1.0, 1.7))),
    *(("adjust_hue", (factor,), {}) for factor in (-0.5, -0.21, 0.0, 0.1, 0.5)),
    ("to_grayscale", (1,), {}),
    ("to_grayscale", (3,), {}),
    ("pil_to_tensor", (), {}),
    ("to_tensor", (), {}),
    ("rgb_to_grayscale", (3,), {}),
    ("pad", ([-2, 3, 1, -4],), {}),
    ("pad", ([-2, 3, 1, -4],), {"padding_mode": "reflect"}),
    ("crop", (-3, 5, 40, 12), {}),
    ("perspective", (CORNERS, [[2, 1], [20, 0], [22, 15], [1, 14]]), {"fill": 4}),
    ("gaussian_blur", ([5, 3],), {}),
    ("gaussian_blur", (3, [0.5]), {}),
    ("adjust_sharpness", (0.0,), {}),
    ("adjust_sharpness", (2.5,), {}),
    ("adjust_gamma", (0.6, 1.2), {}),
    *(("posterize", (bits,), {}) for bits in (1, 4, 8)),
    *(("solarize", (threshold,), {}) for threshold in (0, 100, 255)),
    *((name, (), {}) for name in ("invert", "autocontrast", "equalize")),
    *((name, (), {}) for name in ("get_dimensions", "get_image_size", "get_image_num_channels")),
    ("five_crop", ([7, 9],), {}),
    ("ten_crop", (8,), {}),
    ("ten_crop", (8, True), {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "options"), CALLS, ids=lambda v: v if isinstance(v, str) else None
)
def test_functions(torchvision, picture, name, arguments, options):
    ours = getattr(F, name)(picture, *arguments, **options)
    theirs = getattr(torchvision.functional, name)(picture, *arguments, **options)
    for a, b in zip(images(ours), images(theirs), strict=True):
        if isinstance(a, Image.Image):
            assert a.mode == b.mode
        assert np.array_equal(np.asarray(a), np.asarray(b))


def images(result):
    return result if isinstance(result, (tuple, list)) else [result]


ONLY_PIL = ("to_grayscale", "pil_to_tensor", "to_tensor")


@pytest.mark.parametrize("shape", [(3, 17, 23), (2, 1, 17, 23)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [call for call in CALLS if call[0] not in ONLY_PIL],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_functions_of_tensors(torchvision, name, arguments, options, dtype, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if dtype == "float32":
        if name in ("posterize", "equalize"):
            return  # they are for bytes
        array = array.astype(np.float32) / np.float32(255)
        arguments = tuple(a / 255 if name == "solarize" else a for a in arguments)
    fill = options.get("fill")
    if isinstance(fill, tuple):
        options = {**options, "fill": 9 if name == "pad" else list(fill)[: shape[-3]]}
    elif fill is not None:
        options = {**options, "fill": [fill]}
    ours = getattr(F, name)(Tensor.of(array), *arguments, **options)
    theirs = getattr(torchvision.functional, name)(torch.from_numpy(array), *arguments, **options)
    for a, b in zip(images(ours), images(theirs), strict=True):
        if isinstance(a, int):
            assert a == b
            continue
        a, b = a.numpy(), b.numpy()
        assert a.dtype == b.dtype and a.shape == b.shape
        if dtype == "float32":
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5)
        else:
            assert np.abs(a.astype(int) - b).max() <= 1 and (a != b).mean() < 0.01


@pytest.mark.parametrize("name", ["resize", "rotate", "affine"])
@pytest.mark.parametrize("mode", ["NEAREST", "BILINEAR", "BICUBIC"])
def test_interpolation(torchvision, picture, name, mode):
    arguments = {"resize": ([13, 29],), "rotate": (15,), "affine": (15, (1, 2), 0.8, (3, 4))}[name]
    ours = getattr(F, name)(picture, *arguments, interpolation=T.InterpolationMode[mode])
    theirs = getattr(torchvision.functional, name)(
        picture, *arguments, interpolation=torchvision.InterpolationMode[mode]
    )
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16"])
def test_modes(torchvision, picture, mode):
    if mode == "I;16":
        converted = Image.fromarray(np.arange(300, 340, dtype=np.uint16).reshape(5, 8))
    else:
        converted = picture.convert("L" if mode in ("I", "F") else "RGB").convert(mode)
    assert converted.mode == mode
    for name in ("to_tensor", "pil_to_tensor"):
        ours = getattr(F, name)(converted).numpy()
        theirs = getattr(torchvision.functional, name)(converted).numpy()
        assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


def test_normalize(torchvision, picture):
    stats = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ours = F.normalize(F.to_tensor(picture), *stats).numpy()
    theirs = torchvision.functional.normalize(torchvision.functional.to_tensor(picture), *stats)
    assert np.array_equal(ours, theirs.numpy())


@pytest.mark.parametrize(
    "make",
    [
        lambda t: t.Compose([t.Resize(9), t.RandomApply([t.ToTensor()]), t.Lambda(abs)]),
        lambda t: t.Resize((3, 4), t.InterpolationMode.BICUBIC),
        lambda t: t.Pad((1, 2), 3, "edge"),
        lambda t: t.CenterCrop(5),
        lambda t: t.RandomCrop((5, 6), 2),
        lambda t: t.RandomResizedCrop(224),
        lambda t: t.RandomRotation(30, center=(1, 2)),
        lambda t: t.RandomAffine(
            30, (0.1, 0.2), (1, 2), 10, t.InterpolationMode.BILINEAR, 2, (1, 2)
        ),
        lambda t: t.ColorJitter(0.1, (0.5, 2), 3, 0.2),
        lambda t: t.RandomErasing(0.3, value="random"),
        lambda t: t.Normalize((0.5,), (0.5,)),
        lambda t: t.RandomGrayscale(),
    ],
)
def test_reprs(torchvision, make):
    assert repr(make(T)) == repr(make(torchvision))
