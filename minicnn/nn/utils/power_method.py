"""The largest singular value of a weight by power iteration, for spectral norm."""

from __future__ import annotations

from ...autograd import no_grad
from ...creation import empty
from ...ops.linear import matmul
from ...ops.norm import normalize
from ...ops.reduce import sum as sum_of
from ...ops.shape import flatten, movedim, transpose
from ...tensor import Tensor
from .. import init


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight with ``dim`` as rows, and all other dimensions as columns."""
    return flatten(movedim(weight, dim, 0), 1)


def random_direction(matrix: Tensor, side: int, eps: float) -> Tensor:
    """A random unit vector as long as the matrix has rows (side 0) or columns (side 1)."""
    vector = empty(matrix.shape[side], dtype=matrix.dtype, device=matrix.device)
    return normalize(init.normal_(vector), dim=0, eps=eps)


def improve_left(matrix: Tensor, left: Tensor, right: Tensor, eps: float) -> None:
    """Make the left singular vector, in place, the image of the right one."""
    with no_grad():
        left.copy_(normalize(matmul(matrix, right), dim=0, eps=eps))


def improve_right(matrix: Tensor, left: Tensor, right: Tensor, eps: float) -> None:
    """Make the right singular vector, in place, the image of the left one."""
    with no_grad():
        right.copy_(normalize(matmul(transpose(matrix, 0, 1), left), dim=0, eps=eps))


def singular_value(matrix: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """left @ matrix @ right.

    The vectors are copied: two calls before one ``backward`` are usual in training a GAN, and the
    second improves the vectors in place.
    """
    return sum_of(left.clone() * matmul(matrix, right.clone()))
