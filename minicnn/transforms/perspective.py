"""Perspective: pictures as if seen from another point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..tensor import Tensor
from ._arguments import Picture, Transform, check_picture, check_probability, check_tensor
from ._draws import chance, integer
from .dimensions import get_image_size
from .interpolation import InterpolationMode
from .pad import check_fill, fill_color
from .sampling import check_mode, grid_dtype, linear, pixel_centers, sample

Fill = float | Sequence[float] | None
Corners = Sequence[Sequence[int]]


def perspective(
    img: Picture,
    startpoints: Corners,
    endpoints: Corners,
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    fill: Fill = None,
) -> Picture:
    """Moves four points of a picture to four others.

    Args:
        img: a PIL image or a tensor (…, H, W).
        startpoints: (x, y) of the corners top left, top right, bottom right and bottom left, before.
        endpoints: the same corners in the result.
        interpolation: nearest, bilinear or, for PIL images, bicubic.
        fill: value of pixels that come from outside the image, one number or one per channel.

    Raises:
        ValueError: for other than four corners.
    """
    return perspective_by(img, coefficients_of(startpoints, endpoints), interpolation, fill)


def perspective_by(
    img: Picture, coefficients: Sequence[float], interpolation: InterpolationMode | int, fill: Fill
) -> Picture:
    """:func:`perspective` by the eight numbers that :func:`coefficients_of` gives."""
    mode = InterpolationMode.of(interpolation)
    if isinstance(img, Tensor):
        return _perspective_tensor(img, coefficients, mode, fill)
    return check_picture(img).transform(
        img.size,
        Image.Transform.PERSPECTIVE,
        list(coefficients),
        mode.pil,  # type: ignore[arg-type]  # Pillow checks that the mode can be used here
        fillcolor=fill_color(fill, img),
    )


def coefficients_of(startpoints: Corners, endpoints: Corners) -> list[float]:
    """a … h: (x, y) comes from ((a x + b y + c) / (g x + h y + 1), (d x + e y + f) / (same)).

    Numbers that should be 0 come out as tiny ones, other ones than with torch's LAPACK. Where the
    corners have hardly moved, a pixel may therefore be 1 higher or lower than torchvision's.
    """
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(
            f"perspective expects 4 corners, got {len(startpoints)} and {len(endpoints)}"
        )
    rows = []
    for (x, y), (u, v) in zip(endpoints, startpoints):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    right = np.array(startpoints, np.float64).reshape(8)
    solution = np.linalg.lstsq(np.array(rows, np.float64), right, rcond=None)[0]
    coefficients: list[float] = solution.astype(np.float32).tolist()
    return coefficients


def _perspective_tensor(
    img: Tensor, coefficients: Sequence[float], mode: InterpolationMode, fill: Fill
) -> Tensor:
    H, W = check_tensor(img).shape[-2:]
    dtype = grid_dtype(img)
    x, y = pixel_centers(H, W, (0.5, 0.5), dtype)
    half = np.array([0.5 * W, 0.5 * H], dtype)
    numerators = linear(x, y, np.array(coefficients[:6], dtype).reshape(2, 3).T / half)
    denominators = linear(x, y, np.array([[c] for c in (*coefficients[6:], 1.0)], dtype))
    return sample(img, numerators / denominators - 1, check_mode(mode), fill)


class RandomPerspective(Transform):
    """Moves the four corners inwards by random distances, with probability ``p``.

    Args:
        distortion_scale: the largest distance, as a share of half the width or height.
        p: probability.
        interpolation, fill: as for :func:`perspective`.
    """

    shown = ("p",)

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        fill: Fill = 0,
    ) -> None:
        super().__init__()
        self.distortion_scale, self.p = distortion_scale, check_probability(p)
        self.interpolation, self.fill = InterpolationMode.of(interpolation), check_fill(fill)

    @staticmethod
    def get_params(
        width: int, height: int, distortion_scale: float
    ) -> tuple[list[list[int]], list[list[int]]]:
        """The corners before and after, as for :func:`perspective`."""
        most_x = int(distortion_scale * (width // 2))
        most_y = int(distortion_scale * (height // 2))
        left, right = (0, most_x + 1), (width - most_x - 1, width)
        top, bottom = (0, most_y + 1), (height - most_y - 1, height)
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        endpoints = [[integer(*x), integer(*y)] for x, y in corners]
        startpoints = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
        return startpoints, endpoints

    def forward(self, img: Picture) -> Picture:
        width, height = get_image_size(img)
        if not chance(self.p):
            return img
        corners = self.get_params(width, height, self.distortion_scale)
        return perspective(img, *corners, self.interpolation, self.fill)
