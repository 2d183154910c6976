"""``Size``: the shape of a tensor."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, SupportsIndex

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Size"]


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple of integers that also counts the elements.

    Args:
        sizes: the length of each dimension.

    Raises:
        TypeError: for anything but integers.

    As ``torch.Size``, whose text it has: ``torch.Size([2, 3])``.
    """

    __slots__ = ()

    def __new__(cls, sizes: Iterable[SupportsIndex] = ()) -> Self:
        return super().__new__(cls, map(operator.index, sizes))

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        taken = tuple.__getitem__(self, index)
        return of_shape(taken) if isinstance(index, slice) else taken

    def __add__(self, other: Any) -> Any:
        return of_shape(tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Any:
        return of_shape(tuple.__add__(other, self))

    def __mul__(self, times: SupportsIndex) -> Any:
        return of_shape(tuple.__mul__(self, times))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __reduce__(self) -> tuple[type[Size], tuple[tuple[int, ...]]]:
        return Size, (tuple(self),)


def of_shape(shape: tuple[int, ...]) -> Size:
    """The size of an array, whose lengths need no check."""
    return tuple.__new__(Size, shape)
