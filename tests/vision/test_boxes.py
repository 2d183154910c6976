"""Areas, overlaps and formats of boxes against torchvision."""

from __future__ import annotations

import warnings

import numpy as np
import oracle
import pytest
from some_boxes import boxes
from with_torchvision import torchvision

import minicnn
from minicnn import vision

UPRIGHT = ("xyxy", "xywh", "cxcywh")
ROTATED = ("xywhr", "cxcywhr", "xyxyxyxy")


PAIRS = {
    "pairs": (boxes(3), boxes(4, seed=1)),
    "batches": (boxes(2, 3), boxes(2, 2, seed=1)),
    "broadcast": (boxes(3), boxes(2, 2, seed=1)),
    "none": (boxes(0), boxes(4)),
    "equal": (boxes(3), boxes(3)),
}


OVERLAPS = ("box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou")


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("name", OVERLAPS)
def test_overlaps(name: str, pairs: str) -> None:
    oracle.assert_same(getattr(vision, name), getattr(torchvision.ops, name), PAIRS[pairs])


@pytest.mark.parametrize("dtype", [np.float32, np.float16, minicnn.bfloat16])
@pytest.mark.parametrize("name", OVERLAPS)
def test_overlaps_in_other_dtypes(name: str, dtype: type) -> None:
    oracle.assert_same(getattr(vision, name), getattr(torchvision.ops, name), PAIRS["pairs"], dtype)


@pytest.mark.parametrize("fmt", UPRIGHT)
@pytest.mark.parametrize("pairs", ["batches", "none"])
def test_overlaps_in_other_formats(fmt: str, pairs: str) -> None:
    oracle.assert_same(
        lambda a, b: (vision.box_iou(a, b, fmt), vision.box_area(a, fmt=fmt)),
        lambda a, b: (torchvision.ops.box_iou(a, b, fmt), torchvision.ops.box_area(a, fmt=fmt)),
        PAIRS[pairs],
    )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64"])
@pytest.mark.parametrize("name", ["box_area", *OVERLAPS])
def test_integers(name: str, dtype: str) -> None:
    arrays = [boxes(3).astype(dtype) * 3, boxes(2, seed=1).astype(dtype) * 3]
    arrays = arrays[:1] if name == "box_area" else arrays
    ours, theirs = getattr(vision, name), getattr(torchvision.ops, name)
    oracle.assert_same(ours, theirs, arrays, tolerance=2e-5, grad=False)


def test_boxes_without_area() -> None:
    some = np.array([[1, 1, 1, 1], [2, 1, 2, 5], [4, 4, 1, 1], [0, 0, 9, 9], [np.nan] * 4])
    for name in OVERLAPS:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            oracle.assert_same(
                getattr(vision, name), getattr(torchvision.ops, name), [some, some], grad=False
            )


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32"])
@pytest.mark.parametrize(
    "formats", [(a, b) for some in (UPRIGHT, ROTATED) for a in some for b in some]
)
def test_formats(formats: tuple[str, str], dtype: str) -> None:
    upright = boxes(2, 3)
    turned = np.random.default_rng(0).integers(-180, 180, (2, 3, 1))
    given = {"xywhr": [upright, turned], "cxcywhr": [upright, turned], "xyxyxyxy": [upright] * 2}
    array = np.concatenate(given.get(formats[0], [upright]), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of rounding
        oracle.assert_same(
            lambda x: vision.box_convert(x, *formats),
            lambda x: torchvision.ops.box_convert(x, *formats),
            [array.astype(dtype)],
            np.dtype(dtype) if dtype.startswith("float") else np.float64,
            tolerance=2e-5 if dtype.startswith("int") else None,
            grad=not dtype.startswith("int"),
        )


def test_no_boxes_in_other_formats() -> None:
    converted = vision.box_convert(minicnn.zeros(0, 4), "xywh", "cxcywh")
    assert converted.shape == (0, 4)


def test_a_converted_box_is_a_copy() -> None:
    x = minicnn.tensor([[1.0, 2, 3, 4]])
    vision.box_convert(x, "xyxy", "xyxy")[0, 0] = 5
    assert x[0, 0] == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda V, T: V.box_convert(T.zeros(1, 4), "xyxy", "nope"),
        lambda V, T: V.box_convert(T.zeros(1, 4), "nope", "nope"),
        lambda V, T: V.box_convert(T.zeros(1, 4), "xyxy", "xywhr"),
        lambda V, T: V.box_area(T.zeros(1, 4), "xywhr"),
        lambda V, T: V.box_iou(T.zeros(1, 4), T.zeros(1, 4), "nope"),
        lambda V, T: V.masks_to_boxes(T.zeros(3, 4)),
        lambda V, T: V.masks_to_boxes(T.zeros(1, 2, 3, 4)),
    ],
)
def test_errors_are_those_of_torchvision(call) -> None:
    with pytest.raises((ValueError, NotImplementedError)) as theirs:
        call(torchvision.ops, oracle.torch)
    with pytest.raises(theirs.type):
        call(vision, minicnn)


def test_rotated_boxes_have_no_iou() -> None:
    with pytest.raises(NotImplementedError, match="upright"):
        vision.box_iou(minicnn.zeros(1, 5), minicnn.zeros(1, 5), "cxcywhr")


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_clipped_to_the_image(dtype: str) -> None:
    array = (boxes(2, 3) * 4 - 10).astype(dtype)
    oracle.assert_same(
        lambda x: vision.clip_boxes_to_image(x, (7, 12)),
        lambda x: torchvision.ops.clip_boxes_to_image(x, (7, 12)),
        [array],
        grad=dtype != "int64",
    )


@pytest.mark.numbers_decide
def test_small_boxes() -> None:
    oracle.assert_same(
        lambda x: vision.remove_small_boxes(x, 2.5),
        lambda x: torchvision.ops.remove_small_boxes(x, 2.5),
        [boxes(20)],
        grad=False,
    )


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
def test_boxes_around_masks(dtype: str) -> None:
    masks = np.zeros((5, 6, 7))
    masks[0, 2:4, 1:6] = masks[1, 5, 3] = masks[3] = 1
    masks[4, ::5, 2] = masks[4, 1, 6] = 2
    for some in (masks, masks[:0], masks[2:3]):
        oracle.assert_same(
            vision.masks_to_boxes, torchvision.ops.masks_to_boxes, [some.astype(dtype)],
            np.float32, grad=False,
        )  # fmt: skip


@pytest.mark.parametrize("shape", [(4,), (2, 5)])
def test_overlaps_are_of_lists_of_boxes(shape):
    boxes = minicnn.zeros(3, 4)
    for measure in (vision.box_iou, vision.generalized_box_iou):
        with pytest.raises(ValueError, match=r"expected boxes of shape \(…, N, 4\), got \("):
            measure(boxes, minicnn.zeros(shape))
