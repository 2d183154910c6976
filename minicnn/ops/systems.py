"""Linear systems, inverses and determinants of matrices, with gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd import Function
from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .decompositions import (
    Solve,
    _computed,
    check_matrices,
    eigvalsh,
    svdvals,
    transposed,
)
from .linear import matmul
from .results import returned
from .shape import cat, unsqueeze
from .triangle import tril, triu


class Slogdet(NamedTuple):
    sign: Tensor
    logabsdet: Tensor


class Inv(Function):
    def forward(self, x: Array) -> Array:
        out = _computed("inv", xp_of(x).linalg.inv, x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        adjoint = transposed(out)
        return -matmul(adjoint, matmul(grad, adjoint))


def inv(A: Tensor) -> Tensor:
    """The inverses of square matrices (..., n, n).

    Raises:
        LinAlgError: for a matrix without inverse.

    As ``torch.linalg.inv``.
    """
    check_matrices("inv", A, square=True)
    return Inv.apply(A)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """The solutions X of A X = B, or of X A = B with ``left=False``.

    Args:
        A: (..., n, n).
        B: (..., n, k), or vectors (..., n): a single one, or one for each matrix.
        left: on which side of X the matrices stand.

    Raises:
        LinAlgError: for a matrix without inverse.
        RuntimeError: for shapes or dtypes that do not fit.

    As ``torch.linalg.solve``.
    """
    check_matrices("solve", A, square=True)
    if A.dtype != B.dtype:
        raise RuntimeError(f"solve expects one dtype, got {A.array.dtype} and {B.array.dtype}")
    is_vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    right = unsqueeze(B, -1) if is_vector else B
    if is_vector and not left:
        raise RuntimeError("solve with left=False expects matrices B, got vectors")
    if right.ndim < 2 or right.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(
            f"solve expects shapes that fit, got {tuple(A.shape)} and {tuple(B.shape)}"
        )
    try:
        np.broadcast_shapes(A.shape[:-2], right.shape[:-2])
    except ValueError:
        raise RuntimeError(
            f"solve expects shapes that broadcast, got {tuple(A.shape)}, {tuple(B.shape)}"
        ) from None
    out = (
        Solve.apply(A, right) if left else transposed(Solve.apply(transposed(A), transposed(right)))
    )
    return out.squeeze(-1) if is_vector else out


class Det(Function):
    def forward(self, x: Array) -> Array:
        out = xp_of(x).asarray(xp_of(x).linalg.det(x)).astype(x.dtype, copy=False)
        self.save_for_backward(x, out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        grad, out = (unsqueeze(unsqueeze(v, -1), -1) for v in (grad, out))
        # 0 for singular matrices, as in torch, although it need not be
        identity = Tensor.of(xp_of(x.array).eye(x.shape[-1], dtype=x.dtype))
        return grad * out * transposed(inv(where(out == 0, identity, x)))


def det(A: Tensor) -> Tensor:
    """The determinants of square matrices (..., n, n)."""
    check_matrices("det", A, square=True)
    return Det.apply(A)


class SlogdetFunction(Function):
    def forward(self, x: Array) -> tuple[Array, Array]:
        xp = xp_of(x)
        sign, logarithm = (xp.asarray(v).astype(x.dtype, copy=False) for v in xp.linalg.slogdet(x))
        self.save_for_backward(x)
        return sign, logarithm

    def backward(self, _: Tensor, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return unsqueeze(unsqueeze(grad, -1), -1) * transposed(inv(x))


def slogdet(A: Tensor) -> Slogdet:
    """The sign and the logarithm of the absolute value of determinants.

    Returns:
        A named tuple of ``sign`` and ``logabsdet``.

    As ``torch.linalg.slogdet``.
    """
    check_matrices("slogdet", A, square=True)
    sign, logabsdet = SlogdetFunction.apply(A)
    return returned("linalg_slogdet", Slogdet(sign, logabsdet))


def logdet(A: Tensor) -> Tensor:
    """The logarithm of determinants; NaN for a negative one."""
    sign, logarithm = slogdet(A)
    return where(sign < 0, np.nan, logarithm)


def _lower(L: Tensor, upper: bool) -> Tensor:
    """The lower triangular factor; its gradient reaches both triangles, as torch's does."""
    low = L + ((triu if upper else tril)(L) - L).detach()
    return transposed(low) if upper else low


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """The solutions X of A X = B from the Cholesky factor of A.

    Raises:
        RuntimeError: for shapes or dtypes that do not fit.

    As ``torch.cholesky_solve``.
    """
    check_matrices("cholesky_solve", B)
    check_matrices("cholesky_solve", L, square=True)
    low = _lower(L, upper)
    return solve(transposed(low), solve(low, B))


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A from its Cholesky factor."""
    check_matrices("cholesky_inverse", L, square=True)
    low = _lower(L, upper)
    return inv(matmul(low, transposed(low)))


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """The solutions X of A X = B (or X A = B) with triangular matrices A.

    Args:
        A: (..., n, n), of which one triangle is read.
        B: (..., n, k).
        upper: which triangle.
        left: on which side of X the matrices stand.
        unitriangular: whether the diagonal counts as 1.

    As ``torch.linalg.solve_triangular``.
    """
    check_matrices("solve_triangular", A, square=True)
    check_matrices("solve_triangular", B)
    triangle = triu if upper else tril
    if unitriangular:
        ones = Tensor.of(xp_of(A.array).eye(A.shape[-1], dtype=A.dtype))
        A = triangle(A, 1 if upper else -1) + ones
    else:
        A = triangle(A)
    return solve(A, B, left=left)


def _tolerances(A: Tensor, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """The absolute and the relative tolerance as numbers or arrays, the missing ones filled in."""
    if rtol is None:
        given = atol is not None and (isinstance(atol, Tensor) or atol > 0)
        rtol = 0.0 if given else max(A.shape[-2:]) * float(np.finfo(A.dtype).eps)
    atol = 0.0 if atol is None else atol
    atol, rtol = (v.array[..., None] if isinstance(v, Tensor) else v for v in (atol, rtol))
    return atol, rtol


def _count_as_0(size: Array, atol: Any, rtol: Any) -> Array:
    """Which absolute values are at most atol, or rtol times the largest of their matrix."""
    return size <= xp_of(size).maximum(size.max(-1, keepdims=True) * rtol, atol)


class Pinv(Function):
    """The pseudoinverses by the singular values above a limit, with its gradient as given by Golub &
    Pereyra (1973), for matrices near which the rank stays the same.
    """

    def forward(self, x: Array, hermitian: bool, atol: Any, rtol: Any) -> Array:
        xp = xp_of(x)
        if hermitian:
            values, left = _computed("pinv", xp.linalg.eigh, x)
            right = left.swapaxes(-1, -2)
        else:
            left, values, right = _computed("pinv", xp.linalg.svd, x, full_matrices=False)
        small = _count_as_0(xp.abs(values), atol, rtol)
        inverse = xp.where(small, 0, 1 / xp.where(small, 1, values)).astype(x.dtype)
        out = (right.swapaxes(-1, -2) * inverse[..., None, :]) @ left.swapaxes(-1, -2)
        self.save_for_backward(x, out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        out_t, grad_t = transposed(out), transposed(grad)
        direct = matmul(matmul(out_t, grad), out_t)
        left = matmul(matmul(grad_t, out), out_t)  # G^T P P^T
        right = matmul(out_t, matmul(out, grad_t))  # P^T P G^T
        left = left - matmul(x, matmul(out, left))
        right = right - matmul(matmul(right, out), x)
        return left + right - direct


def pinv(
    A: Tensor,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Tensor:
    """The pseudoinverses (Moore-Penrose) of matrices (..., n, m): (..., m, n).

    Args:
        A: (..., n, m).
        rcond: another name of ``rtol``.
        hermitian: whether the matrices are symmetric.
        atol, rtol: singular values up to the larger of atol and rtol times the largest count as 0;
            rtol is max(n, m) * eps by default.

    As ``torch.linalg.pinv``.
    """
    check_matrices("pinv", A, square=hermitian)
    if A.array.size == 0:
        return transposed(A).clone()
    atol, rtol = _tolerances(A, atol, rcond if rtol is None else rtol)
    return Pinv.apply(A, hermitian=hermitian, atol=atol, rtol=rtol)


def matrix_rank(
    A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """The number of singular values that are not 0; arguments as in :func:`pinv`.

    As ``torch.linalg.matrix_rank``.
    """
    check_matrices("matrix_rank", A, square=hermitian)
    if tol is not None:
        atol, rtol = tol, 0.0
    A = A.detach()
    if A.array.size == 0:
        return Tensor.of(xp_of(A.array).zeros(A.shape[:-2], np.int64))
    values = eigvalsh(A).abs() if hermitian else svdvals(A)
    return Tensor.of((~_count_as_0(values.array, *_tolerances(A, atol, rtol))).sum(-1))


class MatrixExp(Function):
    """e to the power of square matrices: a series for a small multiple, squared again and again."""

    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        xp = xp_of(x)
        size = float(xp.abs(x).sum(-2).max()) if x.size else 0.0
        squarings = max(int(np.ceil(np.log2(size))) + 3, 0) if np.isfinite(size) and size > 0 else 0
        small = x.astype(np.float64) / 2.0**squarings
        identity = xp.eye(x.shape[-1]) + xp.zeros_like(small)
        out = identity
        for k in range(16, 0, -1):
            out = identity + small @ out / k
        for _ in range(squarings):
            out = out @ out
        return out.astype(x.dtype)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        # exp of the blocks (X^T, G; 0, X^T) has the gradient as its upper right block
        n, x = x.shape[-1], transposed(x)
        upper, lower = cat([x, grad], -1), cat([x * 0.0, x], -1)
        return MatrixExp.apply(cat([upper, lower], -2))[..., :n, n:]


def matrix_exp(input: Tensor) -> Tensor:
    """The exponential of square matrices (..., n, n), as a power series.

    As ``torch.linalg.matrix_exp``, except for half precision, where torch's gradient may be NaN.
    """
    check_matrices("matrix_exp", input, square=True)
    return MatrixExp.apply(input)
