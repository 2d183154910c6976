"""Boxes and points converted, clamped to their image, and sorted out."""

from __future__ import annotations

from collections.abc import Sequence

from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints, wrap
from ....tv_tensors.base import is_pure_tensor, plain
from ....tv_tensors.boxes import check_clamping_mode
from ._boxes import clamped
from ._formats import converted

__all__ = [
    "clamp_bounding_boxes",
    "clamp_keypoints",
    "convert_bounding_box_format",
    "sanitize_bounding_boxes",
    "sanitize_keypoints",
]

Size = Sequence[int]


def convert_bounding_box_format(
    inpt: Tensor,
    old_format: BoundingBoxFormat | str | None = None,
    new_format: BoundingBoxFormat | str | None = None,
    inplace: bool = False,
) -> Tensor:
    """Boxes in another format.

    Args:
        inpt: boxes, or a plain tensor of their numbers.
        old_format: of a plain tensor.
        new_format: the one to convert to.
        inplace: write the result into ``inpt``, if it has as many numbers.

    Raises:
        TypeError: for another input, or without ``new_format``.
        ValueError: if ``old_format`` is missing for a plain tensor or given for boxes, or from boxes
            that may be turned to others, or the other way round.
    """
    if new_format is None:
        raise TypeError("convert_bounding_box_format expects new_format, got None")
    numbers = _numbers(inpt, BoundingBoxes, "old_format", old_format is not None)
    old = inpt.format if isinstance(inpt, BoundingBoxes) else old_format
    assert old is not None
    new = BoundingBoxFormat.of(new_format)
    out = converted(numbers, BoundingBoxFormat.of(old), new)
    if inplace and out.shape == numbers.shape:
        out = numbers.copy_(out)
    return wrap(out, like=inpt, format=new)


def clamp_bounding_boxes(
    inpt: Tensor,
    format: BoundingBoxFormat | str | None = None,
    canvas_size: Size | None = None,
    clamping_mode: str | None = "auto",
) -> Tensor:
    """Boxes of which only what is inside their image is left.

    Args:
        inpt: boxes, or a plain tensor of their numbers.
        format, canvas_size: of a plain tensor.
        clamping_mode: as for :class:`~minicnn.tv_tensors.BoundingBoxes`; ``"auto"`` for the boxes'
            own one.

    Raises:
        TypeError: for another input.
        ValueError: for another mode, or for arguments that are missing for a plain tensor or given
            for boxes.
    """
    if clamping_mode != "auto":
        check_clamping_mode(clamping_mode)
    given = format is not None or canvas_size is not None
    complete = format is not None and canvas_size is not None and clamping_mode != "auto"
    numbers = _numbers(
        inpt,
        BoundingBoxes,
        "format, canvas_size and clamping_mode",
        complete if is_pure_tensor(inpt) else given,
    )
    if isinstance(inpt, BoundingBoxes):
        format, canvas_size = inpt.format, inpt.canvas_size
        clamping_mode = inpt.clamping_mode if clamping_mode == "auto" else clamping_mode
    assert format is not None and canvas_size is not None
    out = clamped(numbers, BoundingBoxFormat.of(format), canvas_size, clamping_mode)
    return wrap(out, like=inpt)


def clamp_keypoints(inpt: Tensor, canvas_size: Size | None = None) -> Tensor:
    """Points moved to the nearest pixel of their image, if they are outside.

    Args:
        inpt: points, or a plain tensor of their numbers.
        canvas_size: of a plain tensor.

    Raises:
        TypeError: for another input.
        ValueError: if ``canvas_size`` is missing for a plain tensor or given for points.
    """
    numbers = _numbers(inpt, KeyPoints, "canvas_size", canvas_size is not None)
    height, width = _canvas(inpt, canvas_size)
    last = numbers.new_tensor([width - 1, height - 1])
    return wrap(numbers.clamp(min=0).minimum(last), like=inpt)


def sanitize_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat | str | None = None,
    canvas_size: Size | None = None,
    min_size: float = 1.0,
    min_area: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """The boxes that are large enough and inside their image.

    Args:
        bounding_boxes: boxes, or a plain tensor of their numbers.
        format, canvas_size: of a plain tensor.
        min_size: the smallest width and height, in pixels.
        min_area: the smallest area.

    Returns:
        The boxes that are left, and (N,) which of all they are.

    Raises:
        TypeError: for another input.
        ValueError: for arguments that are missing for a plain tensor or given for boxes.
    """
    given = [format is not None, canvas_size is not None]
    complete = all(given) if is_pure_tensor(bounding_boxes) else any(given)
    numbers = _numbers(bounding_boxes, BoundingBoxes, "format and canvas_size", complete)
    if isinstance(bounding_boxes, BoundingBoxes):
        format = bounding_boxes.format
    assert format is not None
    valid = _valid_boxes(
        numbers,
        BoundingBoxFormat.of(format),
        _canvas(bounding_boxes, canvas_size),
        min_size,
        min_area,
    )
    return wrap(numbers[valid], like=bounding_boxes), valid


def _valid_boxes(
    boxes: Tensor, format: BoundingBoxFormat, canvas_size: Size, min_size: float, min_area: float
) -> Tensor:
    height, width = canvas_size
    left, top, right, bottom = converted(boxes, format, BoundingBoxFormat.XYXY).unbind(-1)
    w, h = right - left, bottom - top
    large = (w >= min_size) & (h >= min_size) & (w * h >= min_area)
    return large & (left >= 0) & (top >= 0) & (right <= width) & (bottom <= height)


def sanitize_keypoints(
    key_points: Tensor, canvas_size: Size | None = None
) -> tuple[Tensor, Tensor]:
    """The points that are inside their image.

    Args:
        key_points: points, or a plain tensor (N, …, 2) of their numbers.
        canvas_size: of a plain tensor.

    Returns:
        Those of the N of which all points are inside, and (N,) which of all they are.

    Raises:
        TypeError: for another input.
        ValueError: if ``canvas_size`` is missing for a plain tensor or given for points.
    """
    numbers = _numbers(key_points, KeyPoints, "canvas_size", canvas_size is not None)
    height, width = _canvas(key_points, canvas_size)
    inside = (numbers >= 0) & (numbers < numbers.new_tensor([width, height]))
    valid = inside.flatten(1).all(1)
    return wrap(numbers[valid], like=key_points), valid


def _numbers(inpt: Tensor, kind: type, names: str, given: bool) -> Tensor:
    """The numbers of an input, which has the attributes ``names`` itself, or to which they are given."""
    if not isinstance(inpt, kind) and not is_pure_tensor(inpt):
        raise TypeError(f"expected {kind.__name__} or a plain tensor, got {type(inpt).__name__}")
    if given != is_pure_tensor(inpt):
        rule = "must not be" if given else "has to be"
        raise ValueError(f"{names} {rule} given for an input of type {type(inpt).__name__}")
    return plain(inpt)


def _canvas(inpt: Tensor, canvas_size: Size | None) -> Size:
    if isinstance(inpt, (BoundingBoxes, KeyPoints)):
        return inpt.canvas_size
    assert canvas_size is not None
    return canvas_size
