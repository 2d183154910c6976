"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._arguments import Transform, check_probability
from ._draws import choice, shuffled, uniform
from .joined import joined


def _text(name: str, parts: Sequence[object]) -> str:
    return f"{name}(" + "".join(f"\n    {part}" for part in parts) + "\n)"


class Compose:
    """Applies ``transforms`` one after another, some neighbours in one go (:mod:`.joined`)."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in joined(self.transforms):
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _text(type(self).__name__, list(self.transforms))


class RandomApply(Transform):
    """Applies all of ``transforms``, a list or an ``nn.ModuleList``, with probability ``p``."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        super().__init__()
        self.transforms, self.p = transforms, check_probability(p)

    def forward(self, img: Any) -> object:
        if uniform(0, 1) <= np.float32(self.p):
            for transform in self.transforms:
                img = transform(img)
        return img

    def __repr__(self) -> str:
        return _text("RandomApply", [f"p={self.p}", *self.transforms])


class RandomOrder:
    """Applies ``transforms`` in random order, drawn by Python's ``random``.

    Raises:
        TypeError: for anything but a sequence.
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = _check_sequence(transforms, "transforms")

    def __call__(self, img: Any) -> Any:
        for number in shuffled(len(self.transforms)):
            img = self.transforms[number](img)
        return img

    def __repr__(self) -> str:
        return _text("RandomOrder", self.transforms)


class RandomChoice:
    """Applies one of ``transforms``, drawn by Python's ``random``.

    Args:
        transforms: of which one is applied.
        p: the weight of each, which need not add up to 1; all equal if None.

    Raises:
        TypeError: for anything but sequences.
    """

    def __init__(
        self, transforms: Sequence[Callable[..., Any]], p: Sequence[float] | None = None
    ) -> None:
        self.transforms = _check_sequence(transforms, "transforms")
        self.p = None if p is None else _check_sequence(p, "p")

    def __call__(self, *args: Any) -> Any:
        return self.transforms[choice(len(self.transforms), self.p)](*args)

    def __repr__(self) -> str:
        return f"{_text('RandomChoice', self.transforms)}(p={self.p})"


def _check_sequence(values: Sequence[Any], name: str) -> Sequence[Any]:
    if not isinstance(values, Sequence):
        raise TypeError(f"{name} must be a sequence, got {type(values).__name__}")
    return values


class Lambda:
    """Applies any function.

    Raises:
        TypeError: if ``lambd`` is not callable.
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda expects a callable, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return "Lambda()"
