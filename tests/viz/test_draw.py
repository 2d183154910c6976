"""Boxes, masks and keypoints: the pixels are torchvision's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import ImageFont
from with_torchvision import torchvision

import minicnn as mc
from minicnn import viz

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (3, 60, 80), np.uint8)
IMAGES = [BYTES, *((BYTES / 255).astype(dtype) for dtype in (np.float32, np.float64, np.float16))]
BOXES = np.float32([[5, 6, 40, 30], [20.7, 10, 70, 55], [0, 0, 79, 59]])
ORIENTED = np.float32([[10, 10, 50, 20, 45, 50, 8, 40], [60, 5, 75, 15, 70, 25, 55, 12]])
MASKS = RNG.random((3, 60, 80)) < 0.3
KEYPOINTS = np.float32([[[10, 10], [30, 40.6], [70, 20]], [[50, 50], [5, 55], [-3, 4]]])


def check(function: str, *arrays: np.ndarray, **options: Any) -> None:
    given = {
        name: (mc.tensor(value), torch.from_numpy(value))
        if isinstance(value, np.ndarray)
        else value
        for name, value in options.items()
    }
    ours, theirs = (
        getattr(module, function)(
            *(make(array) for array in arrays),
            **{
                n: v[i] if isinstance(v, tuple) and n == "visibility" else v
                for n, v in given.items()
            },
        )
        for i, (module, make) in enumerate(
            ((viz, mc.tensor), (torchvision.utils, torch.from_numpy))
        )
    )
    assert ours.cpu().numpy().dtype == theirs.numpy().dtype
    np.testing.assert_array_equal(ours.cpu().numpy(), theirs.numpy())
    assert not np.array_equal(ours.cpu().numpy(), np.broadcast_to(arrays[0], ours.shape))


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.dtype.name)
@pytest.mark.parametrize("boxes", [BOXES, ORIENTED, BOXES.astype(np.int64)])
@pytest.mark.parametrize("fill", [False, True])
def test_boxes(image: np.ndarray, boxes: np.ndarray, fill: bool) -> None:
    check("draw_bounding_boxes", image, boxes, fill=fill, width=3)
    check("draw_bounding_boxes", image[:1], boxes, fill=fill, colors="red")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"colors": ["red", "#00ff80", (1, 2, 3)]},
        {"colors": (9, 200, 7), "label_colors": "yellow"},
        {"fill_labels": True},
        {"fill_labels": True, "label_background_colors": ["blue", "green", "red"], "fill": True},
    ],
)
def test_labels(options: Any) -> None:
    check("draw_bounding_boxes", BYTES, BOXES, labels=["cat", None, "dog 0.9"], **options)


def test_fonts() -> None:
    font = getattr(ImageFont.load_default(12), "path", None)
    with pytest.warns(UserWarning, match="'font_size' will be ignored"):
        viz.draw_bounding_boxes(mc.tensor(BYTES), mc.tensor(BOXES), font_size=8)
    with pytest.raises(OSError, match="cannot open resource"):
        viz.draw_bounding_boxes(mc.tensor(BYTES), mc.tensor(BOXES), font="no-such-font.ttf")
    if isinstance(font, str):
        options = {"labels": ["a", "b", "c"], "font": font, "font_size": 14}
        check("draw_bounding_boxes", BYTES, BOXES, **options)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.dtype.name)
@pytest.mark.parametrize("masks", [MASKS, MASKS[0], MASKS[:1]])
def test_masks(image: np.ndarray, masks: np.ndarray) -> None:
    check("draw_segmentation_masks", image, masks)
    colors = ["red", (0, 128, 255), "#123456"]
    check("draw_segmentation_masks", image, masks, alpha=0.37, colors=colors)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.dtype.name)
def test_keypoints(image: np.ndarray) -> None:
    check("draw_keypoints", image, KEYPOINTS, colors="blue")
    visibility = np.array([[True, False, True], [True, True, False]])
    options: dict[str, Any] = {"connectivity": [(0, 1), (0, 2)], "radius": 4, "width": 1}
    check("draw_keypoints", image, KEYPOINTS, **options)
    check("draw_keypoints", image, KEYPOINTS, visibility=visibility, **options)
    check("draw_keypoints", image, KEYPOINTS, visibility=visibility[..., None], **options)


def test_nothing_to_draw() -> None:
    image = mc.tensor(BYTES)
    with pytest.warns(UserWarning, match="got no boxes"):
        assert viz.draw_bounding_boxes(image, mc.zeros(0, 4)) is image
    with pytest.warns(UserWarning, match="doesn't contain any mask"):
        assert viz.draw_segmentation_masks(image, mc.tensor(MASKS[:0])) is image


def test_what_does_not_fit() -> None:
    image, boxes, masks = mc.tensor(BYTES), mc.tensor(BOXES), mc.tensor(MASKS)
    keypoints = mc.tensor(KEYPOINTS)
    for call, error, message in (
        (lambda: viz.draw_bounding_boxes(BYTES, boxes), TypeError, "must be a tensor"),  # type: ignore[arg-type]
        (
            lambda: viz.draw_bounding_boxes(image[None], boxes),
            ValueError,
            r"\(1 or 3, H, W\) of uint8",
        ),
        (lambda: viz.draw_bounding_boxes(image.to(mc.int32), boxes), ValueError, "of torch.int32"),
        (lambda: viz.draw_bounding_boxes(image, boxes.flip(1)), ValueError, "xmin <= xmax"),
        (lambda: viz.draw_bounding_boxes(image, boxes, ["a"]), ValueError, "got 1 for 3"),
        (lambda: viz.draw_bounding_boxes(image, boxes, colors=["red"]), ValueError, "of 3 objects"),
        (lambda: viz.draw_bounding_boxes(image, boxes, colors=(1, 2)), ValueError, r"got \(1, 2\)"),  # type: ignore[arg-type]
        (lambda: viz.draw_segmentation_masks(image[:1], masks), ValueError, r"\(3, H, W\)"),
        (
            lambda: viz.draw_segmentation_masks(image, masks[:, 1:]),
            ValueError,
            r"got \(3, 59, 80\)",
        ),
        (
            lambda: viz.draw_segmentation_masks(image, masks.to(mc.uint8)),
            ValueError,
            "of torch.uint8",
        ),
        (lambda: viz.draw_keypoints(image, keypoints[0]), ValueError, r"must be \(N, K, 2\)"),
        (
            lambda: viz.draw_keypoints(image, keypoints, visibility=mc.ones(2, 2)),
            ValueError,
            r"visibility must be \(2, 3\), got \(2, 2\)",
        ),
    ):
        with pytest.raises(error, match=message):
            call()
