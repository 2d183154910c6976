"""Decompositions of matrices, NumPy's and CuPy's, with gradients: cholesky, qr, svd, eigh.

The gradients are the usual ones, as collected by Giles (2008), "An extended collection of matrix
derivative results", and for qr by Roberts & Roberts (2020), "QR and LQ decomposition matrix
backpropagation algorithms for square, wide, and deep matrices". All of them are written with
operations, and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Function, is_grad_enabled
from ..devices import xp_of
from ..dtypes import HALVES, is_floating
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .diagonal import diag_embed, diagonal
from .linear import matmul
from .results import returned
from .shape import cat, unsqueeze
from .triangle import tril


class LinAlgError(RuntimeError):
    """A matrix that has no inverse, no Cholesky factor, or no decomposition that converges."""


class QR(NamedTuple):
    Q: Tensor
    R: Tensor


class SVD(NamedTuple):
    U: Tensor
    S: Tensor
    Vh: Tensor


class Eigh(NamedTuple):
    eigenvalues: Tensor
    eigenvectors: Tensor


def check_matrices(name: str, x: Tensor, square: bool = False) -> None:
    """Raises a RuntimeError unless x has matrices (..., n, m) of float32 or float64."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} expects a tensor, got {type(x).__name__}")
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices (..., n, n)" if square else "matrices (..., n, m)"
        raise RuntimeError(f"{name} expects {kind}, got shape {tuple(x.shape)}")
    if not is_floating(x.array.dtype) or x.dtype in HALVES:
        raise RuntimeError(f"{name} expects float32 or float64, got {x.array.dtype}")


def _computed(name: str, function: Callable[..., Any], *arrays: Any, **options: Any) -> Any:
    """The result of a function of NumPy's or CuPy's ``linalg``, whose errors become a LinAlgError."""
    try:
        return function(*arrays, **options)
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"{name}: {error}") from None


def transposed(x: Tensor) -> Tensor:
    """The last two dimensions swapped."""
    return x.transpose(-2, -1)


class Solve(Function):
    """The X with A X = B, of matrices whose leading dimensions broadcast."""

    def forward(self, a: Array, b: Array) -> Array:
        xp, batch = xp_of(a), np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        wide_a, wide_b = (xp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
        out = _computed("solve", xp.linalg.solve, wide_a, wide_b)
        self.save_for_backward(a, out)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        a, out = self.saved_tensors
        grad_b = Solve.apply(transposed(a), grad)
        return -matmul(grad_b, transposed(out)) if self.needs_input_grad[0] else None, grad_b


class Cholesky(Function):
    def forward(self, x: Array) -> Array:
        out = _computed("cholesky", xp_of(x).linalg.cholesky, x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (low,) = self.saved_tensors
        middle = tril(matmul(transposed(low), grad))
        middle = middle - diag_embed(diagonal(middle, 0, -2, -1)) * 0.5
        inner = Solve.apply(transposed(low), middle)  # L^-T Φ L^-1
        out = transposed(Solve.apply(transposed(low), transposed(inner)))
        return (out + transposed(out)) * 0.5


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular L with A = L L^T, or its transpose, of positive definite matrices.

    Raises:
        LinAlgError: for a matrix that is not positive definite.

    As ``torch.linalg.cholesky``.
    """
    check_matrices("cholesky", A, square=True)
    low = Cholesky.apply(transposed(A) if upper else A)
    return transposed(low) if upper else low


class QRFunction(Function):
    def forward(self, x: Array, mode: str) -> tuple[Array, Array]:
        q, r = xp_of(x).linalg.qr(x, mode)
        self.save_for_backward(x, q, r)
        self.mode = mode
        return q, r

    def backward(self, grad_q: Tensor, grad_r: Tensor) -> Tensor:
        x, q, r = self.saved_tensors
        rows, columns = x.shape[-2:]
        if self.mode == "complete" and rows > columns:
            raise RuntimeError(
                f"qr has no gradient for mode='complete' and more rows than columns, got {tuple(x.shape)}"
            )
        if rows >= columns:
            return _qr_grad(q, r, grad_q, grad_r)
        grad_right = grad_r[..., rows:]
        grad_q = grad_q + matmul(x[..., rows:], transposed(grad_right))
        left = _qr_grad(q, r[..., :rows], grad_q, grad_r[..., :rows])
        return cat([left, matmul(q, grad_right)], -1)


def _qr_grad(q: Tensor, r: Tensor, grad_q: Tensor, grad_r: Tensor) -> Tensor:
    middle = matmul(r, transposed(grad_r)) - matmul(transposed(grad_q), q)
    symmetric = tril(middle, -1)
    symmetric = symmetric + transposed(symmetric) + diag_embed(diagonal(middle, 0, -2, -1))
    return transposed(Solve.apply(r, transposed(grad_q + matmul(q, symmetric))))


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """An orthogonal Q and an upper triangular R with A = Q R, of matrices (..., n, m).

    Args:
        A: (..., n, m).
        mode: ``"reduced"``: Q has min(n, m) columns; ``"complete"``: n; ``"r"``: Q is empty.

    Returns:
        A named tuple of ``Q`` and ``R``.

    As ``torch.linalg.qr``.
    """
    check_matrices("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"mode must be 'reduced', 'complete' or 'r', got {mode!r}")
    if mode == "r":
        if A.requires_grad:
            raise RuntimeError("qr has no gradient for mode='r': use 'reduced'")
        return returned("linalg_qr", QR(Tensor.of(xp_of(A.array).zeros(0, A.dtype)), qr(A).R))
    q, r = QRFunction.apply(A, mode=mode)
    return returned("linalg_qr", QR(q, r))


class SVDFunction(Function):
    def forward(self, x: Array, full_matrices: bool) -> tuple[Array, Array, Array]:
        u, s, v = _computed("svd", xp_of(x).linalg.svd, x, full_matrices=full_matrices)
        self.save_for_backward(u, s, v)
        return u, s, v

    def backward(self, grad_u: Tensor, grad_s: Tensor, grad_v: Tensor) -> Tensor:
        u, s, v = self.saved_tensors
        count = s.shape[-1]
        # the other columns of full matrices are arbitrary
        u, grad_u = u[..., :count], grad_u[..., :count]
        v, grad_v = v[..., :count, :], grad_v[..., :count, :]
        inverse = _inverse_differences(s * s)
        of_u, of_v = matmul(transposed(u), grad_u), matmul(v, transposed(grad_v))
        middle = (of_u - transposed(of_u)) * inverse * unsqueeze(s, -2)
        middle = middle + unsqueeze(s, -1) * ((of_v - transposed(of_v)) * inverse)
        middle = middle + diag_embed(grad_s)
        out = matmul(matmul(u, middle), v)
        if u.shape[-2] > count:
            rest = grad_u / unsqueeze(s, -2)
            out = out + matmul(rest - matmul(u, matmul(transposed(u), rest)), v)
        if v.shape[-1] > count:
            rest = grad_v / unsqueeze(s, -1)
            out = out + matmul(u, rest - matmul(matmul(rest, transposed(v)), v))
        return out


def _inverse_differences(values: Tensor) -> Tensor:
    """1 / (values[j] - values[i]) at (i, j), and 0 on the diagonal."""
    differences = unsqueeze(values, -2) - unsqueeze(values, -1)
    on_diagonal = Tensor.of(xp_of(values.array).eye(values.shape[-1], dtype=bool))
    return where(on_diagonal, 0.0, 1.0 / where(on_diagonal, 1.0, differences))


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVD:
    """The singular value decomposition A = U diag(S) Vh, of matrices (..., n, m).

    Args:
        A: (..., n, m).
        full_matrices: whether U and Vh are square, instead of having min(n, m) columns and rows.
        driver: accepted for torch's scripts.

    Returns:
        A named tuple of ``U``, ``S`` and ``Vh``.

    As ``torch.linalg.svd``. The signs of the vectors are not determined.
    """
    check_matrices("svd", A)
    u, s, v = SVDFunction.apply(A, full_matrices=full_matrices)
    return returned("linalg_svd", SVD(u, s, v))


class SingularValues(Function):
    """The singular values alone, whose gradient exists where some of them are equal, too."""

    def forward(self, x: Array) -> Array:
        u, s, v = _computed("svd", xp_of(x).linalg.svd, x, full_matrices=False)
        self.save_for_backward(x, u, v)
        return s

    def backward(self, grad: Tensor) -> Tensor:
        x, u, v = self.saved_tensors
        if is_grad_enabled() and x.requires_grad:
            u, _, v = svd(x, full_matrices=False)
        return matmul(u * unsqueeze(grad, -2), v)


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values of matrices (..., n, m), the largest first."""
    check_matrices("svdvals", A)
    return SingularValues.apply(A)


class EighFunction(Function):
    def forward(self, x: Array, UPLO: str) -> tuple[Array, Array]:
        values, vectors = _computed("eigh", xp_of(x).linalg.eigh, x, UPLO=UPLO)
        self.save_for_backward(values, vectors)
        return values, vectors

    def backward(self, grad_values: Tensor, grad_vectors: Tensor) -> Tensor:
        values, vectors = self.saved_tensors
        middle = matmul(transposed(vectors), grad_vectors) * _inverse_differences(values)
        middle = middle + diag_embed(grad_values)
        return matmul(matmul(vectors, middle), transposed(vectors))


def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """The eigenvalues, in ascending order, and eigenvectors of symmetric matrices (..., n, n).

    Args:
        A: (..., n, n), of which one triangle is read.
        UPLO: ``"L"`` for the lower triangle, ``"U"`` for the upper one.

    Returns:
        A named tuple of ``eigenvalues`` and ``eigenvectors``, the latter in columns.

    As ``torch.linalg.eigh``. The signs of the vectors are not determined.
    """
    check_matrices("eigh", A, square=True)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"UPLO must be 'L' or 'U', got {UPLO!r}")
    values, vectors = EighFunction.apply(A, UPLO=UPLO.upper())
    return returned("linalg_eigh", Eigh(values, vectors))


class EigenValues(Function):
    """The eigenvalues alone, whose gradient exists where some of them are equal, too."""

    def forward(self, x: Array, UPLO: str) -> Array:
        values, vectors = _computed("eigh", xp_of(x).linalg.eigh, x, UPLO=UPLO)
        self.save_for_backward(x, vectors)
        self.UPLO = UPLO
        return values

    def backward(self, grad: Tensor) -> Tensor:
        x, vectors = self.saved_tensors
        if is_grad_enabled() and x.requires_grad:
            vectors = eigh(x, self.UPLO).eigenvectors
        return matmul(vectors * unsqueeze(grad, -2), transposed(vectors))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices (..., n, n), in ascending order."""
    check_matrices("eigvalsh", A, square=True)
    return EigenValues.apply(A, UPLO=UPLO.upper())
