"""Blurred and sharpened pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import ImageEnhance

from ..devices import xp_of
from ..ops.conv import conv2d
from ..ops.pad import pad
from ..tensor import Tensor
from ..typing import Array
from ._arguments import Picture, Transform, check_picture, check_tensor, pair
from ._batches import in_floats
from ._draws import uniform
from .color import blend
from .conversion import pil_to_tensor, to_pil_image
from .sampling import grid_dtype


def gaussian_blur(
    img: Picture, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None
) -> Picture:
    """Blurs a picture with a Gaussian; it is mirrored at its borders.

    Args:
        img: a PIL image or a tensor (…, C, H, W).
        kernel_size: (width, height) of the Gaussian in pixels, or one number; odd.
        sigma: its standard deviations (x, y), or one number; 0.15 kernel_size + 0.35 if None.

    Raises:
        TypeError: for something else than numbers.
        ValueError: for sizes that are not odd and positive, or sigmas that are not positive.
    """
    for name, value in (("kernel_size", kernel_size), ("sigma", sigma)):
        if value is not None and not isinstance(value, (int, float, list, tuple)):
            raise TypeError(f"{name} must be one number or two, got {value!r}")
    if isinstance(kernel_size, Sequence) and len(kernel_size) != 2:
        raise ValueError(f"kernel_size must be one number or (width, height), got {kernel_size}")
    sizes = _check_kernel_size(kernel_size)
    sigmas = [0.15 * size + 0.35 for size in sizes] if sigma is None else _two(sigma, "sigma")
    if min(sigmas) <= 0:
        raise ValueError(f"sigma must be positive, got {sigmas}")
    if not isinstance(img, Tensor):
        blurred = gaussian_blur(pil_to_tensor(check_picture(img)), sizes, sigmas)
        return to_pil_image(blurred, img.mode)  # type: ignore[arg-type]
    dtype = grid_dtype(check_tensor(img))
    row, column = (_gaussian(size, s, dtype) for size, s in zip(sizes, sigmas))
    return _filter(img, column[:, None] * row)


def _gaussian(size: int, sigma: float, dtype: np.dtype) -> Array:
    """A Gaussian at ``size`` places with the sum 1."""
    x = np.arange(size, dtype=dtype) - dtype.type((size - 1) / 2)
    density = np.exp(dtype.type(-0.5) * (x / dtype.type(sigma)) ** 2)
    return density / density.sum()


def _filter(img: Tensor, kernel: Array) -> Tensor:
    """Convolves each channel of img (…, C, H, W) with kernel (height, width), mirrored outside."""

    def compute(batch: Tensor) -> Tensor:
        C, xp = batch.shape[1], xp_of(batch.array)
        x, y = kernel.shape[1] // 2, kernel.shape[0] // 2
        weight = xp.broadcast_to(xp.asarray(kernel, batch.array.dtype), (C, 1, *kernel.shape))
        return conv2d(pad(batch, (x, x, y, y), "reflect"), Tensor.of(weight.copy()), groups=C)

    return in_floats(img, compute)


def _check_kernel_size(kernel_size: int | Sequence[int]) -> Sequence[int]:
    sizes = pair(kernel_size, "kernel_size")
    if any(size <= 0 or size % 2 == 0 for size in sizes):
        raise ValueError(f"kernel_size must be odd and positive, got {sizes}")
    return sizes


def _two(value: float | Sequence[float], name: str) -> Sequence[float]:
    if isinstance(value, (int, float)):
        return (value, value)
    if not isinstance(value, Sequence) or len(value) not in (1, 2):
        raise ValueError(f"{name} must be one number or two, got {value!r}")
    return value if len(value) == 2 else (value[0], value[0])


class GaussianBlur(Transform):
    """Blurs with a Gaussian of random width. See :func:`gaussian_blur`.

    Args:
        kernel_size: (width, height) in pixels, or one number; odd.
        sigma: bounds (min, max) of the standard deviation, or one number that is always taken.

    Raises:
        ValueError: for sizes that are not odd and positive, or bounds not in order and positive.
    """

    shown = ("kernel_size", "sigma")

    def __init__(
        self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)
    ) -> None:
        super().__init__()
        self.kernel_size, self.sigma = _check_kernel_size(kernel_size), _two(sigma, "sigma")
        if not 0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma must be positive, (min, max), got {sigma}")

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """A random standard deviation."""
        return uniform(sigma_min, sigma_max)

    def forward(self, img: Picture) -> Picture:
        return gaussian_blur(img, self.kernel_size, self.get_params(*self.sigma))


def adjust_sharpness(img: Picture, sharpness_factor: float) -> Picture:
    """Blends with a blurred picture: 0 gives the blurred one, 1 the picture itself, 2 is sharper.

    Args:
        img: a PIL image or a tensor (…, 1 or 3, H, W).
        sharpness_factor: 0 or more.

    Raises:
        ValueError: for a negative factor of a tensor.
    """
    if not isinstance(img, Tensor):
        return ImageEnhance.Sharpness(check_picture(img)).enhance(sharpness_factor)
    if sharpness_factor < 0:
        raise ValueError(f"sharpness_factor must be >= 0, got {sharpness_factor}")
    if min(check_tensor(img, (1, 3), "adjust_sharpness").shape[-2:]) <= 2:
        return img
    kernel = np.ones((3, 3), grid_dtype(img))
    kernel[1, 1] = 5
    blurred = img.clone()
    blurred[..., 1:-1, 1:-1] = _filter(img, kernel / kernel.sum())[..., 1:-1, 1:-1]
    return blend(img, blurred, sharpness_factor)
