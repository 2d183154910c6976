"""Losses of detectors against torchvision."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from some_boxes import boxes
from with_torchvision import torchvision

import minicnn
from minicnn import vision

OF_BOXES = ("generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss")


@pytest.mark.parametrize(
    "shape, reduction, dtype",
    [
        *[((6,), each, np.float64) for each in ("none", "mean", "sum")],
        *[((0,), each, np.float64) for each in ("none", "mean", "sum")],
        *[((), "none", np.float32), ((6,), "mean", np.float16)],
    ],
)
@pytest.mark.parametrize("name", OF_BOXES)
def test_losses_of_boxes(name: str, shape: tuple[int, ...], reduction: str, dtype: type) -> None:
    oracle.assert_same(
        lambda a, b: getattr(vision, name)(a, b, reduction=reduction, eps=1e-3),
        lambda a, b: getattr(torchvision.ops, name)(a, b, reduction=reduction, eps=1e-3),
        [boxes(*shape), boxes(*shape, seed=1)],
        dtype,
    )


def test_boxes_that_touch_or_are_equal() -> None:
    first = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [1, 1, 3, 4]], float)
    second = np.array([[2, 0, 4, 2], [2, 2, 3, 3], [1, 1, 3, 4]], float)
    for name in OF_BOXES:
        oracle.assert_same(
            getattr(vision, name), getattr(torchvision.ops, name), [first, second], grad=False
        )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("alpha, gamma", [(0.25, 2), (-1, 2), (0, 0.5), (1, 0)])
def test_focal_loss(alpha: float, gamma: float, reduction: str) -> None:
    targets = (np.random.default_rng(1).random((5, 3)) < 0.3).astype(float)
    for logits in (3 * oracle.normal(5, 3), np.zeros((0, 3))):
        oracle.assert_same(
            lambda x, y: vision.sigmoid_focal_loss(x, y.detach(), alpha, gamma, reduction),
            lambda x, y: torchvision.ops.sigmoid_focal_loss(x, y.detach(), alpha, gamma, reduction),
            [logits, targets[: len(logits)]],
        )


@pytest.mark.parametrize("name", [*OF_BOXES, "sigmoid_focal_loss"])
def test_an_unknown_reduction(name: str) -> None:
    with pytest.raises(ValueError, match="'none', 'mean' or 'sum', got 'xyz'"):
        getattr(vision, name)(minicnn.rand(2, 4), minicnn.rand(2, 4), reduction="xyz")


@pytest.mark.parametrize("alpha", [-0.5, 1.5])
def test_a_wrong_weight(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        vision.sigmoid_focal_loss(minicnn.zeros(2), minicnn.zeros(2), alpha)


def test_focal_loss_of_targets_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 1\)|\(2, 1\).*\(2, 3\)"):
        vision.sigmoid_focal_loss(minicnn.zeros(2, 3), minicnn.zeros(2, 1))
