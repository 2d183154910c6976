"""Reductions over some or all dimensions: sums, means, extrema and more."""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple, overload

import numpy as np

from ..autograd import Function
from ..devices import on_own_device, xp_of
from ..dtypes import HALVES, float32, int64, is_floating
from ..tensor import Tensor
from ..typing import Array
from .choice import maximum, minimum, where
from .dims import normalize_dim, normalize_dims
from .edge import in_float32
from .elementwise import exp, sqrt
from .index import scatter_add
from .promotion import to_float, widened
from .shape import cat

Dims = int | tuple[int, ...] | None


class Extremum(NamedTuple):
    """The result of ``max(dim)`` and ``min(dim)``."""

    values: Tensor
    indices: Tensor


def _kept(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with length 1 in the reduced dimensions, which broadcasts with the input."""
    return tuple(1 if d in dims else n for d, n in enumerate(shape))


def _dtypes(x: Any) -> tuple[np.dtype, np.dtype]:
    """The dtype in which to sum or multiply many numbers, and the dtype of the result."""
    if x.dtype.kind in "biu":
        return int64, int64
    return (float32 if x.dtype in HALVES else x.dtype), x.dtype


class Sum(Function):
    """The sum in ``dtype``, by default the dtype of x."""

    def forward(
        self, x: Array, dims: tuple[int, ...], keepdim: bool, dtype: np.dtype | None = None
    ) -> Array:
        self.shape, self.kept, self.dtype = x.shape, _kept(x.shape, dims), x.dtype
        inside, outside = _dtypes(x)
        return x.sum(dims, dtype=inside, keepdims=keepdim).astype(dtype or outside, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return grad.to(self.dtype).reshape(self.kept).expand(self.shape)


class Prod(Function):
    def forward(self, x: Array, dims: tuple[int, ...], keepdim: bool) -> Array:
        self.save_for_backward(x)
        self.dims = dims
        inside, outside = _dtypes(x)
        return x.prod(dims, dtype=inside, keepdims=keepdim).astype(outside, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        kept = _kept(x.shape, self.dims)
        # the product of all other elements; out / x would be wrong where x is 0
        moved = x.permute(*(d for d in range(x.ndim) if d not in self.dims), *self.dims)
        flat = moved.reshape(*moved.shape[: x.ndim - len(self.dims)], -1)
        ones = flat.detach()[..., :1] * 0.0 + 1.0
        before = cat([ones, _cumprod_exclusive(flat)], -1)
        after = cat([ones, _cumprod_exclusive(flat.flip(-1))], -1).flip(-1)
        others = (before * after).reshape(moved.shape)
        order = [*(d for d in range(x.ndim) if d not in self.dims), *self.dims]
        return grad.reshape(kept) * others.permute(*np.argsort(order).tolist())


def _cumprod_exclusive(x: Tensor) -> Tensor:
    """Products of the first 1, 2, … n - 1 elements along the last dimension."""
    parts = [x[..., :1]]
    for i in range(1, x.shape[-1] - 1):
        parts.append(parts[-1] * x[..., i : i + 1])
    return cat(parts, -1) if x.shape[-1] > 1 else x[..., :0]


class Cumsum(Function):
    def forward(self, x: Array, dim: int) -> Array:
        self.dim = dim
        inside, outside = _dtypes(x)
        return x.cumsum(dim, dtype=inside).astype(outside, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return Cumsum.apply(grad.flip(self.dim), dim=self.dim).flip(self.dim)


class Amax(Function):
    """The largest (or smallest) element; equal ones share the gradient."""

    def forward(self, x: Array, dims: tuple[int, ...], keepdim: bool, largest: bool) -> Array:
        out = x.max(dims, keepdims=keepdim) if largest else x.min(dims, keepdims=keepdim)
        out = xp_of(x).asarray(out)
        self.save_for_backward(x, out)
        self.dims = dims
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        kept = _kept(x.shape, self.dims)
        chosen = (x == out.detach().reshape(kept)).to(grad.dtype)
        return grad.reshape(kept) * (chosen / chosen.sum(self.dims, keepdim=True))


class MaxAlong(Function):
    """The first largest (or smallest) element along one dimension, and its index."""

    def forward(self, x: Array, dim: int, largest: bool) -> tuple[Array, Array]:
        xp = xp_of(x)
        indices = xp.expand_dims(x.argmax(dim) if largest else x.argmin(dim), dim).astype(np.int64)
        values = xp.take_along_axis(x, indices, dim)
        self.save_for_backward(indices)
        self.shape, self.dim = x.shape, dim
        return values, indices

    def backward(self, grad: Tensor, _: None) -> Tensor:
        (indices,) = self.saved_tensors
        zeros = Tensor(xp_of(grad.array).zeros(self.shape, grad.dtype))
        return scatter_add(zeros, self.dim, indices, grad)


class LogSumExp(Function):
    def forward(self, x: Array, dims: tuple[int, ...], keepdim: bool) -> Array:
        xp, wide = xp_of(x), widened(x)
        top = wide.max(dims, keepdims=True)
        top = xp.where(xp.isfinite(top), top, 0)  # all -inf: log(0), not NaN
        out = xp.log(xp.exp(wide - top).sum(dims, keepdims=True)) + top
        out = out.astype(x.dtype, copy=False)
        if not keepdim:
            out = xp.asarray(out.reshape([n for d, n in enumerate(x.shape) if d not in dims]))
        self.save_for_backward(x, out)
        self.kept = _kept(x.shape, dims)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        return grad.reshape(self.kept) * exp(x - out.reshape(self.kept))


@in_float32
def sum(x: Tensor, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The sum over ``dim`` (all dimensions by default); integers are summed as int64."""
    x = x if dtype is None else x.to(dtype)
    return Sum.apply(x, dims=normalize_dims(x, dim), keepdim=keepdim)


def mean(x: Tensor, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The mean over ``dim``.

    Raises:
        RuntimeError: for integers, unless a floating-point ``dtype`` is given.
    """
    x = x if dtype is None else x.to(dtype)
    if not is_floating(x.dtype):
        raise RuntimeError(f"mean expects floating-point numbers, got {x.dtype}")
    dims = normalize_dims(x, dim)
    count = math.prod(x.shape[d] for d in dims)
    # in half precision the sum would be rounded, or overflow, before the division
    total = Sum.apply(x, dims=dims, keepdim=keepdim, dtype=_dtypes(x)[0])
    return (total / float(count)).to(x.dtype)


def var(
    x: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float = 1,
) -> Tensor:
    """The variance over ``dim``: squared distances from the mean, divided by n - ``correction``.

    ``unbiased=False`` is an older way to write ``correction=0``, as in torch.
    """
    if unbiased is not None:
        correction = 1 if unbiased else 0
    if x.dtype in HALVES:
        return var(x.to(float32), dim, None, keepdim, correction=correction).to(x.dtype)
    dims = normalize_dims(x, dim)
    count = math.prod(x.shape[d] for d in dims)
    distance = x - mean(x, dims, keepdim=True)
    total = sum(distance * distance, dims, keepdim)
    return total / builtins.max(float(count - correction), 0.0)


def std(
    x: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float = 1,
) -> Tensor:
    """The standard deviation, the square root of :func:`var`."""
    if x.dtype in HALVES:
        return std(x.to(float32), dim, unbiased, keepdim, correction=correction).to(x.dtype)
    return _root(var(x, dim, unbiased, keepdim, correction=correction), 2.0)


@in_float32
def prod(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The product over one dimension, or of all elements."""
    return Prod.apply(x, dims=normalize_dims(x, dim), keepdim=keepdim)


@in_float32
def cumsum(x: Tensor, dim: int) -> Tensor:
    """Running sums along one dimension."""
    return Cumsum.apply(x, dim=normalize_dim(x, dim))


def amax(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The largest element over ``dim``; equal ones share the gradient."""
    _check_not_empty("amax", x, dim)
    return Amax.apply(x, dims=normalize_dims(x, dim), keepdim=keepdim, largest=True)


def amin(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The smallest element over ``dim``; equal ones share the gradient."""
    _check_not_empty("amin", x, dim)
    return Amax.apply(x, dims=normalize_dims(x, dim), keepdim=keepdim, largest=False)


def _check_not_empty(name: str, x: Tensor, dim: Dims) -> None:
    if not builtins.all(x.shape[d] for d in normalize_dims(x, dim)):
        raise IndexError(f"{name} expects at least one element, got shape {x.shape} and dim={dim}")


def _along(x: Tensor, dim: int, keepdim: bool, largest: bool) -> Extremum:
    _check_not_empty("max" if largest else "min", x, dim)
    (axis,) = normalize_dims(x.reshape(1) if x.ndim == 0 else x, dim)
    source = x.reshape(1) if x.ndim == 0 else x
    values, indices = MaxAlong.apply(source, dim=axis, largest=largest)
    if not keepdim or x.ndim == 0:
        values, indices = values.squeeze(axis), indices.squeeze(axis)
    return Extremum(values, indices)


@overload
def max(x: Tensor, dim: Tensor | None = None) -> Tensor: ...
@overload
def max(x: Tensor, dim: int, keepdim: bool = False) -> Extremum: ...
def max(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor | Extremum:
    """The largest element; with ``dim``, (values, indices); with a tensor, ``maximum``.

    With ``dim``, the first of equal elements is chosen and gets the whole gradient.
    """
    if isinstance(dim, Tensor):
        return maximum(x, dim)
    return amax(x) if dim is None else _along(x, dim, keepdim, largest=True)


@overload
def min(x: Tensor, dim: Tensor | None = None) -> Tensor: ...
@overload
def min(x: Tensor, dim: int, keepdim: bool = False) -> Extremum: ...
def min(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor | Extremum:
    """The smallest element; with ``dim``, (values, indices); with a tensor, ``minimum``."""
    if isinstance(dim, Tensor):
        return minimum(x, dim)
    return amin(x) if dim is None else _along(x, dim, keepdim, largest=False)


class _ArgExtremum(Function):
    def forward(self, x: Array, dim: int | None, keepdim: bool, name: str) -> Array:
        return getattr(x, name)(dim, keepdims=keepdim)


def _index_of(x: Tensor, dim: int | None, keepdim: bool, name: str) -> Tensor:
    _check_not_empty(name, x, dim)
    axis = None if dim is None or x.ndim == 0 else normalize_dim(x, dim)
    return _ArgExtremum.apply(x.detach(), dim=axis, keepdim=keepdim, name=name).to(int64)


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first largest element, along ``dim`` or in the flattened tensor."""
    return _index_of(x, dim, keepdim, "argmax")


def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first smallest element, along ``dim`` or in the flattened tensor."""
    return _index_of(x, dim, keepdim, "argmin")


@in_float32
def logsumexp(x: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over ``dim``, without overflow."""
    x = to_float(x)
    return LogSumExp.apply(x, dims=normalize_dims(x, dim), keepdim=keepdim)


@on_own_device
def all(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true (not zero)."""
    return Tensor(xp_of(x.array).asarray(x.array.all(normalize_dims(x, dim), keepdims=keepdim)))


@on_own_device
def any(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether at least one element is true (not zero)."""
    return Tensor(xp_of(x.array).asarray(x.array.any(normalize_dims(x, dim), keepdims=keepdim)))


@in_float32
def norm(x: Tensor, p: float = 2.0, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The p-norm over ``dim``: (sum |x|^p)^(1/p), or for inf the largest |x|, -inf the smallest."""
    if x.dtype in HALVES:
        return norm(x.to(float32), p, dim, keepdim).to(x.dtype)
    if math.isinf(p):
        return (amax if p > 0 else amin)(x.abs(), dim, keepdim)
    return _root(sum(x * x if p == 2.0 else x.abs() ** p, dim, keepdim), p)


def _root(x: Tensor, p: float) -> Tensor:
    """The p-th root, with slope 0 at 0, as torch has it for norms and standard deviations."""
    zero = x == 0
    x = where(zero, 1.0, x)  # before the root, whose infinite slope would give 0 * inf
    return where(zero, 0.0, sqrt(x) if p == 2.0 else x ** (1.0 / p))
