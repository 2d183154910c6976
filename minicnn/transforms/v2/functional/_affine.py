"""Rotation, shift, scale and shear of inputs of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, KeyPoints, Mask
from ... import affine as pictures
from ..._arguments import Picture
from ...interpolation import InterpolationMode
from ._boxes import Points, moved
from ._kernels import functional, kernel
from ._modes import Interpolation, mode_of

__all__ = ["affine", "rotate"]

Fill = float | Sequence[float] | None
Center = Sequence[float] | None


@functional
def rotate(
    inpt: Picture,
    angle: float,
    interpolation: Interpolation = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Center = None,
    fill: Fill = None,
) -> Picture:
    """Rotates an input of any kind.

    Args:
        inpt: the input. Of masks the nearest pixels are taken.
        angle: degrees, counter-clockwise.
        interpolation: nearest, bilinear or, for PIL images, bicubic.
        expand: make the result large enough for the whole rotated image.
        center: (x, y) of the point to turn around, the middle when left out.
        fill: value of pixels that come from outside, one number or one per channel.
    """
    return pictures.rotate(inpt, angle, mode_of(interpolation), expand, center, fill)


@kernel(rotate, Mask)
def _rotate_mask(
    mask: Tensor,
    angle: float,
    interpolation: object = None,
    expand: bool = False,
    center: Center = None,
    fill: Fill = None,
) -> Picture:
    return pictures.rotate(mask, angle, InterpolationMode.NEAREST, expand, center, fill)


@kernel(rotate, BoundingBoxes, KeyPoints)
def _rotate_points(
    inpt: Points,
    angle: float,
    interpolation: object = None,
    expand: bool = False,
    center: Center = None,
    fill: object = None,
) -> Points:
    height, width = inpt.canvas_size
    middle = (width * 0.5, height * 0.5)
    center = middle if center is None else center
    matrix = _forward(center, -angle)
    if not expand:
        return moved(inpt, _by(matrix), (height, width))
    corners = np.array([[0, 0, 1], [0, height, 1], [width, height, 1], [width, 0, 1]])
    matrix[:, 2] -= (corners @ matrix.T).min(0)
    # as torchvision's, which may differ from the image's size by one pixel
    backward = pictures.inverse_affine_matrix(center, -angle, (0, 0), 1.0, (0, 0))
    return moved(inpt, _by(matrix), pictures.expanded_size(backward, height, width))


@functional
def affine(
    inpt: Picture,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Interpolation = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Center = None,
) -> Picture:
    """Rotates, scales and shears an input of any kind around its centre, then shifts it.

    Args:
        inpt: the input. Of masks the nearest pixels are taken.
        angle: degrees, clockwise.
        translate: shift (x, y) in pixels.
        scale: factor above 0.
        shear: degrees along x, or (along x, along y).
        interpolation: nearest, bilinear or, for PIL images, bicubic.
        fill: value of pixels that come from outside, one number or one per channel.
        center: (x, y) of the fixed point, the middle when left out.

    Raises:
        ValueError: if ``scale`` is not positive, or for other than two shifts or shears.
    """
    mode = mode_of(interpolation)
    return pictures.affine(inpt, angle, translate, scale, shear, mode, fill, center)


@kernel(affine, Mask)
def _affine_mask(
    mask: Tensor,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: object = None,
    fill: Fill = None,
    center: Center = None,
) -> Picture:
    mode = InterpolationMode.NEAREST
    return pictures.affine(mask, angle, translate, scale, shear, mode, fill, center)


@kernel(affine, BoundingBoxes, KeyPoints)
def _affine_points(
    inpt: Points,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: object = None,
    fill: object = None,
    center: Center = None,
) -> Points:
    height, width = inpt.canvas_size
    middle = (width * 0.5, height * 0.5) if center is None else center
    shears = pictures.two_shears(shear)
    matrix = _forward(middle, angle, translate, scale, shears)
    return moved(inpt, _by(matrix), (height, width))


def _forward(
    center: Sequence[float],
    angle: float,
    translate: Sequence[float] = (0, 0),
    scale: float = 1.0,
    shear: Sequence[float] = (0, 0),
) -> np.ndarray:
    """(2, 3): where the points (x, y, 1) of an image are in the result."""
    backward = pictures.inverse_affine_matrix(center, angle, translate, scale, shear)
    return np.linalg.inv(np.array([*backward, 0, 0, 1]).reshape(3, 3))[:2]


def _by(matrix: np.ndarray) -> Callable[[Tensor], Tensor]:
    """Points (…, 2) multiplied by a matrix (2, 3)."""

    def move(points: Tensor) -> Tensor:
        linear, offset = points.new_tensor(matrix[:, :2].T), points.new_tensor(matrix[:, 2])
        return points @ linear + offset

    return move
