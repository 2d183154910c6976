"""Losses of detectors: of boxes against the true ones, and of many rare objects."""

from __future__ import annotations

from ..dtypes import float32, float64
from ..nn import functional as F
from ..ops.choice import maximum, minimum, where
from ..ops.shape import unbind
from ..tensor import Tensor
from .boxes import diagonal_angle, shape_difference

__all__ = [
    "complete_box_iou_loss",
    "distance_box_iou_loss",
    "generalized_box_iou_loss",
    "sigmoid_focal_loss",
]


def generalized_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """1 - generalized IoU of each box and its counterpart.

    Args:
        boxes1, boxes2: (N, 4) or (4,), x1, y1, x2, y2.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.
        eps: added to divisors.

    Returns:
        (N,), or a number.

    Raises:
        ValueError: for another reduction.

    Source: Rezatofighi et al. 2019; as ``torchvision.ops.generalized_box_iou_loss``.
    """
    boxes1, boxes2 = _wide(boxes1), _wide(boxes2)
    intersection, union = _intersection_and_union(boxes1, boxes2)
    width, height = _enclosing(boxes1, boxes2)
    area = width * height
    loss = 1 - (intersection / (union + eps) - (area - union) / (area + eps))
    return _reduced(loss, reduction)


def distance_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """1 - distance IoU of each box and its counterpart; arguments as :func:`generalized_box_iou_loss`.

    Source: Zheng et al. 2020; as ``torchvision.ops.distance_box_iou_loss``.
    """
    return _reduced(_distance_loss(_wide(boxes1), _wide(boxes2), eps)[0], reduction)


def complete_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """1 - complete IoU of each box and its counterpart; arguments as :func:`generalized_box_iou_loss`.

    Source: Zheng et al. 2020; as ``torchvision.ops.complete_box_iou_loss``, which uses ``eps`` for
    the shapes alone, and 1e-7 for the distances.
    """
    boxes1, boxes2 = _wide(boxes1), _wide(boxes2)
    loss, iou = _distance_loss(boxes1, boxes2, 1e-7)
    angles = diagonal_angle(boxes1), diagonal_angle(boxes2)
    return _reduced(loss + shape_difference(*angles, iou, eps), reduction)


def sigmoid_focal_loss(
    inputs: Tensor,
    targets: Tensor,
    alpha: float = 0.25,
    gamma: float = 2,
    reduction: str = "none",
) -> Tensor:
    """Binary cross-entropy in which examples that are predicted well count less.

    Args:
        inputs: logits of any shape.
        targets: of the same shape and dtype, 1 for objects and 0 for the background.
        alpha: weight of objects, from 0 to 1, where the background has the rest; -1 for no weights.
        gamma: exponent of the factor 1 - p for an example whose truth has the probability p.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The shape of ``inputs``, or a number.

    Raises:
        ValueError: for another reduction, another ``alpha``, or another shape of the targets.

    Source: Lin et al. 2017, Focal Loss for Dense Object Detection; as
    ``torchvision.ops.sigmoid_focal_loss``.
    """
    if not 0 <= alpha <= 1 and alpha != -1:
        raise ValueError(f"alpha must be from 0 to 1, or -1 for no weights, got {alpha}")
    loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    p = inputs.sigmoid()
    truth = p * targets + (1 - p) * (1 - targets)
    loss = loss * (1 - truth) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    if reduction == "mean" and not loss.numel():
        return loss.mean()  # NaN, as torchvision
    return _reduced(loss, reduction)


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    """The loss, its sum, or its mean, which is 0 for nothing."""
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if reduction == "mean":
        return loss.mean() if loss.numel() else 0.0 * loss.sum()
    raise ValueError(f"reduction must be 'none', 'mean' or 'sum', got {reduction!r}")


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype in (float32, float64) else x.to(float32)


def _intersection_and_union(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    x1, y1, x2, y2 = unbind(boxes1, -1)
    u1, v1, u2, v2 = unbind(boxes2, -1)
    width = minimum(x2, u2) - maximum(x1, u1)
    height = minimum(y2, v2) - maximum(y1, v1)
    intersection = where((width > 0) & (height > 0), width * height, 0.0)
    return intersection, (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - intersection


def _enclosing(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of the smallest box around each pair."""
    x1, y1, x2, y2 = unbind(boxes1, -1)
    u1, v1, u2, v2 = unbind(boxes2, -1)
    return maximum(x2, u2) - minimum(x1, u1), maximum(y2, v2) - minimum(y1, v1)


def _distance_loss(boxes1: Tensor, boxes2: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """1 - distance IoU, and the IoU."""
    intersection, union = _intersection_and_union(boxes1, boxes2)
    iou = intersection / (union + eps)
    width, height = _enclosing(boxes1, boxes2)
    x1, y1, x2, y2 = unbind(boxes1, -1)
    u1, v1, u2, v2 = unbind(boxes2, -1)
    distance = ((x1 + x2) / 2 - (u1 + u2) / 2) ** 2 + ((y1 + y2) / 2 - (v1 + v2) / 2) ** 2
    return 1 - iou + distance / (width**2 + height**2 + eps), iou
