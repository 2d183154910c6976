"""Elastic distortion of inputs of all kinds."""

from __future__ import annotations

from collections.abc import Sequence

from ....dtypes import int64
from ....ops.shape import stack
from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, KeyPoints, Mask
from ... import elastic as pictures
from ..._arguments import Picture
from ...interpolation import InterpolationMode
from ._boxes import Points, moved
from ._kernels import functional, kernel
from ._modes import Interpolation, mode_of

__all__ = ["elastic", "elastic_transform"]

Fill = float | Sequence[float] | None


@functional
def elastic(
    inpt: Picture,
    displacement: Tensor,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    fill: Fill = None,
) -> Picture:
    """Takes each pixel of the result from another place near it.

    Args:
        inpt: an input of any kind. Of masks the nearest pixels are taken. Boxes and points are moved
            by the displacement at their pixel: corners are rounded up, points down.
        displacement: how far away (x, y), (1, H, W, 2), where 2 is the whole width or height.
        interpolation: nearest or bilinear.
        fill: value of pixels that come from outside, one number or one per channel.

    Raises:
        TypeError: if ``displacement`` is no tensor.
        ValueError: for another shape of it.
    """
    return pictures.elastic_transform(inpt, displacement, mode_of(interpolation), fill)


@kernel(elastic, Mask)
def _elastic_mask(
    mask: Tensor, displacement: Tensor, interpolation: object = None, fill: Fill = None
) -> Picture:
    return pictures.elastic_transform(mask, displacement, InterpolationMode.NEAREST, fill)


@kernel(elastic, BoundingBoxes, KeyPoints)
def _elastic_points(
    inpt: Points, displacement: Tensor, interpolation: object = None, fill: object = None
) -> Points:
    height, width = inpt.canvas_size
    half = (0.5 * width, 0.5 * height)

    def move(points: Tensor) -> Tensor:
        pixels = points.ceil() if isinstance(inpt, BoundingBoxes) else points
        x, y = pixels.to(int64).unbind(-1)
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
        there = displacement.to(points.device, points.dtype)[0, y, x]
        return stack([x, y], -1) - there * points.new_tensor(half)

    return moved(inpt, move, (height, width))


elastic_transform = elastic
