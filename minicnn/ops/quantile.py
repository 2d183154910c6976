"""Quantiles, interpolated between sorted elements."""

from __future__ import annotations

import numpy as np

from ..autograd import Function
from ..creation import full_like
from ..devices import xp_of
from ..dtypes import float32, float64, int64
from ..tensor import Tensor
from ..typing import Array
from .blend import lerp
from .choice import masked_fill
from .comparison import isnan
from .dims import normalize_dim
from .elementwise import ceil, floor, round
from .index import gather

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


class _Order(Function):
    """The indices that sort x along the last dimension, NaN at the end."""

    def forward(self, x: Array) -> Array:
        return xp_of(x).argsort(x, -1, kind="stable").astype(np.int64, copy=False)


def quantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The values below which a share q of the elements lies; NaN where one of these is NaN.

    Args:
        input: any shape, float32 or float64.
        q: a number from 0 to 1, or a tensor of several, whose dimension comes first in the result.
        dim: one dimension, or all elements by default.
        keepdim: whether the dimension stays, with length 1.
        interpolation: "linear", "lower", "higher", "midpoint" or "nearest" of the two elements that
            the quantile lies between.

    Raises:
        RuntimeError: for other dtypes, no elements, q outside [0, 1] or of another dtype, another
            interpolation.

    As ``torch.quantile``.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


def nanquantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """:func:`quantile` of the elements that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(
    name: str, x: Tensor, q: float | Tensor, dim: int | None, keepdim: bool, interpolation: str
) -> Tensor:
    share = _checked_share(name, x, q, interpolation)
    axis = 0 if dim is None else normalize_dim(x, dim)
    rows = x.reshape(-1) if dim is None or x.ndim == 0 else x.movedim(axis, -1)
    if rows.shape[-1] == 0 or rows.array.size == 0:
        raise RuntimeError(f"{name} expects at least one element, got shape {x.shape}")
    rows = gather(rows, -1, _Order.apply(rows.detach()))
    missing = isnan(rows.detach())
    last = rows.shape[-1] - 1
    if name == "quantile":
        rank = (share * last).expand(*rows.shape[:-1], share.shape[0])
        rank = masked_fill(rank, missing.any(-1).unsqueeze(-1), last)
    else:
        present = (~missing).sum(-1, keepdim=True).to(x.array.dtype) - 1
        rank = share * present
        rank = masked_fill(rank, rank < 0, 0)
    out = _between(rows, rank, interpolation).movedim(-1, 0)
    if keepdim and x.ndim:
        shape = [1] * x.ndim if dim is None else [*x.shape]
        shape[axis] = 1
        out = out.reshape(out.shape[0], *shape)
    return out if isinstance(q, Tensor) and q.ndim else out.squeeze(0)


def _checked_share(name: str, x: Tensor, q: float | Tensor, interpolation: str) -> Tensor:
    """q as a tensor of one dimension."""
    if x.array.dtype not in (float32, float64):
        raise RuntimeError(f"{name} expects float32 or float64, got {x.dtype}")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name} knows the interpolations {', '.join(_INTERPOLATIONS)}, got {interpolation!r}"
        )
    if not isinstance(q, Tensor):
        q = Tensor.of(xp_of(x.array).full((1,), q, x.array.dtype))
    if q.ndim > 1 or q.array.dtype != x.array.dtype or q.device != x.device:
        raise RuntimeError(
            f"{name} expects q of one dimension, and of dtype and device of the input, "
            f"got {q.dtype} of shape {q.shape} on {q.device}"
        )
    if bool(((q < 0) | (q > 1)).any()):
        raise RuntimeError(f"{name} expects q from 0 to 1, got {q}")
    return q.reshape(-1)


def _between(rows: Tensor, rank: Tensor, interpolation: str) -> Tensor:
    """The elements at places that need not be whole numbers."""
    if interpolation in ("lower", "higher", "nearest"):
        rank = {"lower": floor, "higher": ceil, "nearest": round}[interpolation](rank)
        return gather(rows, -1, rank.detach().to(int64))
    below = rank.detach().to(int64)
    weight = rank - below if interpolation == "linear" else full_like(rank, 0.5)
    above = ceil(rank.detach()).to(int64)
    return lerp(gather(rows, -1, below), gather(rows, -1, above), weight)
