"""Elastic distortion: pictures as if seen through moving water."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..creation import linspace
from ..data.seeding import current_generator
from ..dtypes import float32
from ..ops.shape import cat
from ..tensor import Tensor
from ._arguments import Picture, Transform, check_picture
from .conversion import pil_to_tensor, to_pil_image
from .dimensions import get_dimensions
from .filters import gaussian_blur
from .interpolation import InterpolationMode
from .sampling import sample

Fill = float | Sequence[float] | None


def elastic_transform(
    img: Picture,
    displacement: Tensor,
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    fill: Fill = None,
) -> Picture:
    """Takes each pixel of the result from another place near it.

    Args:
        img: a PIL image or a tensor (…, C, H, W).
        displacement: how far away (x, y), (1, H, W, 2), where 2 is the whole width or height.
        interpolation: nearest, bilinear or bicubic.
        fill: value of pixels that come from outside the image, one number or one per channel.

    Raises:
        TypeError: if ``displacement`` is no tensor.
        ValueError: for another shape of it.
    """
    mode = InterpolationMode.of(interpolation)
    if not isinstance(displacement, Tensor):
        raise TypeError(f"displacement must be a tensor, got {type(displacement).__name__}")
    _, H, W = get_dimensions(img)
    if tuple(displacement.shape) != (1, H, W, 2):
        raise ValueError(
            f"displacement must be of shape {(1, H, W, 2)}, got {tuple(displacement.shape)}"
        )
    tensor = img if isinstance(img, Tensor) else pil_to_tensor(check_picture(img))
    x, y = (linspace((1 - n) / n, (n - 1) / n, n, float32, "cpu").array for n in (W, H))
    grid = np.stack(np.meshgrid(x, y), -1) + displacement.detach().cpu().numpy()[0]
    moved = sample(tensor, grid, mode.value, fill)
    return moved if isinstance(img, Tensor) else to_pil_image(moved, img.mode)


class ElasticTransform(Transform):
    """Moves pixels by random distances that change slowly. See :func:`elastic_transform`.

    Args:
        alpha: how far, one number or (x, y); some pixels, for the usual ``sigma``.
        sigma: how slowly, the standard deviations (x, y) of a Gaussian in pixels.
        interpolation, fill: as for :func:`elastic_transform`.

    Raises:
        TypeError: for something else than floats.
        ValueError: for other than two.
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 50.0,
        sigma: float | Sequence[float] = 5.0,
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        fill: float | Sequence[float] = 0,
    ) -> None:
        super().__init__()
        self.alpha, self.sigma = _two_floats(alpha, "alpha"), _two_floats(sigma, "sigma")
        self.interpolation = InterpolationMode.of(interpolation)
        if not isinstance(fill, (int, float, list, tuple)):
            raise TypeError(f"fill must be a number or a sequence, got {fill!r}")
        values = [fill] if isinstance(fill, (int, float)) else fill
        self.fill = [float(value) for value in values]

    @staticmethod
    def get_params(alpha: Sequence[float], sigma: Sequence[float], size: Sequence[int]) -> Tensor:
        """A random displacement (1, H, W, 2) for an image of ``size`` (height, width)."""
        moves = []
        for far, slow, side in zip(alpha, sigma, reversed(size)):
            move = Tensor.of(current_generator().random((1, 1, *size))) * 2 - 1
            if slow > 0:
                kernel_size = int(8 * slow + 1) | 1  # odd
                blurred = gaussian_blur(move, (kernel_size, kernel_size), tuple(sigma))
                assert isinstance(blurred, Tensor)
                move = blurred
            moves.append(move * far / side)
        return cat(moves, 1).permute(0, 2, 3, 1)

    def forward(self, tensor: Picture) -> Picture:
        _, height, width = get_dimensions(tensor)
        displacement = self.get_params(self.alpha, self.sigma, (height, width))
        return elastic_transform(tensor, displacement, self.interpolation, self.fill)

    def __repr__(self) -> str:
        return (
            f"ElasticTransform(alpha={self.alpha}, sigma={self.sigma}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )


def _two_floats(value: float | Sequence[float], name: str) -> Sequence[float]:
    numbers = [value, value] if isinstance(value, float) else value
    if not isinstance(numbers, Sequence) or not all(isinstance(n, float) for n in numbers):
        raise TypeError(f"{name} must be one float or two, got {value!r}")
    if len(numbers) != 2:
        raise ValueError(f"{name} must be one float or two, got {value!r}")
    return numbers
