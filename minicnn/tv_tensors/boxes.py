"""BoundingBoxes: rectangles around objects; and KeyPoints: points of them."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from ..tensor import Tensor
from ..typing import DeviceLike, DTypeLike
from .base import TVTensor, as_numbers

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "BoundingBoxFormat",
    "BoundingBoxes",
    "KeyPoints",
    "check_clamping_mode",
    "is_rotated_bounding_format",
]


class BoundingBoxFormat(Enum):
    """What the numbers of a box are, in pixels.

    ``XYXY``: left, top, right and bottom. ``XYWH``: left, top, width and height. ``CXCYWH``: the
    middle, width and height. ``XYWHR`` and ``CXCYWHR``: the same and the angle by which the box is
    turned, counter-clockwise in degrees. ``XYXYXYXY``: the corners of a turned box: top left, top
    right, bottom right and bottom left.

    As ``torchvision.tv_tensors.BoundingBoxFormat``.
    """

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"
    XYWHR = "XYWHR"
    CXCYWHR = "CXCYWHR"
    XYXYXYXY = "XYXYXYXY"

    @classmethod
    def of(cls, format: BoundingBoxFormat | str) -> BoundingBoxFormat:
        """Converts a name in small or capital letters; a format stays as it is.

        Raises:
            KeyError: for another name.
        """
        if not isinstance(format, str):
            return format
        if format.upper() not in cls.__members__:
            raise KeyError(f"format must be one of {', '.join(cls.__members__)}, got {format!r}")
        return cls[format.upper()]


def is_rotated_bounding_format(format: BoundingBoxFormat | str) -> bool:
    """Whether boxes of a format may be turned.

    Raises:
        ValueError: for anything but a format or a name.

    As ``torchvision.tv_tensors.is_rotated_bounding_format``.
    """
    if not isinstance(format, (BoundingBoxFormat, str)):
        raise ValueError(  # noqa: TRY004  as torchvision
            f"format must be a BoundingBoxFormat or a name, got {format!r}"
        )
    name = format if isinstance(format, str) else format.name
    return name in ("XYWHR", "CXCYWHR", "XYXYXYXY")


def check_clamping_mode(mode: str | None) -> str | None:
    """``mode`` itself; a ValueError if it is none of ``"soft"``, ``"hard"`` and None."""
    if mode not in ("soft", "hard", None):
        raise ValueError(f"clamping_mode must be None, hard or soft, got {mode}.")
    return mode


class BoundingBoxes(TVTensor):
    """Boxes around the objects of one image, (N, 4), or (N, 5) or (N, 8) if they are turned.

    Args:
        data: a tensor, an array or numbers; the numbers of a single box become (1, 4).
        format: what the numbers of a box are.
        canvas_size: height and width of the image.
        clamping_mode: whether transforms cut off what of a box is outside the image: ``"soft"`` and
            ``"hard"`` do so, None does not. The two differ in torchvision for boxes that are turned;
            here such boxes are never cut.
        dtype, device, requires_grad: by default those of ``data``.

    Raises:
        ValueError: for more than two dimensions, another ``clamping_mode``, or integers for boxes
            that are turned.

    As ``torchvision.tv_tensors.BoundingBoxes``.
    """

    format: BoundingBoxFormat
    canvas_size: tuple[int, int]
    clamping_mode: str | None

    def __new__(
        cls,
        data: Any,
        *,
        format: BoundingBoxFormat | str,
        canvas_size: tuple[int, int],
        clamping_mode: str | None = "soft",
        dtype: DTypeLike | None = None,
        device: DeviceLike | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        numbers = as_numbers(data, dtype, device, requires_grad)
        if is_rotated_bounding_format(format) and not numbers.is_floating_point():
            raise ValueError(f"turned boxes must be floating point, got {numbers.dtype}")
        if numbers.ndim == 1:
            numbers = numbers.unsqueeze(0)
        if numbers.ndim != 2:
            raise ValueError(f"BoundingBoxes expects shape (N, 4), got {tuple(numbers.shape)}")
        out = numbers.as_subclass(cls)
        out.format = BoundingBoxFormat.of(format)
        out.canvas_size = canvas_size
        out.clamping_mode = check_clamping_mode(clamping_mode)
        return out

    @classmethod
    def wrap(cls, tensor: Tensor, like: TVTensor, **kwargs: Any) -> Self:
        if "format" in kwargs:
            kwargs["format"] = BoundingBoxFormat.of(kwargs["format"])
        return super().wrap(tensor, like, **kwargs)

    def __repr__(self) -> str:
        return self._text_with("format", "canvas_size", "clamping_mode")


class KeyPoints(TVTensor):
    """Points (x, y) of one image in pixels, (…, 2).

    Args:
        data: a tensor, an array or numbers; a single point becomes (1, 2).
        canvas_size: height and width of the image.
        dtype, device, requires_grad: by default those of ``data``.

    Raises:
        ValueError: for another last dimension.

    As ``torchvision.tv_tensors.KeyPoints``.
    """

    canvas_size: tuple[int, int]

    def __new__(
        cls,
        data: Any,
        *,
        canvas_size: tuple[int, int],
        dtype: DTypeLike | None = None,
        device: DeviceLike | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        numbers = as_numbers(data, dtype, device, requires_grad)
        if numbers.ndim == 1:
            numbers = numbers.unsqueeze(0)
        if numbers.shape[-1] != 2:
            raise ValueError(f"KeyPoints expects shape (..., 2), got {tuple(numbers.shape)}")
        out = numbers.as_subclass(cls)
        out.canvas_size = canvas_size
        return out

    def __repr__(self) -> str:
        return self._text_with("canvas_size")
