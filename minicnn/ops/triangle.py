"""The parts of matrices on either side of a diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function
from ..creation.arguments import device_or_default
from ..devices import xp_of
from ..dtypes import int64
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike
from .promotion import widened


class Triangle(Function):
    """Matrices with zeros above a diagonal (``tril``) or below it (``triu``); its own adjoint."""

    def forward(self, x: Array, name: str, diagonal: int) -> Array:
        self.side, self.diagonal = name, diagonal
        return getattr(xp_of(x), name)(widened(x), diagonal).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return Triangle.apply(grad, name=self.side, diagonal=self.diagonal)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of matrices (..., n, m), with zeros elsewhere.

    Args:
        input: at least two dimensions.
        diagonal: the last diagonal that stays: 0 the main one, 1 the one above.

    Raises:
        RuntimeError: for fewer dimensions.

    As ``torch.tril``.
    """
    return _triangle("tril", input, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of matrices (..., n, m), with zeros elsewhere; as :func:`tril`."""
    return _triangle("triu", input, diagonal)


def _triangle(name: str, x: Tensor, diagonal: int) -> Tensor:
    if x.ndim < 2:
        raise RuntimeError(f"{name} expects at least 2 dimensions, got shape {tuple(x.shape)}")
    return Triangle.apply(x, name=name, diagonal=diagonal)


def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
) -> Tensor:
    """The rows and columns of the lower triangle of a matrix (row, col), row by row: (2, count).

    As ``torch.tril_indices``.
    """
    return _indices("tril", row, col, offset, dtype, device)


def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
) -> Tensor:
    """The rows and columns of the upper triangle of a matrix (row, col), row by row: (2, count)."""
    return _indices("triu", row, col, offset, dtype, device)


def _indices(name: str, row: int, col: int, offset: int, dtype: Any, device: Any) -> Tensor:
    if row < 0 or col < 0:
        raise RuntimeError(f"{name}_indices expects lengths of at least 0, got {row} and {col}")
    found = np.nonzero(getattr(np, name)(np.ones((row, col), bool), offset))
    return Tensor.of(np.stack(found).astype(dtype or int64)).to(device_or_default(device))
