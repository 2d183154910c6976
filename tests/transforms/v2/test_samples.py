"""Whole samples, with boxes, points and masks, come out as torchvision's with the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import minicnn as mc
from minicnn import tv_tensors
from minicnn.graph.structure import leaves
from minicnn.transforms import v2

pytestmark = pytest.mark.cpu_only

H, W = 37, 45
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (H, W, 3), np.uint8)
MASK = RNG.integers(0, 5, (4, H, W), np.uint8)
BOXES = np.array([[1, 2, 20, 19], [10, 5, 40, 30], [0, 0, 45, 37], [30, 30, 44, 36]], np.float32)
POINTS = (RNG.random((5, 2)) * [W, H]).astype(np.float32)

MAKERS = {
    "RandomHorizontalFlip": lambda v, t: v.RandomHorizontalFlip(),
    "RandomVerticalFlip": lambda v, t: v.RandomVerticalFlip(),
    "Resize": lambda v, t: v.Resize((20, 51)),
    "Resize, shorter side": lambda v, t: v.Resize([20], max_size=23, interpolation="bicubic"),
    "Resize, longer side": lambda v, t: v.Resize(None, max_size=30, interpolation="nearest"),
    "Resize, exact": lambda v, t: v.Resize(23, interpolation=v.InterpolationMode.NEAREST_EXACT),
    "CenterCrop": lambda v, t: v.CenterCrop((50, 21)),
    "RandomCrop": lambda v, t: v.RandomCrop((37, 25)),
    "RandomCrop, padded": lambda v, t: v.RandomCrop(
        (20, 50), (1, 2, 3, 4), pad_if_needed=True, fill={t.Mask: 9, "others": (1, 2, 3)}
    ),
    "RandomResizedCrop": lambda v, t: v.RandomResizedCrop(24),
    "RandomResizedCrop, bicubic": lambda v, t: v.RandomResizedCrop(
        (14, 30), (0.3, 0.9), (0.5, 3.0), "bicubic"
    ),
    "Pad": lambda v, t: v.Pad([1, 2, 3, 4], fill={t.Mask: 7}),
    "RandomZoomOut": lambda v, t: v.RandomZoomOut(fill=3, side_range=(1.0, 2.0), p=0.8),
    "RandomRotation": lambda v, t: v.RandomRotation((10, 60), "bilinear", fill=4, center=(3, 5)),
    "RandomRotation, expanded": lambda v, t: v.RandomRotation(90, expand=True),
    "RandomAffine": lambda v, t: v.RandomAffine(30, (0.1, 0.2), (0.7, 1.4), (5, 10, -5, 9)),
    "RandomAffine, filled": lambda v, t: v.RandomAffine(
        30, shear=20, fill={t.Mask: 1, "others": (1, 2, 3)}
    ),
    "RandomPerspective": lambda v, t: v.RandomPerspective(p=0.8),
    "ElasticTransform": lambda v, t: v.ElasticTransform([30.0, 50], 2, fill=3),
    "RandomIoUCrop": lambda v, t: v.Compose(
        [v.RandomIoUCrop(sampler_options=[0.2, 0.5, 1.0]), v.SanitizeBoundingBoxes()]
    ),
    "ScaleJitter": lambda v, t: v.ScaleJitter((40, 50), (0.3, 1.2)),
    "RandomShortestSize": lambda v, t: v.RandomShortestSize([10, 20, 30], 40),
    "RandomResize": lambda v, t: v.RandomResize(10, 40),
    "SanitizeBoundingBoxes": lambda v, t: v.SanitizeBoundingBoxes(min_size=15),
    "SanitizeKeyPoints": lambda v, t: v.SanitizeKeyPoints(),
    "RandomApply": lambda v, t: v.RandomApply([v.RandomRotation(10), v.Resize(9)], 0.6),
    "RandomChoice": lambda v, t: v.RandomChoice([v.Pad(2), v.RandomCrop(20)], [1, 2]),
    "RandomOrder": lambda v, t: v.RandomOrder([v.Pad(2), v.RandomCrop(12), v.Resize(15)]),
    "conversions": lambda v, t: v.Compose(
        [v.ToImage(), v.ConvertBoundingBoxFormat("CXCYWH"), v.ClampKeyPoints(), v.ToPureTensor()]
    ),
}
WARPS = ("RandomRotation", "RandomAffine", "RandomPerspective", "ElasticTransform", "RandomApply")


def sample(lib: Any, kinds: Any, picture: str) -> Any:
    """A picture, and a dict of what is known about it."""
    planes = PIXELS.transpose(2, 0, 1).copy()
    images = {
        "PIL": lambda: Image.fromarray(PIXELS),
        "bytes": lambda: kinds.Image(lib.tensor(planes)),
        "floats": lambda: kinds.Image(lib.tensor(planes.astype(np.float32) / 255)),
        "plain": lambda: lib.tensor(planes),
        "video": lambda: kinds.Video(lib.tensor(np.stack([planes, 255 - planes]))),
    }
    canvas = {"canvas_size": (H, W)}
    return images[picture](), {
        "boxes": kinds.BoundingBoxes(lib.tensor(BOXES), format="XYXY", **canvas),
        "whole boxes": kinds.BoundingBoxes(
            lib.tensor(BOXES.astype(np.int64)), format="XYXY", clamping_mode=None, **canvas
        ),
        "masks": kinds.Mask(lib.tensor(MASK)),
        "points": kinds.KeyPoints(lib.tensor(POINTS), **canvas),
        "labels": lib.tensor(np.arange(4)),
        "names": ["a", ("b", 1)],
    }


@pytest.mark.parametrize(
    "picture",
    [
        "PIL",
        "bytes",
        *(pytest.param(p, marks=pytest.mark.slow) for p in ("floats", "plain", "video")),
    ],
)
@pytest.mark.parametrize("name", MAKERS)
def test_samples(torchvision, name, picture):
    from torchvision import tv_tensors as their_kinds
    from torchvision.transforms import v2 as theirs

    for seed in (1,) if picture in ("PIL", "bytes") else range(3):
        mc.manual_seed(seed)
        ours = leaves(MAKERS[name](v2, tv_tensors)(sample(mc, tv_tensors, picture)))
        torch.manual_seed(seed)
        expected = leaves(MAKERS[name](theirs, their_kinds)(sample(torch, their_kinds, picture)))
        assert mc.rand(1).item() == torch.rand(1).item(), "as many numbers were drawn"
        assert len(ours) == len(expected)
        for a, b in zip(ours, expected, strict=True):
            compare(a, b, atol=2e-5 if name.startswith(WARPS) else 1e-6)


def compare(ours: Any, theirs: Any, atol: float) -> None:
    assert type(ours).__name__ == type(theirs).__name__
    if isinstance(theirs, (str, int)):
        assert ours == theirs
        return
    a, b = np.asarray(ours), np.asarray(theirs)
    assert a.dtype == b.dtype and a.shape == b.shape
    if hasattr(theirs, "canvas_size"):
        assert tuple(ours.canvas_size) == tuple(theirs.canvas_size)
    if isinstance(theirs, torch.Tensor) and hasattr(theirs, "format"):
        assert ours.format.name == theirs.format.name
    is_mask = len(b) == len(MASK)
    if isinstance(theirs, torch.Tensor) and b.dtype == np.uint8 and not is_mask:
        assert np.abs(a.astype(int) - b).max(initial=0) <= 1
    elif b.dtype.kind == "f":
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=atol)
    else:
        assert np.array_equal(a, b)


@pytest.mark.parametrize("name", ["resize", "rotate", "affine", "resized_crop"])
def test_a_picture_without_objects(name):
    arguments: dict[str, list[Any]] = {
        "resize": [(9, 12)],
        "rotate": [30.0],
        "affine": [5.0, [1, 2], 1.2, [3.0]],
        "resized_crop": [1, 2, 20, 30, (9, 12)],
    }
    size = (9, 12) if name.startswith("resize") else (H, W)
    function = getattr(v2.functional, name)
    boxes = tv_tensors.BoundingBoxes(mc.zeros(0, 4), format="XYXY", canvas_size=(H, W))
    points = tv_tensors.KeyPoints(mc.zeros(0, 2), canvas_size=(H, W))
    for x, shape in ((boxes, (0, 4)), (points, (0, 2))):
        out = function(x, *arguments[name])
        assert out.shape == shape and out.canvas_size == size
    for dtype in (mc.uint8, mc.float32):
        for shape in ((0, H, W), (0, 3, H, W)):
            x = mc.zeros(shape, dtype=dtype)
            assert function(tv_tensors.Mask(x), *arguments[name]).shape == (*shape[:-2], *size)
            assert function(x, *arguments[name]).shape == (*shape[:-2], *size)
    assert v2.functional.sanitize_keypoints(points)[1].shape == (0,)
