"""Running products, extrema and integrals along one dimension, and differences."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Function
from ..creation import ones_like, zeros_like
from ..devices import xp_of
from ..dtypes import bool_, is_floating
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .comparison import logical_xor
from .dims import normalize_dim
from .edge import in_float32
from .elementwise import exp, log
from .index import scatter_add
from .promotion import widened
from .reduce import accumulator, cumsum, to_sum
from .results import returned
from .shape import cat


class Cumprod(Function):
    """Running products in ``dtype``."""

    def forward(self, x: Array, dim: int, dtype: np.dtype) -> Array:
        self.dim, self.dtype = dim, x.dtype
        out = x.cumprod(dim, dtype=accumulator(dtype)).astype(dtype, copy=False)
        self.save_for_backward(x, out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        grad, x = grad.to(self.dtype), x.to(out.dtype)
        if not (x == 0).any():
            return _sums_from_here(grad * out, self.dim) / x
        return _cumprod_grad_beside_zeros(grad, x, self.dim)


def _cumprod_grad_beside_zeros(grad: Tensor, x: Tensor, dim: int) -> Tensor:
    """For each element, the sum of the gradients times the products without that element."""
    x, grad, n = x.movedim(dim, 0), grad.movedim(dim, 0), x.shape[dim]
    slopes, before = [], ones_like(x[0])
    for i in range(n):
        behind = [before.unsqueeze(0)]
        if i + 1 < n:
            behind.append(before * cumprod(x[i + 1 :], 0))
        slopes.append((grad[i:] * cat(behind)).sum(0, keepdim=True))
        before = before * x[i]
    return cat(slopes).movedim(0, dim)


def _sums_from_here(x: Tensor, dim: int) -> Tensor:
    """For each element, the sum of it and all behind it."""
    return cumsum(x.flip(dim), dim).flip(dim)


def scan(combine: Any, parts: tuple[Array, ...], dim: int) -> tuple[Array, ...]:
    """Running results of an associative ``combine(earlier, later)`` along one dimension.

    Each of log2(n) rounds combines an element with the one 1, 2, 4, … places before it (Hillis and
    Steele, 1986), as CuPy accumulates nothing but sums and products.
    """
    axis, step = (slice(None),) * dim, 1
    while step < parts[0].shape[dim]:
        later, earlier = (*axis, slice(step, None)), (*axis, slice(None, -step))
        first = (*axis, slice(step))
        joined = combine(tuple(p[earlier] for p in parts), tuple(p[later] for p in parts))
        xp = xp_of(parts[0])
        parts = tuple(xp.concatenate([p[first], new], dim) for p, new in zip(parts, joined))
        step *= 2
    return parts


class CumulativeExtremum(Function):
    """The largest (or smallest) element so far, and the index of the last one that equals it."""

    def forward(self, x: Array, dim: int, largest: bool) -> tuple[Array, Array]:
        self.dim, xp = dim, xp_of(x)

        def later_wins(earlier: Any, later: Any) -> tuple[Array, ...]:
            (a, i), (b, j) = earlier, later
            wins = (b >= a if largest else b <= a) | xp.isnan(b)
            return xp.where(wins, b, a), xp.where(wins, j, i)

        shape = [-1 if d == dim else 1 for d in range(x.ndim)]
        places = xp.broadcast_to(xp.arange(x.shape[dim], dtype=np.int64).reshape(shape), x.shape)
        values, indices = scan(later_wins, (x, places), dim)
        self.save_for_backward(indices)
        return values.astype(x.dtype), indices.copy()

    def backward(self, grad: Tensor, _: None) -> Tensor:
        (indices,) = self.saved_tensors
        return scatter_add(zeros_like(grad), self.dim, indices, grad)


class LogCumsumExp(Function):
    def forward(self, x: Array, dim: int) -> Array:
        self.dim, xp = dim, xp_of(x)
        (out,) = scan(lambda a, b: (xp.logaddexp(a[0], b[0]),), (widened(x),), dim)
        out = out.astype(x.dtype)
        self.save_for_backward(x, out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        total = zeros_like(x)
        for sign in (1.0, -1.0):  # of the gradients, whose logarithms are added
            part = grad * sign
            logs = where(part > 0, log(where(part > 0, part, 1.0)), -math.inf) - out
            sums = logcumsumexp(logs.flip(self.dim), self.dim).flip(self.dim)
            total = total + exp(sums + x) * sign
        return total


class CumulativeResult(NamedTuple):
    """The result of :func:`cummax` and :func:`cummin`."""

    values: Tensor
    indices: Tensor


@in_float32
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running products along one dimension, in ``dtype``; integers become int64."""
    d = normalize_dim(input, dim)
    input, dtype = to_sum(input, dtype)
    if input.ndim == 0:
        return input.to(dtype)
    return Cumprod.apply(input, dim=d, dtype=dtype)


def cummax(input: Tensor, dim: int) -> CumulativeResult:
    """The largest element so far along one dimension, and its index: (values, indices)."""
    return _cumulative("cummax", input, dim, True)


def cummin(input: Tensor, dim: int) -> CumulativeResult:
    """The smallest element so far along one dimension, and its index: (values, indices)."""
    return _cumulative("cummin", input, dim, False)


def _cumulative(name: str, x: Tensor, dim: int, largest: bool) -> CumulativeResult:
    d = normalize_dim(x, dim)
    flat = x.reshape(1) if x.ndim == 0 else x
    values, indices = CumulativeExtremum.apply(flat, dim=d, largest=largest)
    result = CumulativeResult(values.reshape(x.shape), indices.reshape(x.shape))
    return returned(name, result)


def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log(cumsum(exp(input))) along one dimension, without overflow."""
    d = normalize_dim(input, dim)
    if not is_floating(input.array.dtype):
        raise NotImplementedError(f"logcumsumexp expects floating-point numbers, got {input.dtype}")
    return LogCumsumExp.apply(input, dim=d) if input.ndim else input.clone()


def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The differences of neighbours along one dimension, ``n`` times; of bool, whether they differ.

    Args:
        input: at least one dimension.
        n: how often.
        dim: the dimension.
        prepend, append: what to put before and behind ``input`` first.

    Raises:
        RuntimeError: for a tensor without dimensions, or a negative n.

    As ``torch.diff``.
    """
    if input.ndim == 0:
        raise RuntimeError("diff expects a tensor of at least one dimension, got shape ()")
    if n < 0:
        raise RuntimeError(f"diff expects n of at least 0, got {n}")
    d = normalize_dim(input, dim)
    if n == 0:
        return input.clone()
    parts = [x for x in (prepend, input, append) if x is not None]
    out = cat(parts, d) if len(parts) > 1 else input
    for _ in range(min(n, out.shape[d])):
        later, earlier = _without_first(out, d), _without_last(out, d)
        out = logical_xor(later, earlier) if out.dtype == bool_ else later - earlier
    return out.clone() if out is input else out


def _without_first(x: Tensor, dim: int) -> Tensor:
    return x[(*(slice(None),) * dim, slice(1, None))]


def _without_last(x: Tensor, dim: int) -> Tensor:
    return x[(*(slice(None),) * dim, slice(None, max(x.shape[dim] - 1, 0)))]


def trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
) -> Tensor:
    """The integral of ``y`` along one dimension by the trapezoidal rule.

    Args:
        y: any shape.
        x: the places of the values, of one dimension or a shape that broadcasts with ``y``.
        dx: their distance instead, 1 by default.
        dim: the dimension.

    As ``torch.trapezoid``.
    """
    d = normalize_dim(y, dim)
    return _trapezoids("trapezoid", y, x, dx, d).sum(d - y.ndim if y.ndim else 0)


def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
) -> Tensor:
    """The integrals of ``y`` up to each place, by the trapezoidal rule.

    Arguments as in :func:`trapezoid`. As ``torch.cumulative_trapezoid``.
    """
    d = normalize_dim(y, dim)
    return cumsum(_trapezoids("cumulative_trapezoid", y, x, dx, d), d - y.ndim)


def _trapezoids(name: str, y: Tensor, x: Tensor | None, dx: float | None, d: int) -> Tensor:
    """The areas between neighbouring values."""
    if y.array.dtype == bool_ or (x is not None and x.array.dtype == bool_):
        raise RuntimeError(f"{name} expects numbers, got a bool tensor")
    sums = _without_last(y, d) + _without_first(y, d)
    if x is None:
        return sums * (1 if dx is None else dx) / 2.0
    if dx is not None:
        raise TypeError(f"{name} expects x or dx, got both")
    if x.ndim == 1:
        widths = diff(x).reshape(-1, *(1,) * (y.ndim - d - 1))
    else:
        widths = diff(x, dim=d - y.ndim)
    return sums * widths / 2.0


trapz = trapezoid  # as in old scripts
