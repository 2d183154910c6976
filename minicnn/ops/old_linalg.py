"""Linear algebra in the older forms that torch keeps beside ``linalg``: ``svd(some=…)`` and others."""

from __future__ import annotations

from typing import NamedTuple

from ..tensor import Tensor
from . import decompositions
from .decompositions import QR, transposed
from .results import returned
from .systems import inv, pinv


class OldSVD(NamedTuple):
    """The decomposition U diag(S) V^T."""

    U: Tensor
    S: Tensor
    V: Tensor


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> OldSVD:
    """The singular value decomposition U diag(S) V^T; V is not transposed.

    Args:
        input: (..., n, m).
        some: whether U and V have min(n, m) columns, instead of being square.
        compute_uv: whether U and V are wanted; else they are zeros.

    As ``torch.svd``.
    """
    u, s, v = decompositions.svd(input, full_matrices=not (some and compute_uv))
    if not compute_uv:
        u, v = u.detach() * 0.0, v.detach() * 0.0
    return returned("svd", OldSVD(u, s, transposed(v)))


def qr(input: Tensor, some: bool = True) -> QR:
    """An orthogonal Q and an upper triangular R; with ``some=False`` Q is square."""
    return decompositions.qr(input, "reduced" if some else "complete")


def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """The lower triangular Cholesky factor, or the upper one."""
    return decompositions.cholesky(input, upper=upper)


def inverse(input: Tensor) -> Tensor:
    """The inverses of square matrices (..., n, n)."""
    return inv(input)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The pseudoinverses of matrices, as :func:`minicnn.linalg.pinv`."""
    return pinv(input, rcond)
