"""Non-maximum suppression: of boxes that overlap, the best one."""

import numpy as np

from ...typing import Array
from .arrays import widen


def nms(boxes: Array, iou_threshold: float) -> Array:
    """boxes (N, 4), x1, y1, x2, y2, the best first -> which of them to keep, (N,).

    A box goes if its intersection with a better one that is kept is more than ``iou_threshold`` of
    their union.
    """
    boxes = widen(boxes)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    limit = rounded_down(iou_threshold, boxes.dtype)
    keep = np.ones(len(boxes), bool)
    for i, box in enumerate(boxes):
        if not keep[i]:
            continue
        others = boxes[i + 1 :]
        sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
        intersection = np.maximum(sides, 0).prod(1)
        iou = intersection / (area[i] + area[i + 1 :] - intersection)
        keep[i + 1 :] &= ~(iou > limit)  # NaN stays
    return keep


def rounded_down(value: float, dtype: np.dtype) -> np.floating:
    """The largest number of a dtype up to ``value``: the same numbers of the dtype are above it."""
    rounded = dtype.type(value)
    return rounded if float(rounded) <= value else np.nextafter(rounded, dtype.type(-np.inf))
