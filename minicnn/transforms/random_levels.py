"""Changes of values and sharpness that happen with a probability."""

from __future__ import annotations

from ._arguments import Picture, Transform, check_probability
from ._draws import uniform
from .filters import adjust_sharpness
from .levels import autocontrast, equalize, invert, posterize, solarize


class _Sometimes(Transform):
    """:meth:`change` with probability ``p``."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = check_probability(p)

    def change(self, img: Picture) -> Picture:
        raise NotImplementedError

    def forward(self, img: Picture) -> Picture:
        return self.change(img) if uniform(0, 1) < self.p else img

    def __repr__(self) -> str:
        settings = ",".join(f"{name}={getattr(self, name)}" for name in (*self.shown, "p"))
        return f"{type(self).__name__}({settings})"


class RandomInvert(_Sometimes):
    """:func:`invert` with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Picture) -> Picture:
        return invert(img)


class RandomPosterize(_Sometimes):
    """:func:`posterize` to ``bits`` bits with probability ``p``."""

    shown = ("bits",)

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def change(self, img: Picture) -> Picture:
        return posterize(img, self.bits)


class RandomSolarize(_Sometimes):
    """:func:`solarize` from ``threshold`` on with probability ``p``."""

    shown = ("threshold",)

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def change(self, img: Picture) -> Picture:
        return solarize(img, self.threshold)


class RandomAdjustSharpness(_Sometimes):
    """:func:`adjust_sharpness` by ``sharpness_factor`` with probability ``p``."""

    shown = ("sharpness_factor",)

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def change(self, img: Picture) -> Picture:
        return adjust_sharpness(img, self.sharpness_factor)


class RandomAutocontrast(_Sometimes):
    """:func:`autocontrast` with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Picture) -> Picture:
        return autocontrast(img)


class RandomEqualize(_Sometimes):
    """:func:`equalize` with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Picture) -> Picture:
        return equalize(img)
