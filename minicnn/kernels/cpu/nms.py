"""Non-maximum suppression in blocks: the best boxes that are left against all that come after them.

Those are taken from left to right, some at a time, so that most of the best boxes are elsewhere.
"""

from __future__ import annotations

import numpy as np

from .. import plain
from ..plain.nms import rounded_down
from .runtime.precision import compute_dtype
from .runtime.threads import scratch

__all__ = ["nms"]

_BLOCK = 256  # boxes that are compared at a time
_TILE = 512  # with so many others: the numbers in between fit the cache


def nms(boxes: np.ndarray, iou_threshold: float) -> np.ndarray:
    """Which boxes (N, 4), the best first, to keep: (N,) of bool."""
    dtype = compute_dtype(boxes.dtype)
    corners = np.ascontiguousarray(boxes.T, dtype)  # (4, N)
    limit = rounded_down(iou_threshold, dtype)
    if not limit >= 0:  # then boxes without intersection overlap, too
        return plain.nms(boxes, iou_threshold)
    keep, left = np.zeros(len(boxes), bool), np.ones(len(boxes), bool)
    from_left = np.argsort(corners[0])
    best = np.arange(len(boxes))
    while best.size:
        block, best = best[:_BLOCK], best[_BLOCK:]
        kept = block[_best(_overlap(corners[:, block], corners[:, block], limit))]
        keep[kept] = True
        left[block] = False
        from_left = from_left[left[from_left]]
        left[from_left] = _apart(corners[:, kept], corners[:, from_left], limit)
        best = best[left[best]]
    return keep


def _best(overlap: np.ndarray) -> np.ndarray:
    """Which boxes of a block to keep, (n,), if these pairs overlap, (n, n)."""
    kept = np.ones(len(overlap), bool)
    later = np.triu(overlap, 1)
    for i in np.flatnonzero(later.any(1)):
        if kept[i]:
            kept[later[i]] = False
    return kept


def _apart(kept: np.ndarray, others: np.ndarray, limit: np.floating) -> np.ndarray:
    """Which of the others (4, m), from left to right, overlap with none of the boxes (4, n)."""
    apart = np.ones(others.shape[1], bool)
    for first in range(0, len(apart), _TILE):
        tile = slice(first, first + _TILE)
        some = others[:, tile]
        beside = (kept[0] < np.fmax.reduce(some[2])) & (kept[2] > np.fmin.reduce(some[0]))
        if beside.any():
            apart[tile] = ~_overlap(kept[:, beside], some, limit).any(0)
    return apart


def _overlap(boxes: np.ndarray, others: np.ndarray, limit: np.floating) -> np.ndarray:
    """Whether the intersection of two boxes is more than a share of their union: (n, m)."""
    x1, y1, x2, y2 = boxes[:, :, None]
    u1, v1, u2, v2 = others
    shape = len(x1), len(u1)
    width, height, other = (scratch(f"nms {i}", shape, boxes.dtype) for i in range(3))
    np.subtract(np.minimum(x2, u2, out=other), np.maximum(x1, u1, out=width), out=width)
    np.subtract(np.minimum(y2, v2, out=other), np.maximum(y1, v1, out=height), out=height)
    overlap = width > 0  # half the time of np.maximum(width, 0)
    overlap &= height > 0
    intersection = np.multiply(width, height, out=width)
    union = np.add((x2 - x1) * (y2 - y1), (u2 - u1) * (v2 - v1), out=height)
    union -= intersection
    overlap &= np.divide(intersection, union, out=other) > limit
    return overlap
