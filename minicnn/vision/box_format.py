"""The formats in which boxes are given.

==============  ===================================================================================
``"xyxy"``      x1, y1, x2, y2: the upper left and the lower right corner
``"xywh"``      the upper left corner, width, height
``"cxcywh"``    the centre, width, height
``"xywhr"``     the first corner, width, height, and degrees by which the box is turned to the left
``"cxcywhr"``   the centre, width, height, degrees
``"xyxyxyxy"``  the corners, clockwise: upper left, upper right, lower right, lower left
==============  ===================================================================================

Upright boxes are converted by way of ``xyxy``, and rotated ones by way of ``xywhr``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..ops.elementwise import cos, round, sin, sqrt
from ..ops.shape import stack, unbind
from ..ops.trigonometry import atan2
from ..tensor import Tensor

__all__ = ["box_convert"]


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Boxes in another format.

    Args:
        boxes: (…, 4), or (…, 5) and (…, 8) for the formats with five and eight numbers.
        in_fmt, out_fmt: what is given and wanted, both of upright boxes (``"xyxy"``, ``"xywh"``,
            ``"cxcywh"``), or both of rotated ones (``"xywhr"``, ``"cxcywhr"``, ``"xyxyxyxy"``).

    Returns:
        A new tensor. Rotated boxes of integers stay integers, rounded.

    Raises:
        ValueError: for an unknown format.
        NotImplementedError: from upright to rotated boxes, and the other way round.

    As ``torchvision.ops.box_convert``.
    """
    for fmt in (in_fmt, out_fmt):
        if fmt not in _UPRIGHT and fmt not in _ROTATED:
            raise ValueError(
                f"box_convert: formats are {', '.join((*_UPRIGHT, *_ROTATED))}, got {fmt!r}"
            )
    if in_fmt == out_fmt:
        return boxes.clone()
    if (in_fmt in _UPRIGHT) != (out_fmt in _UPRIGHT):
        raise NotImplementedError(
            f"box_convert does not rotate boxes: got in_fmt={in_fmt!r} and out_fmt={out_fmt!r}"
        )
    rotated = in_fmt in _ROTATED
    to_common = (_ROTATED if rotated else _UPRIGHT)[in_fmt][0]
    from_common = (_ROTATED if rotated else _UPRIGHT)[out_fmt][1]
    for convert in (to_common, from_common):
        if convert is not None:
            converted = convert(boxes)
            integers = rotated and not boxes.is_floating_point()
            boxes = round(converted).to(boxes.dtype) if integers else converted
    return boxes


# ---------------------------------------------------------------------- upright


def _from_xywh(boxes: Tensor) -> Tensor:
    x, y, width, height = unbind(boxes, -1)
    return stack((x, y, x + width, y + height), -1)


def _to_xywh(boxes: Tensor) -> Tensor:
    x1, y1, x2, y2 = unbind(boxes, -1)
    return stack((x1, y1, x2 - x1, y2 - y1), -1)


def _from_cxcywh(boxes: Tensor) -> Tensor:
    x, y, width, height = unbind(boxes, -1)
    half_width, half_height = 0.5 * width, 0.5 * height
    return stack((x - half_width, y - half_height, x + half_width, y + half_height), -1)


def _to_cxcywh(boxes: Tensor) -> Tensor:
    x1, y1, x2, y2 = unbind(boxes, -1)
    return stack(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), -1)


# ---------------------------------------------------------------------- rotated


def _axes(degrees: Tensor) -> tuple[Tensor, Tensor]:
    radians = degrees * math.pi / 180.0
    return cos(radians), sin(radians)


def _from_cxcywhr(boxes: Tensor) -> Tensor:
    x, y, width, height, degrees = unbind(boxes, -1)
    cosine, sine = _axes(degrees)
    left = x - width / 2 * cosine - height / 2 * sine
    top = y - height / 2 * cosine + width / 2 * sine
    return stack((left, top, width, height, degrees), -1)


def _to_cxcywhr(boxes: Tensor) -> Tensor:
    left, top, width, height, degrees = unbind(boxes, -1)
    cosine, sine = _axes(degrees)
    x = left + width / 2 * cosine + height / 2 * sine
    y = top - width / 2 * sine + height / 2 * cosine
    return stack((x, y, width, height, degrees), -1)


def _from_xyxyxyxy(boxes: Tensor) -> Tensor:
    x1, y1, x2, y2, x3, y3, _, _ = unbind(boxes, -1)
    degrees = atan2(y1 - y2, x2 - x1) * 180 / math.pi
    width = sqrt((x2 - x1) ** 2 + (y1 - y2) ** 2)
    height = sqrt((x3 - x2) ** 2 + (y3 - y2) ** 2)
    return stack((x1, y1, width, height, degrees), -1)


def _to_xyxyxyxy(boxes: Tensor) -> Tensor:
    x1, y1, width, height, degrees = unbind(boxes, -1)
    cosine, sine = _axes(degrees)
    x2, y2 = x1 + width * cosine, y1 - width * sine
    across, down = height * sine, height * cosine
    return stack((x1, y1, x2, y2, x2 + across, y2 + down, x1 + across, y1 + down), -1)


# How each format becomes the common one, and how it is made of that.
_Conversion = Callable[[Tensor], Tensor] | None
_UPRIGHT: dict[str, tuple[_Conversion, _Conversion]] = {
    "xyxy": (None, None),
    "xywh": (_from_xywh, _to_xywh),
    "cxcywh": (_from_cxcywh, _to_cxcywh),
}
_ROTATED: dict[str, tuple[_Conversion, _Conversion]] = {
    "xywhr": (None, None),
    "cxcywhr": (_from_cxcywhr, _to_cxcywhr),
    "xyxyxyxy": (_from_xyxyxyxy, _to_xyxyxyxy),
}
