"""Blurs images and videos, adds noise, and leaves what JPEG keeps of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._arguments import check_length
from .._draws import integer
from ..filters import GaussianBlur as FirstGaussianBlur
from . import functional as F
from ._transform import Transform

__all__ = ["JPEG", "GaussianBlur", "GaussianNoise"]


class GaussianBlur(Transform):
    """Blurs with a Gaussian of random width. See :func:`functional.gaussian_blur`.

    Args:
        kernel_size: (width, height) in pixels, or one number; odd.
        sigma: bounds (min, max) of the standard deviation, or one number that is always taken.

    Raises:
        ValueError: for sizes that are not odd and positive, or bounds not in order and positive.
    """

    def __init__(
        self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)
    ) -> None:
        super().__init__()
        first = FirstGaussianBlur(kernel_size, sigma)  # checks its arguments
        self.kernel_size, self.sigma = first.kernel_size, [float(bound) for bound in first.sigma]

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        sigma = FirstGaussianBlur.get_params(self.sigma[0], self.sigma[1])
        return {"sigma": [sigma, sigma]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.gaussian_blur, inpt, self.kernel_size, **params)


class GaussianNoise(Transform):
    """Adds random numbers to all pixels. See :func:`functional.gaussian_noise`."""

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> None:
        super().__init__()
        self.mean, self.sigma, self.clip = mean, sigma, clip

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.gaussian_noise, inpt, self.mean, self.sigma, self.clip)


class JPEG(Transform):
    """Saves as JPEG of random quality, and reads it again. See :func:`functional.jpeg`.

    Args:
        quality: from 1 to 100, or bounds (min, max) of it.

    Raises:
        TypeError: for something else.
        ValueError: for other numbers.
    """

    def __init__(self, quality: int | Sequence[int]) -> None:
        super().__init__()
        if isinstance(quality, (bool, str)):
            raise TypeError(f"quality must be one integer or two, got {quality!r}")
        bounds = [quality, quality] if isinstance(quality, int) else quality
        check_length(bounds, "quality")
        low, high = bounds
        whole = isinstance(low, int) and isinstance(high, int)
        if not (whole and 1 <= low <= high <= 100):
            raise ValueError(f"quality must be integers from 1 to 100, min first, got {quality}")
        self.quality = bounds

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"quality": integer(self.quality[0], self.quality[1] + 1)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.jpeg, inpt, params["quality"])
