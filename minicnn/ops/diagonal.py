"""Diagonals of matrices: views of them, and matrices made from them."""

from __future__ import annotations

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import is_floating
from ..tensor import Tensor
from ..typing import Array
from .assign import fill_
from .dims import normalize_dim
from .shape import reshape


class Diagonal(Function):
    """The diagonals of the matrices in two dimensions, as a new last dimension."""

    returns_view = never_warns = True

    def forward(self, x: Array, offset: int, dim1: int, dim2: int) -> Array:
        self.shape, self.where = x.shape, {"offset": offset, "dim1": dim1, "dim2": dim2}
        return _diagonals(x, offset, dim1, dim2)

    def backward(self, grad: Tensor) -> Tensor:
        return DiagonalPut.apply(grad, shape=self.shape, **self.where)


class DiagonalPut(Function):
    """Zeros of a shape, with values on the diagonals; the adjoint of :class:`Diagonal`."""

    def forward(
        self, values: Array, shape: tuple[int, ...], offset: int, dim1: int, dim2: int
    ) -> Array:
        self.where = {"offset": offset, "dim1": dim1, "dim2": dim2}
        out = xp_of(values).zeros(shape, values.dtype)
        _diagonals(out, offset, dim1, dim2)[...] = values
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return Diagonal.apply(grad, **self.where)


def _diagonals(x: Array, offset: int, dim1: int, dim2: int) -> Array:
    """A view of the diagonals of x that can be written to, as x can."""
    rows, columns = x.shape[dim1], x.shape[dim2]
    first_row, first_column = max(-offset, 0), max(offset, 0)
    length = max(min(rows - first_row, columns - first_column), 0)
    x = xp_of(x).moveaxis(x, (dim1, dim2), (-2, -1))
    if length == 0:
        return x[..., 0, :0] if rows else x.reshape(*x.shape[:-2], rows * columns)[..., :0]
    x = x[..., first_row:, first_column:]
    strides = (*x.strides[:-2], x.strides[-2] + x.strides[-1])
    return xp_of(x).lib.stride_tricks.as_strided(x, (*x.shape[:-2], length), strides)


def _two_dims(name: str, x: Tensor, dim1: int, dim2: int) -> tuple[int, int]:
    a, b = normalize_dim(x, dim1), normalize_dim(x, dim2)
    if a == b:
        raise RuntimeError(f"{name} expects two different dimensions, got {dim1} and {dim2}")
    return a, b


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonals of the matrices in two dimensions, as a view with them as last dimension.

    Args:
        input: at least two dimensions.
        offset: 0 for the main diagonal, 1 for the one above it, -1 for the one below.
        dim1, dim2: the rows and the columns.

    Raises:
        IndexError: for a dimension that does not exist.
        RuntimeError: for twice the same.

    As ``torch.diagonal``.
    """
    a, b = _two_dims("diagonal", input, dim1, dim2)
    return Diagonal.apply(input, offset=offset, dim1=a, dim2=b)


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Square matrices with the last dimension of ``input`` on their diagonal, zeros elsewhere.

    Args:
        input: at least one dimension.
        offset: as in :func:`diagonal`.
        dim1, dim2: where the rows and the columns are in the result.

    As ``torch.diag_embed``.
    """
    if input.ndim == 0:
        raise RuntimeError("diag_embed expects at least one dimension, got shape ()")
    ndim = input.ndim + 1
    for d in (dim1, dim2):
        if not -ndim <= d < ndim:
            raise IndexError(f"dim must lie in [{-ndim}, {ndim - 1}], got {d}")
    a, b = dim1 % ndim, dim2 % ndim
    if a == b:
        raise RuntimeError(f"diag_embed expects two different dimensions, got {dim1} and {dim2}")
    size, rest = input.shape[-1] + abs(offset), list(input.shape[:-1])
    for d in sorted((a, b)):
        rest.insert(d, size)
    return DiagonalPut.apply(input, shape=tuple(rest), offset=offset, dim1=a, dim2=b)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector as its diagonal.

    Raises:
        RuntimeError: for other numbers of dimensions.

    As ``torch.diag``.
    """
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag expects a vector or a matrix, got shape {tuple(input.shape)}")
    return Diagonal.apply(input, offset=diagonal, dim1=0, dim2=1).clone()


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all elements of ``input`` on a diagonal."""
    return diag_embed(reshape(input, -1), offset)


def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(f"trace expects a matrix, got shape {tuple(input.shape)}")
    return diagonal(input).sum()


def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """``input`` with ``src`` on the diagonals; arguments as in :func:`diagonal`."""
    out = input.clone()
    view = diagonal(out, offset, dim1, dim2)
    if view.shape != src.shape:
        raise RuntimeError(
            f"diagonal_scatter expects src of {tuple(view.shape)}, got {tuple(src.shape)}"
        )
    view.copy_(src)
    return out


def fill_diagonal_(input: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Sets the main diagonal to a number, in place.

    Args:
        input: a matrix, or more dimensions of equal length.
        fill_value: the number.
        wrap: whether the diagonal begins again below the square part of a tall matrix.

    Raises:
        RuntimeError: for a vector, or more than two dimensions of different lengths.

    As ``torch.Tensor.fill_diagonal_``.
    """
    if input.ndim < 2 or (input.ndim > 2 and len(set(input.shape)) > 1):
        raise RuntimeError(
            f"fill_diagonal_ expects a matrix or dimensions of one length, got {tuple(input.shape)}"
        )
    rows, columns = input.shape[0], input.shape[1]
    if input.ndim > 2:
        number = fill_value if is_floating(input.array.dtype) else int(fill_value)
        for i in range(rows):
            input[(i,) * input.ndim] = number
        return input
    fill_(diagonal(input), fill_value)
    if wrap:
        for start in range(columns + 1, rows, columns + 1):
            fill_(diagonal(input[start:]), fill_value)
    return input
