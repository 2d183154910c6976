"""``minicnn.linalg``: linear algebra under the names of ``torch.linalg``.

Complex results (``eig``, ``eigvals``) are not there.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .dtypes import is_floating
from .no_tensor import takes_tensors
from .ops import diagonal as _diagonal
from .ops import products as _products
from .ops.decompositions import LinAlgError, cholesky, eigh, eigvalsh, qr, svd, svdvals
from .ops.dims import normalize_dim
from .ops.linear import matmul
from .ops.products import matrix_power, multi_dot, powers
from .ops.promotion import promote
from .ops.reduce import norm as _norm
from .ops.shape import movedim, reshape, unsqueeze
from .ops.systems import (
    det,
    inv,
    matrix_exp,
    matrix_rank,
    pinv,
    slogdet,
    solve,
    solve_triangular,
)  # fmt: skip
from .tensor import Tensor

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq",
    "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv",
    "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals", "vander", "vecdot",
    "vector_norm",
]  # fmt: skip


class LeastSquares(NamedTuple):
    """What :func:`lstsq` returns."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


@takes_tensors
def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of the matrices in the last two dimensions, a view."""
    return _diagonal.diagonal(A, offset, dim1, dim2)


@takes_tensors
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The cross product of vectors of 3 elements along ``dim``."""
    return _products.cross(input, other, dim)


@takes_tensors
def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Powers of the numbers in the last dimension, one row each: 1, x, …, x^(N-1).

    As ``torch.linalg.vander``.
    """
    if N is not None and N < 2:
        raise RuntimeError(f"vander expects N above 1, got {N}")
    x = reshape(x, 1) if x.ndim == 0 else x
    return powers(x, x.size(-1) if N is None else N)


@takes_tensors
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sums of the products of two tensors along ``dim``, after broadcasting."""
    x, y = promote("vecdot", x, y)
    shape = (x * y.detach()).shape
    d = dim if dim < 0 else dim - len(shape)
    x, y = (movedim(v.expand(shape), d, -1) for v in (x, y))
    return matmul(unsqueeze(x, -2), unsqueeze(y, -1)).squeeze(-1).squeeze(-1)


@takes_tensors
def vector_norm(
    x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of order ``ord`` of all elements, or of the vectors along ``dim``.

    Raises:
        RuntimeError: for integers; for no elements, if the order is negative or infinite.

    As ``torch.linalg.vector_norm``.
    """
    if isinstance(ord, str):
        raise TypeError(f"vector_norm expects a number as ord, got {ord!r}")
    return _norm(x, float(ord), dim, keepdim, dtype)


@takes_tensors
def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """A norm of the matrices in two dimensions.

    Args:
        A: at least two dimensions.
        ord: ``"fro"``: the root of the sum of squares; ``"nuc"``: the sum of the singular values; 2
            or -2: the largest or smallest of them; 1 or -1: the largest or smallest sum of absolute
            values in a column; inf or -inf: in a row.
        dim: the rows and the columns.
        keepdim: whether the two dimensions stay, with length 1.
        dtype: the dtype to convert A to first.

    Raises:
        RuntimeError: for another order, or dimensions.

    As ``torch.linalg.matrix_norm``.
    """
    A = A if dtype is None else A.to(dtype)
    if not is_floating(A.array.dtype) or A.ndim < 2 or len(dim) != 2:
        raise RuntimeError(
            f"matrix_norm expects matrices of floating-point numbers and two dimensions, got "
            f"{A.array.dtype} of shape {tuple(A.shape)} and dim={dim}"
        )
    rows, columns = (normalize_dim(A, d) for d in dim)
    if rows == columns:
        raise RuntimeError(f"matrix_norm expects two different dimensions, got {dim}")
    if ord in ("fro", "nuc"):
        return _norm(A, ord, (rows, columns), keepdim)
    if isinstance(ord, str) or abs(ord) not in (1, 2, math.inf):
        raise RuntimeError(
            f"matrix_norm knows 'fro', 'nuc', 1, 2 and inf, also negative, got {ord}"
        )
    matrices = movedim(A, (rows, columns), (-2, -1))
    sums = svdvals(matrices) if abs(ord) == 2 else matrices.abs().sum(-2 if abs(ord) == 1 else -1)
    out = sums.amax(-1) if ord > 0 else sums.amin(-1)
    if not keepdim:
        return out
    return reshape(out, [1 if d in (rows, columns) else n for d, n in enumerate(A.shape)])


@takes_tensors
def norm(
    A: Tensor,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """The norm of vectors, or of matrices if ``dim`` names two dimensions or A has two and ``ord``.

    Args:
        A: any shape.
        ord: by default 2, of all elements; else as in :func:`vector_norm` or :func:`matrix_norm`.
        dim: one dimension or two.
        keepdim: whether the dimensions stay, with length 1.
        dtype: the dtype to convert A to first.

    As ``torch.linalg.norm``.
    """
    if dim is None and ord is not None:
        if A.ndim not in (1, 2):
            raise RuntimeError(
                f"norm with ord and without dim expects 1 or 2 dimensions, got {tuple(A.shape)}"
            )
        dim = (0,) if A.ndim == 1 else (0, 1)
    dims = (dim,) if isinstance(dim, int) else dim
    if ord is not None and dims is not None and len(dims) == 2:
        return matrix_norm(A, ord, dims, keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype=dtype)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition numbers of matrices: the norm times the norm of the inverse.

    Args:
        A: (..., n, m); square for all p but None, 2 and -2.
        p: the norm, as in :func:`matrix_norm`; by default 2, from the singular values.

    As ``torch.linalg.cond``.
    """
    if p in (None, 2, -2):
        values = svdvals(A)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    return matrix_norm(A, p) * matrix_norm(inv(A), p)


@takes_tensors
def lstsq(
    A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None
) -> LeastSquares:
    """The X for which A X is nearest to B, the one of least norm if there are several.

    Args:
        A: (..., n, m).
        B: (..., n, k), or vectors (..., n).
        rcond: singular values below rcond times the largest count as 0; max(n, m) * eps by default.
        driver: ``"gelsy"`` (the default), ``"gels"``, ``"gelsd"`` or ``"gelss"``. It decides what else
            is returned; the solution is always computed from the pseudoinverse.

    Returns:
        A named tuple of ``solution``, ``residuals`` (empty with gelsy, for n <= m and without full
        rank), ``rank`` (empty with gels) and ``singular_values`` (empty with gels and gelsy).

    As ``torch.linalg.lstsq`` on the CPU.
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"driver must be gels, gelsy, gelsd or gelss, got {driver!r}")
    if A.ndim < 2 or A.dtype != B.dtype:
        raise RuntimeError(
            f"lstsq expects matrices of one dtype, got {A.array.dtype} of shape {tuple(A.shape)} and {B.array.dtype}"
        )
    is_vector = B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]
    right = unsqueeze(B, -1) if is_vector else B
    if right.ndim < 2 or right.shape[-2] != A.shape[-2]:
        raise RuntimeError(
            f"lstsq expects shapes that fit, got {tuple(A.shape)} and {tuple(B.shape)}"
        )
    solution = matmul(pinv(A, rtol=rcond), right)
    rank = matrix_rank(A, rtol=rcond)
    residuals, values = reshape(solution, -1)[:0], Tensor.of(A.array.reshape(-1)[:0].copy())
    if driver in ("gelsd", "gelss"):
        values = svdvals(A.detach())
    full = A.shape[-2] > A.shape[-1] and bool((rank == A.shape[-1]).all())
    if full and driver not in (None, "gelsy"):
        residuals = ((right - matmul(A, solution)) ** 2).sum(-2)
    rank = Tensor.of(rank.array.reshape(-1)[:0]) if driver == "gels" else rank
    return LeastSquares(solution.squeeze(-1) if is_vector else solution, residuals, rank, values)
