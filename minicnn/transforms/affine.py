"""Rotation, shift, scale and shear of PIL images."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from ._arguments import Transform, check_picture, symmetric_range, uniform
from .geometry import InterpolationMode, fill_color


def rotate(
    img: Image.Image,
    angle: float,
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    expand: bool = False,
    center: tuple[float, float] | None = None,
    fill: float | Sequence[float] = 0,
) -> Image.Image:
    """Rotates an image.

    Args:
        img: a PIL image.
        angle: degrees, counter-clockwise.
        interpolation: nearest, bilinear or bicubic.
        expand: make the result large enough for the whole rotated image.
        center: (x, y) of the point to turn around, the middle when left out.
        fill: value of pixels that come from outside the image, one number or one per channel.
    """
    mode = InterpolationMode.of(interpolation).pil
    return check_picture(img).rotate(angle, mode, expand, center, fillcolor=fill_color(fill, img))


def affine(
    img: Image.Image,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    fill: float | Sequence[float] = 0,
    center: tuple[float, float] | None = None,
) -> Image.Image:
    """Rotates, scales and shears an image around its centre, then shifts it.

    Args:
        img: a PIL image.
        angle: degrees, clockwise.
        translate: shift (x, y) in pixels.
        scale: factor above 0.
        shear: degrees along x, or (along x, along y).
        interpolation: nearest, bilinear or bicubic.
        fill: value of pixels that come from outside the image, one number or one per channel.
        center: (x, y) of the fixed point, the middle when left out.

    Raises:
        ValueError: if ``scale`` is not positive.
    """
    if scale <= 0:
        raise ValueError(f"scale must be positive, got {scale}")
    shears = (shear, 0.0) if isinstance(shear, (int, float)) else tuple(shear)
    width, height = check_picture(img).size
    middle = (width * 0.5, height * 0.5) if center is None else center
    matrix = _inverse_affine_matrix(middle, angle, translate, scale, shears)
    mode = InterpolationMode.of(interpolation).pil
    return img.transform(
        img.size,
        Image.Transform.AFFINE,
        matrix,
        mode,  # type: ignore[arg-type]  # Pillow checks that the mode can be used here
        fillcolor=fill_color(fill, img),
    )


def _inverse_affine_matrix(
    center: tuple[float, float],
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
        center: tuple[float, float] | None = None,
        fill: float | Sequence[float] = 0,
    ) -> None:
        self.degrees = symmetric_range(degrees, "degrees", (2,))
        self.interpolation = InterpolationMode.of(interpolation)
        self.expand, self.center, self.fill = expand, center, fill

    def __call__(self, img: Image.Image) -> Image.Image:
        angle = uniform(*self.degrees)
        return rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return (
            f"RandomRotation(degrees={self.degrees}, interpolation={self.interpolation}, "
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
        fill: float | Sequence[float] = 0,
        center: tuple[float, float] | None = None,
    ) -> None:
        self.degrees = symmetric_range(degrees, "degrees", (2,))
        if translate is not None and not (
            len(translate) == 2 and 0 <= min(translate) <= max(translate) <= 1
        ):
            raise ValueError(f"translate must be two shares between 0 and 1, got {translate}")
        if scale is not None and not (len(scale) == 2 and min(scale) > 0):
            raise ValueError(f"scale must be two positive factors, got {scale}")
        self.translate, self.scale = translate, scale
        self.shear = None if shear is None else symmetric_range(shear, "shear", (2, 4))
        self.interpolation = InterpolationMode.of(interpolation)
        self.fill, self.center = fill, center

    def get_params(
        self, size: tuple[int, int]
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Random angle, shift, scale and shear for an image of ``size`` (width, height)."""
        angle = uniform(*self.degrees)
        shift = (0, 0)
        if self.translate is not None:
            most = [share * side for share, side in zip(self.translate, size, strict=True)]
            shift = (round(uniform(-most[0], most[0])), round(uniform(-most[1], most[1])))
        scale = 1.0 if self.scale is None else uniform(self.scale[0], self.scale[1])
        shear_x = shear_y = 0.0
        if self.shear is not None:
            shear_x = uniform(self.shear[0], self.shear[1])
            if len(self.shear) == 4:
                shear_y = uniform(self.shear[2], self.shear[3])
        return angle, shift, scale, (shear_x, shear_y)

    def __call__(self, img: Image.Image) -> Image.Image:
        params = self.get_params(check_picture(img).size)
        return affine(img, *params, self.interpolation, self.fill, self.center)

    def __repr__(self) -> str:
        defaults = {"interpolation": InterpolationMode.NEAREST, "fill": 0}
        names = ("translate", "scale", "shear", "interpolation", "fill", "center")
        settings = {name: getattr(self, name) for name in names}
        changed = [f", {n}={v}" for n, v in settings.items() if v != defaults.get(n)]
        return f"RandomAffine(degrees={self.degrees}{''.join(changed)})"
