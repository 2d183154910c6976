"""Changes pixel values of images and videos at random."""

from __future__ import annotations

from typing import Any

from . import functional as F
from ._transform import RandomTransform

__all__ = [
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomEqualize",
    "RandomInvert",
    "RandomPosterize",
    "RandomSolarize",
]


class RandomEqualize(RandomTransform):
    """:func:`functional.equalize` with probability ``p``."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.equalize, inpt)


class RandomInvert(RandomTransform):
    """:func:`functional.invert` with probability ``p``."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.invert, inpt)


class RandomPosterize(RandomTransform):
    """:func:`functional.posterize` to ``bits`` bits with probability ``p``."""

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.posterize, inpt, self.bits)


class RandomSolarize(RandomTransform):
    """:func:`functional.solarize` from ``threshold`` on with probability ``p``."""

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.solarize, inpt, self.threshold)


class RandomAutocontrast(RandomTransform):
    """:func:`functional.autocontrast` with probability ``p``."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.autocontrast, inpt)


class RandomAdjustSharpness(RandomTransform):
    """:func:`functional.adjust_sharpness` by ``sharpness_factor`` with probability ``p``."""

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.adjust_sharpness, inpt, self.sharpness_factor)
