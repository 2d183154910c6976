"""Elements in other places: roll, rot90, tile, and other names of transpositions."""

from __future__ import annotations

from typing import Any

from ..autograd import Function
from ..creation.arguments import integers
from ..devices import on_own_device, xp_of
from ..dtypes import int64
from ..tensor import Tensor
from ..typing import Array
from .dims import normalize_dim
from .shape import expand, flip, repeat, reshape, transpose


class Roll(Function):
    def forward(self, x: Array, shifts: tuple[int, ...], dims: tuple[int, ...] | None) -> Array:
        self.shifts, self.dims = shifts, dims
        return xp_of(x).roll(x, shifts if dims else shifts[0], dims)

    def backward(self, grad: Tensor) -> Tensor:
        return Roll.apply(grad, shifts=tuple(-s for s in self.shifts), dims=self.dims)


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The elements moved by ``shifts`` along ``dims``; those that leave return at the other end.

    Args:
        input: any shape.
        shifts: one number, or one for each dimension.
        dims: one dimension or several; without, the flattened tensor is rolled.

    Raises:
        RuntimeError: for another number of shifts than dimensions.
        IndexError: for a dimension that does not exist.

    As ``torch.roll``.
    """
    moves = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not moves or len(moves) != (len(axes) or 1):
        raise RuntimeError(f"roll expects a shift for each dimension, got {shifts} and {dims}")
    axes = tuple(normalize_dim(input, d) for d in axes)
    if input.ndim == 0 and axes:
        raise IndexError(f"roll got dims={dims} for a tensor without dimensions")
    return Roll.apply(input, shifts=moves, dims=axes or None)


def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by k times 90 degrees, from the first dimension of ``dims`` towards the second.

    Raises:
        RuntimeError: unless there are two different dimensions.

    As ``torch.rot90``.
    """
    if len(dims) != 2 or input.ndim < 2:
        raise RuntimeError(
            f"rot90 expects two dimensions, got {dims} for shape {tuple(input.shape)}"
        )
    a, b = (normalize_dim(input, d) for d in dims)
    if a == b:
        raise RuntimeError(f"rot90 expects two different dimensions, got {dims}")
    turns = k % 4
    if turns == 1:
        return transpose(flip(input, b), a, b)
    if turns == 2:
        return flip(input, a, b)
    return transpose(flip(input, a), a, b) if turns == 3 else input.clone()


def fliplr(input: Tensor) -> Tensor:
    """The order of the columns reversed: dimension 1."""
    if input.ndim < 2:
        raise RuntimeError(f"fliplr expects at least 2 dimensions, got shape {tuple(input.shape)}")
    return flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    """The order of the rows reversed: dimension 0."""
    if input.ndim < 1:
        raise RuntimeError("flipud expects at least 1 dimension, got shape ()")
    return flip(input, 0)


def tile(input: Tensor, *counts: Any, dims: Any = None) -> Tensor:
    """Copies side by side, as :func:`repeat`; missing numbers count as 1.

    As ``torch.tile``.
    """
    numbers = integers("tile", counts, dims)
    return repeat(input, (*(1,) * (input.ndim - len(numbers)), *numbers))


def broadcast_to(input: Tensor, *sizes: Any, size: Any = None) -> Tensor:
    """``input`` expanded to a shape, as :func:`expand`."""
    return expand(input, *sizes, size=size)


def ravel(input: Tensor) -> Tensor:
    """All elements as a vector."""
    return reshape(input, -1)


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Another name of :func:`transpose`."""
    return transpose(input, axis0, axis1)


def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Another name of :func:`transpose`."""
    return transpose(input, dim0, dim1)


def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions swapped.

    Raises:
        RuntimeError: for a vector.
    """
    if input.ndim == 1:
        raise RuntimeError(f"adjoint expects a matrix or several, got shape {tuple(input.shape)}")
    return input if input.ndim == 0 else transpose(input, -2, -1)


@on_own_device
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The indices in each dimension of a shape, from indices into its flattened elements.

    Raises:
        TypeError: for indices that are no integers.
        ValueError: for negative lengths.
        RuntimeError: for lengths of 0.

    As ``torch.unravel_index``: indices that are out of range begin again.
    """
    lengths = (shape,) if isinstance(shape, int) else tuple(map(int, shape))
    if indices.dtype.kind not in "iu":
        raise TypeError(f"unravel_index expects integers, got {indices.array.dtype}")
    if any(n < 0 for n in lengths):
        raise ValueError(f"unravel_index expects lengths of at least 0, got {lengths}")
    if 0 in lengths:
        raise RuntimeError(f"unravel_index expects a shape with elements, got {lengths}")
    rest, parts = indices.array.astype(int64), []
    for length in reversed(lengths):
        parts.append(Tensor.of(rest % length))
        rest = rest // length
    return tuple(reversed(parts))


def sum_to_size(input: Tensor, *sizes: Any, size: Any = None) -> Tensor:
    """Summed over the dimensions in which a tensor of a smaller shape would be broadcast.

    Raises:
        RuntimeError: for a shape that does not broadcast to the shape of ``input``.

    As ``torch.Tensor.sum_to_size``.
    """
    shape = integers("sum_to_size", sizes, size)
    before = input.ndim - len(shape)
    pairs = zip(shape, input.shape[max(before, 0) :])
    if before < 0 or any(n not in (1, m) for n, m in pairs):
        raise RuntimeError(
            f"sum_to_size expects a shape that broadcasts to {tuple(input.shape)}, got {shape}"
        )
    dims = tuple(d for d, n in enumerate(input.shape) if d < before or shape[d - before] != n)
    return reshape(input.sum(dims), shape) if dims or not shape else input
