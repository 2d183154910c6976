"""Boxes: their areas and overlaps, and which of them to keep.

A box is x1, y1, x2, y2, its upper left and its lower right corner, where nothing else is said. Overlaps
are computed of all pairs: boxes (…, N, 4) and (…, M, 4) give (…, N, M).
"""

from __future__ import annotations

import math

from ..autograd import no_grad
from ..creation import arange, empty, zeros, zeros_like
from ..dtypes import bool_, float32, float64, int32, int64
from ..ops.choice import clamp, maximum, minimum, where
from ..ops.nms import nms
from ..ops.shape import stack
from ..ops.sort import argsort
from ..ops.trigonometry import atan
from ..ops.unique import unique
from ..tensor import Tensor
from .box_format import box_convert

__all__ = [
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "masks_to_boxes",
    "nms",
    "remove_small_boxes",
]

# Numbers of coordinates up to which all classes are suppressed in one pass, as in torchvision, whose
# results depend on it where coordinates are rounded.
_IN_ONE_PASS = {"cpu": 4000, "cuda": 100_000}


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """:func:`nms` of the boxes of each class: those of two classes do not suppress each other.

    Args:
        boxes: (N, 4).
        scores: (N,).
        idxs: (N,), the class of each box.
        iou_threshold: from 0 to 1.

    Returns:
        The indices of the boxes that are kept, the best score first, int64.

    As ``torchvision.ops.batched_nms``.
    """
    if not boxes.numel():
        return empty(0, dtype=int64, device=boxes.device)
    if boxes.numel() <= _IN_ONE_PASS[boxes.device.type]:
        # far apart for each class, so that boxes of two classes do not overlap
        offsets = idxs.to(boxes.dtype) * (boxes.max() + 1)
        return nms(boxes + offsets[:, None], scores, iou_threshold)
    keep = zeros_like(scores, dtype=bool_)
    for each in unique(idxs):
        (members,) = where(idxs == each)
        keep[members[nms(boxes[members], scores[members], iou_threshold)]] = True
    (kept,) = where(keep)
    return kept[argsort(scores[kept], descending=True)]


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """The indices of boxes (N, 4) whose sides are both at least ``min_size`` long.

    As ``torchvision.ops.remove_small_boxes``.
    """
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    return where((width >= min_size) & (height >= min_size))[0]


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (…, 4) whose corners outside an image are moved to its border.

    Args:
        boxes: of any shape (…, 4).
        size: height and width of the image.

    As ``torchvision.ops.clip_boxes_to_image``.
    """
    height, width = size
    x, y = clamp(boxes[..., 0::2], 0, width), clamp(boxes[..., 1::2], 0, height)
    return stack((x, y), -1).reshape(boxes.shape)


def masks_to_boxes(masks: Tensor) -> Tensor:
    """The smallest boxes around the pixels of masks that are not 0.

    Args:
        masks: (N, H, W).

    Returns:
        (N, 4), float32. x2 and y2 are the last column and row of a mask; the box of an empty mask is 0.

    Raises:
        ValueError: for other dimensions.

    As ``torchvision.ops.masks_to_boxes``.
    """
    if not masks.numel():
        return zeros(0, 4, dtype=float32, device=masks.device)
    if masks.ndim != 3:
        raise ValueError(f"masks_to_boxes expects masks (N, H, W), got {tuple(masks.shape)}")
    inside = masks.to(bool_)
    edges = []
    for dim in (1, 2):  # the columns that are not empty, then the rows
        used = inside.any(dim)
        place = arange(used.shape[1], device=masks.device)
        first = where(used, place, used.shape[1]).amin(1)
        edges.append((first, where(used, place, -1).amax(1)))
    (x1, x2), (y1, y2) = edges
    boxes = stack((x1, y1, x2, y2), 1).to(float32)
    return where(inside.any(2).any(1)[:, None], boxes, 0.0)


# ---------------------------------------------------------------------- areas and overlaps

_UPRIGHT = ("xyxy", "xywh", "cxcywh")


def box_area(boxes: Tensor, fmt: str = "xyxy") -> Tensor:
    """The areas of boxes (…, 4), in float32 or int32 at least.

    Args:
        boxes: of any shape (…, 4).
        fmt: ``"xyxy"``, ``"xywh"`` or ``"cxcywh"``, as for :func:`box_convert`.

    Raises:
        ValueError: for another format.

    As ``torchvision.ops.box_area``.
    """
    if fmt not in _UPRIGHT:
        raise ValueError(f"box_area: fmt must be one of {_UPRIGHT}, got {fmt!r}")
    boxes = _wide(boxes)
    if fmt == "xyxy":
        return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return boxes[..., 2] * boxes[..., 3]


def box_iou(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """The intersection of each pair of boxes over their union.

    Args:
        boxes1, boxes2: (…, N, 4) and (…, M, 4).
        fmt: ``"xyxy"``, ``"xywh"`` or ``"cxcywh"``.

    Returns:
        (…, N, M).

    Raises:
        ValueError: for an unknown format.
        NotImplementedError: for the formats of rotated boxes, which torchvision takes.

    As ``torchvision.ops.box_iou``.
    """
    if fmt in ("xywhr", "cxcywhr", "xyxyxyxy"):
        raise NotImplementedError(f"box_iou is for upright boxes, {_UPRIGHT}, got {fmt!r}")
    if fmt not in _UPRIGHT:
        raise ValueError(f"box_iou: fmt must be one of {_UPRIGHT}, got {fmt!r}")
    intersection, union = _intersection_and_union(boxes1, boxes2, fmt)
    return intersection / union


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoU minus the share of the enclosing box that is in neither box: from -1 to 1, (…, N, M).

    Source: Rezatofighi et al. 2019; as ``torchvision.ops.generalized_box_iou``.
    """
    intersection, union = _intersection_and_union(boxes1, boxes2)
    enclosing = _enclosing(boxes1, boxes2)
    area = enclosing[..., 0] * enclosing[..., 1]
    return intersection / union - (area - union) / area


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """IoU minus the squared ratio of the centres' distance to the enclosing box's diagonal.

    Args:
        boxes1, boxes2: (…, N, 4) and (…, M, 4).
        eps: added to the divisor.

    Source: Zheng et al. 2020; as ``torchvision.ops.distance_box_iou``.
    """
    return _distance_iou(_wide(boxes1), _wide(boxes2), eps)[0]


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """:func:`distance_box_iou` minus how much the boxes' shapes differ.

    Args:
        boxes1, boxes2: (…, N, 4) and (…, M, 4).
        eps: added to divisors.

    Source: Zheng et al. 2020; as ``torchvision.ops.complete_box_iou``.
    """
    boxes1, boxes2 = _wide(boxes1), _wide(boxes2)
    distance, iou = _distance_iou(boxes1, boxes2, eps)
    angle1, angle2 = diagonal_angle(boxes1)[..., None], diagonal_angle(boxes2)[..., None, :]
    return distance - shape_difference(angle1, angle2, iou, eps)


def shape_difference(angle1: Tensor, angle2: Tensor, iou: Tensor, eps: float) -> Tensor:
    """How much the shapes of boxes differ, more where they overlap: the last term of complete IoU.

    Args:
        angle1, angle2: :func:`diagonal_angle` of the boxes.
        iou: their IoU.
        eps: added to the divisor.
    """
    difference = 4 / math.pi**2 * (angle1 - angle2) ** 2
    with no_grad():
        weight = difference / (1 - iou + difference + eps)
    return weight * difference


def diagonal_angle(boxes: Tensor) -> Tensor:
    """The angle between the diagonal and the height of boxes (…, 4), in radians, (…)."""
    return atan((boxes[..., 2] - boxes[..., 0]) / (boxes[..., 3] - boxes[..., 1]))


def _wide(x: Tensor) -> Tensor:
    """x in a dtype in which products of coordinates do not overflow."""
    if x.is_floating_point():
        return x if x.dtype in (float32, float64) else x.to(float32)
    return x if x.dtype in (int32, int64) else x.to(int32)


def _corners(boxes: Tensor, fmt: str) -> tuple[Tensor, Tensor]:
    """The upper left and the lower right corners, (…, 2)."""
    first, second = boxes[..., :2], boxes[..., 2:]
    if fmt == "xyxy":
        return first, second
    if fmt == "xywh":
        return first, first + second
    return first - second / 2, first + second / 2


def _intersection_and_union(
    boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy"
) -> tuple[Tensor, Tensor]:
    """Areas (…, N, M)."""
    for boxes in (boxes1, boxes2):
        if boxes.ndim < 2 or boxes.shape[-1] != 4:
            raise ValueError(f"expected boxes of shape (…, N, 4), got {tuple(boxes.shape)}")
    areas = box_area(boxes1, fmt)[..., None] + box_area(boxes2, fmt)[..., None, :]
    (start1, end1), (start2, end2) = _corners(boxes1, fmt), _corners(boxes2, fmt)
    start = maximum(start1[..., None, :], start2[..., None, :, :])  # ... x N x M x 2
    end = minimum(end1[..., None, :], end2[..., None, :, :])
    sides = clamp(_wide(end - start), 0)
    intersection = sides[..., 0] * sides[..., 1]
    return intersection, areas - intersection


def _enclosing(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Width and height of the smallest box around each pair, (…, N, M, 2)."""
    start = minimum(boxes1[..., None, :2], boxes2[..., None, :, :2])
    end = maximum(boxes1[..., None, 2:], boxes2[..., None, :, 2:])
    return clamp(_wide(end - start), 0)


def _distance_iou(boxes1: Tensor, boxes2: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """The distance IoU and the IoU."""
    iou = box_iou(boxes1, boxes2)
    enclosing = _enclosing(boxes1, boxes2)
    diagonal = enclosing[..., 0] ** 2 + enclosing[..., 1] ** 2 + eps
    centre1, centre2 = ((boxes[..., :2] + boxes[..., 2:]) / 2 for boxes in (boxes1, boxes2))
    between = centre1[..., None, :] - centre2[..., None, :, :]
    distance = between[..., 0] ** 2 + between[..., 1] ** 2
    return iou - distance / diagonal, iou
