"""Perspective of inputs of all kinds: as if seen from another point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, KeyPoints, Mask
from ... import perspective as pictures
from ..._arguments import Picture
from ...interpolation import InterpolationMode
from ._boxes import Points, moved
from ._kernels import functional, kernel
from ._modes import Interpolation, mode_of

__all__ = ["perspective"]

Fill = float | Sequence[float] | None
Corners = Sequence[Sequence[int]] | None


@functional
def perspective(
    inpt: Picture,
    startpoints: Corners,
    endpoints: Corners,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    fill: Fill = None,
    coefficients: Sequence[float] | None = None,
) -> Picture:
    """Moves four points of an input of any kind to four others.

    Args:
        inpt: the input. Of masks the nearest pixels are taken.
        startpoints: (x, y) of the corners top left, top right, bottom right and bottom left, before.
        endpoints: the same corners in the result.
        interpolation: nearest, bilinear or, for PIL images, bicubic.
        fill: value of pixels that come from outside, one number or one per channel.
        coefficients: a … h instead of corners: (x, y) of the result comes from
            ((a x + b y + c) / (g x + h y + 1), (d x + e y + f) / (g x + h y + 1)).

    Raises:
        ValueError: for other than four corners or eight coefficients, for both or none of them.
    """
    numbers = _coefficients(startpoints, endpoints, coefficients)
    return pictures.perspective_by(inpt, numbers, mode_of(interpolation), fill)


@kernel(perspective, Mask)
def _perspective_mask(
    mask: Tensor,
    startpoints: Corners,
    endpoints: Corners,
    interpolation: object = None,
    fill: Fill = None,
    coefficients: Sequence[float] | None = None,
) -> Picture:
    numbers = _coefficients(startpoints, endpoints, coefficients)
    return pictures.perspective_by(mask, numbers, InterpolationMode.NEAREST, fill)


@kernel(perspective, BoundingBoxes, KeyPoints)
def _perspective_points(
    inpt: Points,
    startpoints: Corners,
    endpoints: Corners,
    interpolation: object = None,
    fill: object = None,
    coefficients: Sequence[float] | None = None,
) -> Points:
    backward = [*_coefficients(startpoints, endpoints, coefficients), 1.0]
    forward = np.linalg.inv(np.array(backward).reshape(3, 3))
    forward /= forward[2, 2]

    def move(points: Tensor) -> Tensor:
        linear, offset = points.new_tensor(forward[:, :2].T), points.new_tensor(forward[:, 2])
        there = points @ linear + offset
        return there[..., :2] / there[..., 2:]

    return moved(inpt, move, inpt.canvas_size)


def _coefficients(
    startpoints: Corners, endpoints: Corners, coefficients: Sequence[float] | None
) -> Sequence[float]:
    if coefficients is not None:
        if startpoints is not None or endpoints is not None:
            raise ValueError("perspective expects either corners or coefficients, got both")
        if len(coefficients) != 8:
            raise ValueError(f"perspective expects 8 coefficients, got {len(coefficients)}")
        return coefficients
    if startpoints is None or endpoints is None:
        raise ValueError("perspective expects startpoints and endpoints, or coefficients, got none")
    return pictures.coefficients_of(startpoints, endpoints)
