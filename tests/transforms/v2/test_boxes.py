"""Boxes in all formats, and points, move as torchvision's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import tv_tensors
from minicnn.transforms import v2

pytestmark = pytest.mark.cpu_only

H, W = 40, 50
CORNERS = [[0, 0], [49, 0], [49, 39], [0, 39]]
DISPLACEMENT = (np.random.default_rng(1).random((1, H, W, 2)) - 0.5).astype(np.float32) * 0.3
UPRIGHT = ("XYXY", "XYWH", "CXCYWH")
TURNED = ("XYWHR", "CXCYWHR", "XYXYXYXY")

CALLS = {
    "horizontal_flip": lambda F, x: F.horizontal_flip(x),
    "vertical_flip": lambda F, x: F.vertical_flip(x),
    "resize": lambda F, x: F.resize(x, [80, 100]),
    "crop": lambda F, x: F.crop(x, 3, -4, 20, 30),
    "center_crop": lambda F, x: F.center_crop(x, [13, 60]),
    "pad": lambda F, x: F.pad(x, [1, -2, 3, 4]),
    "rotate": lambda F, x: F.rotate(x, 33.0, center=[3, 4]),
    "rotate, expanded": lambda F, x: F.rotate(x, -73.0, expand=True),
    "affine": lambda F, x: F.affine(x, 20, [3, 4], 1.3, [0.0, 0.0]),
    "resize, unevenly": lambda F, x: F.resize(x, [33], max_size=39),
    "resized_crop": lambda F, x: F.resized_crop(x, 3, 4, 20, 30, [33, 27]),
    "affine, sheared": lambda F, x: F.affine(x, 20, [3, 4], 1.3, [5.0, 7.0], center=[7.0, 9.0]),
    "perspective": lambda F, x: F.perspective(
        x, CORNERS, [[3, 2], [45, 1], [47, 38], [2, 36]]
    ),
    "elastic": lambda F, x: F.elastic(
        x, (mc if F is v2.functional else torch).tensor(DISPLACEMENT)
    ),
}  # fmt: skip
RIGID = list(CALLS)[:9]  # turned boxes stay rectangles


@pytest.fixture(scope="module")
def theirs(torchvision: Any) -> Any:
    import torchvision.transforms.v2
    import torchvision.tv_tensors

    return torchvision


def numbers(format: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    middle, size = rng.random((20, 2)) * [60, 50] - 5, rng.random((20, 2)) * 30 + 2
    if format == "XYXY":
        return np.concatenate([middle - size / 2, middle + size / 2], 1)
    if format in UPRIGHT:
        return np.concatenate([middle, size], 1)
    turned = np.concatenate([middle, size, rng.random((20, 1)) * 360 - 180], 1)
    if format != "XYXYXYXY":
        return turned
    F, Format = v2.functional, tv_tensors.BoundingBoxFormat
    corners = F.convert_bounding_box_format(mc.tensor(turned), Format.XYWHR, Format.XYXYXYXY)
    return corners.numpy()


def check(theirs: Any, call: Any, data: np.ndarray, *, angle: bool = False, **options: Any) -> None:
    kind = "BoundingBoxes" if "format" in options else "KeyPoints"
    options["canvas_size"] = (H, W)
    ours = call(v2.functional, getattr(tv_tensors, kind)(mc.tensor(data), **options))
    expected = call(
        theirs.transforms.v2.functional,
        getattr(theirs.tv_tensors, kind)(torch.tensor(data), **options),
    )
    assert ours.canvas_size == tuple(expected.canvas_size)
    assert str(ours.dtype) == str(expected.dtype)
    off = ours.numpy() - expected.numpy()
    if angle:
        off[:, 4] -= 360 * np.round(off[:, 4] / 360)
    if data.dtype.kind == "i":
        assert not off.any()
    np.testing.assert_allclose(off, 0, atol=2e-4)


USUAL = [("XYXY", "soft"), ("XYWH", "soft"), ("CXCYWH", None)]
RARE = [(f, m) for f in UPRIGHT for m in ("soft", "hard", None) if (f, m) not in USUAL]


@pytest.mark.parametrize(
    ("format", "mode"), [*USUAL, *(pytest.param(*case, marks=pytest.mark.slow) for case in RARE)]
)
@pytest.mark.parametrize("name", CALLS)
def test_upright_boxes(theirs, name, format, mode):
    data = numbers(format).astype(np.float32)
    check(theirs, CALLS[name], data, format=format, clamping_mode=mode)
    if format == "XYXY" or name not in ("perspective", "elastic"):
        check(theirs, CALLS[name], data.astype(np.int64), format=format, clamping_mode=mode)


@pytest.mark.parametrize("format", TURNED)
@pytest.mark.parametrize("name", RIGID)
def test_turned_boxes(theirs, name, format):
    data = numbers(format).astype(np.float32)
    angle = format != "XYXYXYXY"
    check(theirs, CALLS[name], data, angle=angle, format=format, clamping_mode=None)


@pytest.mark.parametrize("name", CALLS)
def test_points(theirs, name):
    data = (np.random.default_rng(0).random((20, 2)) * [60, 50] - 5).astype(np.float32)
    check(theirs, CALLS[name], data)
    check(theirs, CALLS[name], data.astype(np.int64))


@pytest.mark.parametrize("formats", [UPRIGHT, TURNED], ids=["upright", "turned"])
def test_conversions(theirs, formats):
    for old in formats:
        data = numbers(old).astype(np.float32)
        for new in formats:
            check(
                theirs,
                lambda F, x, new=new: F.convert_bounding_box_format(x, new_format=new),
                data,
                format=old,
                angle=new.endswith("R"),
            )
            if old in UPRIGHT:
                check(
                    theirs,
                    lambda F, x, new=new: F.convert_bounding_box_format(x, new_format=new),
                    data.astype(np.int64),
                    format=old,
                )


def test_conversions_of_plain_tensors():
    F, Format = v2.functional, tv_tensors.BoundingBoxFormat
    boxes = mc.tensor([[1, 2, 4, 9]])
    assert F.convert_bounding_box_format(boxes, "XYXY", "cxcywh").tolist() == [[2, 5, 3, 7]]
    F.convert_bounding_box_format(boxes, Format.XYXY, Format.XYWH, inplace=True)
    assert boxes.tolist() == [[1, 2, 3, 7]]
    with pytest.raises(ValueError, match="old_format has to be given"):
        F.convert_bounding_box_format(boxes, new_format="XYWH")
    with pytest.raises(ValueError, match="cannot be converted from XYXY to XYWHR"):
        F.convert_bounding_box_format(boxes, "XYXY", "XYWHR")
    with pytest.raises(TypeError, match="BoundingBoxes or a plain tensor, got str"):
        F.convert_bounding_box_format("boxes", "XYXY", "XYWH")


def test_sanitizing(theirs):
    data = np.concatenate([numbers("XYXY"), [[1, 1, 1.5, 30], [2, 2, 4, 4]]]).astype(np.float32)
    settings = {"format": "XYXY", "canvas_size": (H, W)}
    ours, valid = v2.functional.sanitize_bounding_boxes(mc.tensor(data), min_area=9, **settings)
    boxes = theirs.tv_tensors.BoundingBoxes(torch.tensor(data), **settings)
    expected = theirs.transforms.v2.functional.sanitize_bounding_boxes(boxes, min_area=9)
    assert 0 < valid.sum() < len(data)
    assert np.array_equal(ours.numpy(), expected[0]) and np.array_equal(valid.numpy(), expected[1])
    points = tv_tensors.KeyPoints([[1, 2], [50, 3], [49.5, 39], [-1, 0]], canvas_size=(H, W))
    assert v2.functional.sanitize_keypoints(points)[1].tolist() == [True, False, True, False]
    assert v2.functional.clamp_keypoints(points)[:, 0].tolist() == [1, 49, 49, 0]


def test_what_is_refused():
    boxes = tv_tensors.BoundingBoxes([[1, 2, 3, 4]], format="XYXY", canvas_size=(H, W))
    with pytest.raises(ValueError, match="not padded in mode 'edge'"):
        v2.functional.pad(boxes, 1, padding_mode="edge")
    with pytest.raises(ValueError, match="must not be given"):
        v2.functional.clamp_bounding_boxes(boxes, canvas_size=(1, 1))
    with pytest.raises(TypeError, match=r"adjust_contrast expects one of .*, got BoundingBoxes"):
        v2.functional.adjust_contrast(boxes, 1.0)
    with pytest.raises(TypeError, match="takes no boxes and no masks"):
        v2.FiveCrop(2)((mc.zeros(3, 4, 4), boxes))
