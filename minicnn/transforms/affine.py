"""Rotation, shift, scale and shear of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..tensor import Tensor
from ._arguments import (
    Picture,
    Transform,
    check_length,
    check_picture,
    check_tensor,
    symmetric_range,
)
from ._draws import uniform
from .dimensions import get_dimensions, get_image_size
from .interpolation import InterpolationMode
from .pad import check_fill, fill_color
from .sampling import check_mode, grid_dtype, linear, pixel_centers, sample

Fill = float | Sequence[float] | None


def rotate(
    img: Picture,
    angle: float,
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Fill = None,
) -> Picture:
    """Rotates a picture.

    Args:
        img: a PIL image or a tensor (…, H, W).
        angle: degrees, counter-clockwise.
        interpolation: nearest, bilinear or, for PIL images, bicubic.
        expand: make the result large enough for the whole rotated image.
        center: (x, y) of the point to turn around, the middle when left out.
        fill: value of pixels that come from outside the image, one number or one per channel.
    """
    mode = InterpolationMode.of(interpolation)
    if center is not None:
        check_length(center, "center")
    if isinstance(img, Tensor):
        matrix = inverse_affine_matrix(_from_middle(img, center), -angle, (0, 0), 1.0, (0, 0))
        return _affine_tensor(img, matrix, mode, fill, expand)
    point = None if center is None else (center[0], center[1])
    color = fill_color(fill, check_picture(img))
    return img.rotate(angle, mode.pil, expand, point, fillcolor=color)  # type: ignore[arg-type]


def affine(
    img: Picture,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Sequence[float] | None = None,
) -> Picture:
    """Rotates, scales and shears a picture around its centre, then shifts it.

    Args:
        img: a PIL image or a tensor (…, H, W).
        angle: degrees, clockwise.
        translate: shift (x, y) in pixels.
        scale: factor above 0.
        shear: degrees along x, or (along x, along y).
        interpolation: nearest, bilinear or, for PIL images, bicubic.
        fill: value of pixels that come from outside the image, one number or one per channel.
        center: (x, y) of the fixed point, the middle when left out.

    Raises:
        ValueError: if ``scale`` is not positive, or for other than two shifts or shears.
    """
    mode = InterpolationMode.of(interpolation)
    if scale <= 0:
        raise ValueError(f"scale must be positive, got {scale}")
    check_length(translate, "translate")
    shears = two_shears(shear)
    if center is not None:
        check_length(center, "center")
    if isinstance(img, Tensor):
        middle = _from_middle(img, center)
        matrix = inverse_affine_matrix(middle, angle, translate, scale, shears)
        return _affine_tensor(img, matrix, mode, fill)
    width, height = check_picture(img).size
    middle = (width * 0.5, height * 0.5) if center is None else center
    matrix = inverse_affine_matrix(middle, angle, translate, scale, shears)
    return img.transform(
        img.size,
        Image.Transform.AFFINE,
        matrix,
        mode.pil,  # type: ignore[arg-type]  # Pillow checks that the mode can be used here
        fillcolor=fill_color(fill, img),
    )


def two_shears(shear: float | Sequence[float]) -> tuple[float, ...]:
    """(along x, along y) from one number, or a sequence of one or two."""
    if isinstance(shear, (int, float)):
        return shear, 0.0
    return tuple(check_length(shear, "shear", (1, 2))) * (2 // len(shear))


def _from_middle(img: Tensor, center: Sequence[float] | None) -> Sequence[float]:
    """(x, y) of ``center``, where the middle of the image is (0, 0)."""
    if center is None:
        return 0.0, 0.0
    return [c - size * 0.5 for c, size in zip(center, get_image_size(img))]


def _affine_tensor(
    img: Tensor, matrix: list[float], mode: InterpolationMode, fill: Fill, expand: bool = False
) -> Tensor:
    """``matrix`` as :func:`inverse_affine_matrix`; the middle of the image is (0, 0)."""
    H, W = check_tensor(img).shape[-2:]
    height, width = expanded_size(matrix, H, W) if expand else (H, W)
    dtype = grid_dtype(img)
    half = np.array([0.5 * W, 0.5 * H], dtype)
    x, y = pixel_centers(height, width, (0.5 - width * 0.5, 0.5 - height * 0.5), dtype)
    grid = linear(x, y, np.array(matrix, dtype).reshape(2, 3).T / half)
    return sample(img, grid, check_mode(mode), fill)


def expanded_size(matrix: list[float], height: int, width: int) -> tuple[int, int]:
    """(height, width) of the smallest image that holds all of a rotated one."""
    half = np.array([0.5 * width, 0.5 * height], np.float32)
    corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]], np.float32) * half
    numbers = np.array(matrix, np.float32).reshape(2, 3)
    moved = corners @ numbers[:, :2].T + numbers[:, 2]
    # cut to 1e-4, so that rounding makes no image a pixel larger
    last = np.ceil(np.trunc((moved.max(0) + half) / np.float32(1e-4)) * np.float32(1e-4))
    first = np.floor(np.trunc((moved.min(0) + half) / np.float32(1e-4)) * np.float32(1e-4))
    new_width, new_height = (last - first).astype(int).tolist()
    return new_height, new_width


def inverse_affine_matrix(
    center: Sequence[float],
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
) -> list[float]:
    """[a, b, c, d, e, f]: pixel (x, y) of the result comes from (a x + b y + c, d x + e y + f).

    Forward, a point p goes to R(angle) S(scale) Y(shear y) X(shear x) (p - center) + center +
    translate. R Y X is [[a, b], [c, d]] with determinant 1, so its inverse is [[d, -b], [-c, a]].
    """
    rotation, shear_x, shear_y = (math.radians(v) for v in (angle, shear[0], shear[1]))
    a = math.cos(rotation - shear_y) / math.cos(shear_y)
    b = -a * math.tan(shear_x) - math.sin(rotation)
    c = math.sin(rotation - shear_y) / math.cos(shear_y)
    d = -c * math.tan(shear_x) + math.cos(rotation)
    inverse = [d / scale, -b / scale, -c / scale, a / scale]
    x, y = -center[0] - translate[0], -center[1] - translate[1]
    return [
        *inverse[:2],
        inverse[0] * x + inverse[1] * y + center[0],
        *inverse[2:],
        inverse[2] * x + inverse[3] * y + center[1],
    ]


class RandomRotation(Transform):
    """Rotates by a random angle.

    Args:
        degrees: (min, max), or one number for (-degrees, degrees); counter-clockwise.
        interpolation, expand, center, fill: as for :func:`rotate`.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Fill = 0,
    ) -> None:
        super().__init__()
        self.degrees = symmetric_range(degrees, "degrees", (2,))
        self.interpolation = InterpolationMode.of(interpolation)
        self.center = None if center is None else check_length(center, "center")
        self.expand, self.fill = expand, check_fill(fill)

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """A random angle."""
        return uniform(degrees[0], degrees[1])

    def forward(self, img: Picture) -> Picture:
        get_dimensions(img)  # complains before a number is drawn
        angle = self.get_params(self.degrees)
        return rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return (
            f"RandomRotation(degrees={self.degrees}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}{center}, fill={self.fill})"
        )


class RandomAffine(Transform):
    """Rotates, scales and shears around the centre, then shifts, all by random amounts.

    Args:
        degrees: bounds of the angle, or one number for (-degrees, degrees); 0 for none.
        translate: largest shift (x, y) as a share of width and height.
        scale: bounds of the factor.
        shear: degrees along x as one number or (min, max), or (min x, max x, min y, max y).
        interpolation, fill, center: as for :func:`affine`.

    Raises:
        ValueError: for a shift outside 0 … 1, or a scale that is not positive.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        fill: Fill = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.degrees = symmetric_range(degrees, "degrees", (2,))
        if translate is not None:
            check_length(translate, "translate")
            if not 0 <= min(translate) <= max(translate) <= 1:
                raise ValueError(f"translate must be two shares between 0 and 1, got {translate}")
        if scale is not None and min(check_length(scale, "scale")) <= 0:
            raise ValueError(f"scale must be two positive factors, got {scale}")
        self.translate, self.scale = translate, scale
        self.shear = None if shear is None else symmetric_range(shear, "shear", (2, 4))
        self.interpolation, self.fill = InterpolationMode.of(interpolation), check_fill(fill)
        self.center = None if center is None else check_length(center, "center")

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Random angle, shift, scale and shear for an image of ``img_size`` (width, height)."""
        angle = uniform(degrees[0], degrees[1])
        shift = (0, 0)
        if translate is not None:
            most = [share * side for share, side in zip(translate, img_size)]
            shift = (round(uniform(-most[0], most[0])), round(uniform(-most[1], most[1])))
        scale = 1.0 if scale_ranges is None else uniform(scale_ranges[0], scale_ranges[1])
        shear_x = shear_y = 0.0
        if shears is not None:
            shear_x = uniform(shears[0], shears[1])
            if len(shears) == 4:
                shear_y = uniform(shears[2], shears[3])
        return angle, shift, scale, (shear_x, shear_y)

    def forward(self, img: Picture) -> Picture:
        size = get_image_size(img)
        params = self.get_params(self.degrees, self.translate, self.scale, self.shear, size)
        return affine(img, *params, self.interpolation, self.fill, self.center)

    def __repr__(self) -> str:
        defaults = {"interpolation": InterpolationMode.NEAREST.value, "fill": 0}
        names = ("translate", "scale", "shear", "interpolation", "fill", "center")
        settings = {name: getattr(self, name) for name in names}
        settings["interpolation"] = self.interpolation.value
        changed = [f", {n}={v}" for n, v in settings.items() if v != defaults.get(n)]
        return f"RandomAffine(degrees={self.degrees}{''.join(changed)})"
