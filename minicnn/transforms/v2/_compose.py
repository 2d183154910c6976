"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...creation import tensor
from ...data.seeding import current_generator
from ...nn.containers import ModuleList
from ...ops.sampling import multinomial
from .._arguments import check_probability
from .._draws import chance, permutation
from ._transform import Transform

__all__ = ["Compose", "RandomApply", "RandomChoice", "RandomOrder"]

Transforms = Sequence[Callable[..., Any]] | ModuleList


class _Several(Transform):
    """A transform made of others, which are applied one after another to all of a sample.

    Args:
        transforms: the others, or functions of a sample.

    Raises:
        TypeError: for anything but a sequence.
    """

    def __init__(self, transforms: Transforms) -> None:
        super().__init__()
        if not isinstance(transforms, (Sequence, ModuleList)):
            raise TypeError(f"transforms must be a sequence, got {type(transforms).__name__}")
        self.transforms = transforms

    def _chain(self, transforms: Any, inputs: tuple[Any, ...]) -> object:
        several = len(inputs) > 1
        for transform in transforms:
            out = transform(*inputs)
            inputs = out if several else (out,)
        return inputs if several else inputs[0]


class _Listed(_Several):
    """One whose ``repr`` lists the others."""

    def extra_repr(self) -> str:
        return "\n".join(f"    {transform}" for transform in self.transforms)


class Compose(_Listed):
    """Applies ``transforms`` one after another.

    Raises:
        TypeError: for anything but a sequence.
        ValueError: for an empty one.
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        super().__init__(transforms)
        if not transforms:
            raise ValueError("Compose expects at least one transform, got none")

    def forward(self, *inputs: Any) -> object:
        return self._chain(self.transforms, inputs)


class RandomApply(_Listed):
    """Applies all of ``transforms``, a list or an ``nn.ModuleList``, with probability ``p``."""

    def __init__(self, transforms: Transforms, p: float = 0.5) -> None:
        super().__init__(transforms)
        self.p = check_probability(p)

    def forward(self, *inputs: Any) -> object:
        return self._chain(self.transforms if chance(self.p) else (), inputs)


class RandomChoice(_Several):
    """Applies one of ``transforms``.

    Args:
        transforms: of which one is applied.
        p: the weight of each, which need not add up to 1; all equal if None.

    Raises:
        TypeError: for anything but a sequence.
        ValueError: if there are not as many weights as transforms.
    """

    def __init__(
        self, transforms: Sequence[Callable[..., Any]], p: Sequence[float] | None = None
    ) -> None:
        super().__init__(transforms)
        weights = [1] * len(transforms) if p is None else p
        if len(weights) != len(transforms):
            raise ValueError(f"p must have {len(transforms)} weights, got {len(weights)}")
        self.p = [weight / sum(weights) for weight in weights]

    def forward(self, *inputs: Any) -> object:
        number = int(multinomial(tensor(self.p), 1, generator=current_generator()))
        return self.transforms[number](*inputs)


class RandomOrder(_Several):
    """Applies ``transforms`` in random order."""

    def forward(self, *inputs: Any) -> object:
        order = permutation(len(self.transforms))
        return self._chain([self.transforms[number] for number in order], inputs)
