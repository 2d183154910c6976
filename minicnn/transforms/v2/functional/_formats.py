"""Boxes in all formats: converted into each other, and as the corners that they have."""

from __future__ import annotations

from ....ops.choice import where
from ....ops.shape import cat, stack
from ....ops.trigonometry import atan2, deg2rad, hypot, rad2deg
from ....tensor import Tensor
from ....tv_tensors import BoundingBoxFormat, is_rotated_bounding_format

__all__ = ["converted", "corners", "from_corners", "surrounding"]


def converted(boxes: Tensor, old: BoundingBoxFormat, new: BoundingBoxFormat) -> Tensor:
    """Boxes (…, K) in another format; integers are rounded as torchvision rounds them.

    Raises:
        ValueError: from boxes that may be turned to others, or the other way round.
    """
    if old is new:
        return boxes
    if is_rotated_bounding_format(old) != is_rotated_bounding_format(new):
        raise ValueError(f"boxes cannot be converted from {old.name} to {new.name}")
    return from_corners(corners(boxes, old), new)


def corners(boxes: Tensor, format: BoundingBoxFormat) -> Tensor:
    """The corners (…, 4, 2) of boxes: top left, top right, bottom right and bottom left."""
    if format is BoundingBoxFormat.XYXYXYXY:
        return boxes.reshape(*boxes.shape[:-1], 4, 2)
    first, size = boxes[..., :2], boxes[..., 2:4]
    if is_rotated_bounding_format(format):
        right, down = _directions(boxes[..., 4])
        right, down = right * size[..., :1], down * size[..., 1:]
        if format is BoundingBoxFormat.CXCYWHR:
            first = first - 0.5 * (right + down)
        return stack([first, first + right, first + right + down, first + down], -2)
    if format is BoundingBoxFormat.XYXY:
        last = size
    elif format is BoundingBoxFormat.XYWH:
        last = first + size
    else:
        first = first - size / 2
        first, last = first.to(boxes.dtype), (first + size).to(boxes.dtype)
    (left, top), (right, bottom) = first.unbind(-1), last.unbind(-1)
    every = stack([left, top, right, top, right, bottom, left, bottom], -1)
    return every.reshape(*boxes.shape[:-1], 4, 2)


def _directions(angle: Tensor) -> tuple[Tensor, Tensor]:
    """To the right and down, (…, 2) of length 1, in a box turned counter-clockwise by degrees."""
    cos, sin = deg2rad(angle).cos(), deg2rad(angle).sin()
    return stack([cos, -sin], -1), stack([sin, cos], -1)


def from_corners(points: Tensor, format: BoundingBoxFormat) -> Tensor:
    """Boxes (…, K) that have the corners (…, 4, 2), or that surround them if they cannot be turned."""
    if format is BoundingBoxFormat.XYXYXYXY:
        return points.reshape(*points.shape[:-2], 8)
    if is_rotated_bounding_format(format):
        right = points[..., 1, :] - points[..., 0, :]
        down = points[..., 2, :] - points[..., 1, :]
        angle = rad2deg(atan2(-right[..., 1], right[..., 0]))
        width, height = hypot(right[..., 0], right[..., 1]), hypot(down[..., 0], down[..., 1])
        first = points[..., 0, :]
        if format is BoundingBoxFormat.CXCYWHR:
            turned_right, turned_down = _directions(angle)
            first = first + 0.5 * (
                turned_right * width[..., None] + turned_down * height[..., None]
            )
        return cat([first, stack([width, height, angle], -1)], -1)
    first, last = points.amin(-2), points.amax(-2)
    if format is BoundingBoxFormat.XYXY:
        return cat([first, last], -1)
    size = last - first
    if format is BoundingBoxFormat.XYWH:
        return cat([first, size], -1)
    half = size / 2 if size.is_floating_point() else size // 2
    return cat([first + half, size], -1)


def surrounding(points: Tensor) -> Tensor:
    """The corners (…, 4, 2) of the rectangles around parallelograms, along their longer sides.

    Some of torchvision's are too small, of boxes that are turned by more than 90 degrees.
    """
    right = points[..., 1, :] - points[..., 0, :]
    down = points[..., 3, :] - points[..., 0, :]
    wide = hypot(right[..., 0], right[..., 1]) > hypot(down[..., 0], down[..., 1])
    x, y = where(wide[..., None], right, stack([down[..., 1], -down[..., 0]], -1)).unbind(-1)
    length = hypot(x, y)
    along = stack([x / length, y / length], -1)
    across = stack([-along[..., 1], along[..., 0]], -1)
    half_width, half_height = (
        0.5 * axis * ((right * axis).sum(-1).abs() + (down * axis).sum(-1).abs())[..., None]
        for axis in (along, across)
    )
    middle = points.mean(-2)
    top, bottom = middle - half_height, middle + half_height
    return stack([top - half_width, top + half_width, bottom + half_width, bottom - half_width], -2)
