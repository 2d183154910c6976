"""Axes of the inputs whose length a model leaves open, and arguments with other lengths there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..graph.structure import replaced
from ..tensor import Tensor

__all__ = ["Symbol", "arguments", "batch_symbol", "lengths_of"]


@dataclass(eq=False)
class Symbol:
    """A length that a model leaves open.

    Attributes:
        name: of the length in the model, such as ``batch``.
        places: (number of the input, axis) of every axis with this length.
        lengths: the two that are recorded.
    """

    name: str
    lengths: tuple[int, int]
    places: list[tuple[int, int]] = field(default_factory=list)


def batch_symbol(inputs: Sequence[Tensor]) -> list[Symbol]:
    """The first axis of the inputs that have as many entries there as the first input."""
    shapes = [tuple(x.shape) for x in inputs]
    if not shapes or not shapes[0]:
        return []
    places = [(i, 0) for i, shape in enumerate(shapes) if shape and shape[0] == shapes[0][0]]
    return [Symbol("batch", lengths_of(0, shapes[0]), places)]


def lengths_of(axis: int, shape: Sequence[int]) -> tuple[int, int]:
    """The lengths of an axis to record.

    Batches are small, and neither is 1, which broadcasts. Lengths of 2 and 5 tell a multiple of the
    batch from its half or its square. Images grow by 32 pixels, which strides divide, and sequences by
    one element.
    """
    if axis == 0:
        return 2, 5
    is_image = len(shape) == 4 and axis >= 2
    return shape[axis], shape[axis] + (32 if is_image else 1)


def arguments(call: Any, symbols: Sequence[Symbol], other: Symbol | None) -> object:
    """The arguments of a call with the first lengths of all symbols, of ``other`` with the second."""
    wanted: dict[int, dict[int, int]] = {}
    for symbol in symbols:
        for number, axis in symbol.places:
            wanted.setdefault(number, {})[axis] = symbol.lengths[symbol is other]
    numbers = itertools.count()

    def resized(leaf: Any) -> object:
        if not isinstance(leaf, Tensor):
            return leaf
        array = leaf.array
        for axis, length in wanted.get(next(numbers), {}).items():
            array = np.take(array, np.arange(length) % array.shape[axis], axis)
        return Tensor.of(array)

    return replaced(call, resized)
