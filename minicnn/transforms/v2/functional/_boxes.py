"""Boxes and points moved along with their image, and boxes clamped to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ....dtypes import float32
from ....ops.shape import stack
from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints, is_rotated_bounding_format
from ....tv_tensors.base import plain
from ._formats import converted, corners, from_corners, surrounding

__all__ = ["clamped", "mirrored", "moved", "placed", "scaled", "shifted"]

Points = TypeVar("Points", bound=BoundingBoxes | KeyPoints)
Size = Sequence[int]

# How many of the numbers of a box, from the left, are x and y of points.
_POINTS = {BoundingBoxFormat.XYXY: 2, BoundingBoxFormat.XYXYXYXY: 4}


def shifted(inpt: Points, x: int, y: int, canvas_size: Size) -> Points:
    """Boxes or points ``x`` pixels to the right and ``y`` down, on another canvas."""
    numbers = plain(inpt)
    points = _POINTS.get(inpt.format, 1) if isinstance(inpt, BoundingBoxes) else 1
    offsets = [x, y] * points + [0] * (numbers.shape[-1] - 2 * points)
    return placed(numbers + numbers.new_tensor(offsets), inpt, canvas_size)


def scaled(inpt: Points, x: float, y: float, canvas_size: Size) -> Points:
    """Boxes or points of an image that was resized by the factors ``x`` and ``y``."""

    def scale(points: Tensor) -> Tensor:
        return points * points.new_tensor([x, y])

    if isinstance(inpt, BoundingBoxes) and is_rotated_bounding_format(inpt.format):
        return moved(inpt, scale, canvas_size, clamp=False)
    numbers = plain(inpt)
    pairs = _in_floats(numbers).reshape(*numbers.shape[:-1], numbers.shape[-1] // 2, 2)
    return placed(scale(pairs).reshape(numbers.shape), inpt, canvas_size, clamp=False)


def mirrored(inpt: Points, axis: int) -> Points:
    """Boxes or points of an image that was mirrored left to right (``axis`` 0) or upside down (1)."""
    numbers, size = plain(inpt), inpt.canvas_size[1 - axis]
    if isinstance(inpt, BoundingBoxes) and inpt.format is not BoundingBoxFormat.CXCYWH:
        points = corners(numbers, inpt.format).clone()
        points[..., axis] = size - points[..., axis]
        # right and left are swapped in both cases, which keeps the corners' sense of rotation
        out = from_corners(points[..., [1, 0, 3, 2], :], inpt.format)
    else:
        out = numbers.clone()
        # the middle of the last pixel is a whole number for points, and the border one for boxes
        last = size - 1 if isinstance(inpt, KeyPoints) else size
        out[..., axis] = last - numbers[..., axis]
    return placed(out, inpt, inpt.canvas_size, clamp=False)


def moved(
    inpt: Points, move: Callable[[Tensor], Tensor], canvas_size: Size, clamp: bool = True
) -> Points:
    """Boxes or points of an image whose pixels have moved.

    Args:
        inpt: boxes, whose corners are moved and surrounded by new boxes, or points.
        move: takes and returns points (…, 2).
        canvas_size: height and width of the new image.
        clamp: whether boxes are clamped to it.
    """
    numbers = _in_floats(plain(inpt))
    if isinstance(inpt, KeyPoints):
        return placed(move(numbers), inpt, canvas_size)
    points = move(corners(numbers, inpt.format))
    if is_rotated_bounding_format(inpt.format):
        points = surrounding(points)
    return placed(from_corners(points, inpt.format), inpt, canvas_size, clamp)


def _in_floats(numbers: Tensor) -> Tensor:
    return numbers if numbers.is_floating_point() else numbers.to(float32)


def placed(numbers: Tensor, like: Points, canvas_size: Size, clamp: bool = True) -> Points:
    """New numbers as boxes or points on a canvas (height, width)."""
    if clamp and isinstance(like, BoundingBoxes):
        numbers = clamped(numbers, like.format, canvas_size, like.clamping_mode)
    out = type(like).wrap(numbers.to(like.dtype), like, canvas_size=tuple(canvas_size))
    return out  # type: ignore[return-value]  # it is of the class of ``like``


def clamped(
    boxes: Tensor, format: BoundingBoxFormat, canvas_size: Size, clamping_mode: str | None
) -> Tensor:
    """Boxes of which only what is inside the canvas (height, width) is left.

    Boxes that may be turned stay as they are; torchvision makes them smaller by a rule of its own.
    """
    if clamping_mode is None or is_rotated_bounding_format(format):
        return boxes
    floats = _in_floats(boxes)
    left, top, right, bottom = converted(floats, format, BoundingBoxFormat.XYXY).unbind(-1)
    height, width = canvas_size
    inside = [left.clamp(0, width), top.clamp(0, height)]
    inside += [right.clamp(0, width), bottom.clamp(0, height)]
    return converted(stack(inside, -1), BoundingBoxFormat.XYXY, format).to(boxes.dtype)
