"""What the transforms share: checks of arguments, random draws, and their ``repr``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from ..data.seeding import current_generator


class Transform:
    """A callable whose ``repr`` shows the attributes named in ``shown``."""

    shown: tuple[str, ...] = ()

    def __call__(self, img: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(img)")

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)
        return f"{type(self).__name__}({settings})"


def check_picture(img: Any) -> Image.Image:
    """``img`` itself.

    Raises:
        TypeError: if it is not a PIL image.
    """
    if not isinstance(img, Image.Image):
        raise TypeError(f"expected a PIL image, got {type(img).__module__}.{type(img).__name__}")
    return img


def pair(size: int | Sequence[int], name: str = "size") -> tuple[int, int]:
    """(height, width) from one number, a sequence of one, or a sequence of two."""
    if isinstance(size, int):
        return size, size
    if len(size) not in (1, 2):
        raise ValueError(f"{name} must be one number or (height, width), got {tuple(size)}")
    return int(size[0]), int(size[-1])


def symmetric_range(value: float | Sequence[float], name: str, lengths: tuple[int, ...]) -> list:
    """[-value, value] from one number, or the numbers of a sequence of an allowed length."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{name} as a single number must be >= 0, got {value}")
        return [-float(value), float(value)]
    if len(value) not in lengths:
        allowed = " or ".join(map(str, lengths))
        raise ValueError(f"{name} must be one number or {allowed} numbers, got {tuple(value)}")
    return [float(number) for number in value]


def check_range(bounds: Sequence[float], name: str) -> tuple[float, float]:
    """``bounds`` as (min, max); a ValueError if they are not in this order."""
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise ValueError(f"{name} must be (min, max), got {tuple(bounds)}")
    return bounds[0], bounds[1]


def check_probability(p: float) -> float:
    """``p`` itself; a ValueError if it is not between 0 and 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"p must be between 0 and 1, got {p}")
    return p


def chance(p: float) -> bool:
    """True with probability ``p``."""
    return bool(current_generator().random() < p)


def uniform(low: float, high: float) -> float:
    """A number uniform in [low, high)."""
    return low + (high - low) * float(current_generator().random())


def integer(low: int, high: int) -> int:
    """An integer uniform in [low, high)."""
    return int(current_generator().integers(low, high))
