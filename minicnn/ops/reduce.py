"""Reductions over some or all dimensions: sums, means, extrema and more."""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple, overload

import numpy as np

from ..autograd import Function
from ..autograd.names import call
from ..creation import ones_like, zeros_like
from ..devices import xp_of
from ..dtypes import HALVES, bool_, float32, float64, int64, is_floating, uint8
from ..tensor import Tensor
from ..typing import Array
from .choice import maximum, minimum, where
from .dims import normalize_dim, normalize_dims
from .edge import in_float32
from .elementwise import exp, sign
from .index import scatter_add
from .keywords import with_keywords
from .promotion import to_float
from .results import returned
from .shape import Expand, cat
from .summation import summed

Dims = int | tuple[int, ...] | None


class Extremum(NamedTuple):
    """The result of ``max(dim)`` and ``min(dim)``."""

    values: Tensor
    indices: Tensor


def _kept(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with length 1 in the reduced dimensions, which broadcasts with the input."""
    return tuple(1 if d in dims else n for d, n in enumerate(shape))


def to_sum(x: Tensor, dtype: Any) -> tuple[Tensor, np.dtype]:
    """x in ``dtype`` if given, and the dtype of its sum or product, without one int64 for integers."""
    if dtype is None:
        return x, int64 if x.array.dtype.kind in "biu" else x.array.dtype
    x = x.to(dtype)
    return x, x.array.dtype


def accumulator(dtype: np.dtype) -> np.dtype:
    """The dtype in which to sum or multiply many numbers for a result in ``dtype``."""
    return float32 if dtype in HALVES else dtype


class Sum(Function):
    """The sum in ``dtype``."""

    def forward(self, x: Array, dims: tuple[int, ...], keepdim: bool, dtype: np.dtype) -> Array:
        self.shape, self.dims, self.dtype = x.shape, dims, x.dtype
        total = summed(x, dims, accumulator(dtype), keepdim)
        return total if total.dtype == dtype else total.astype(dtype)

    def backward(self, grad: Tensor) -> Tensor:
        if grad.array.dtype != self.dtype:
            grad = grad.to(self.dtype)
        kept = _kept(self.shape, self.dims)
        # a single number broadcasts to any shape
        same = grad.array.shape in ((), kept)
        return Expand.apply(grad if same else grad.reshape(kept), shape=self.shape)


class Prod(Function):
    """The product along one dimension, or of all elements, in ``dtype``."""

    def forward(self, x: Array, dim: int | None, keepdim: bool, dtype: np.dtype) -> Array:
        out = x.prod(dim, dtype=accumulator(dtype), keepdims=keepdim).astype(dtype, copy=False)
        out = xp_of(x).asarray(out)
        self.save_for_backward(x, out)
        self.dim = dim
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        if x.ndim == 0:
            return grad
        kept = _kept(x.shape, tuple(range(x.ndim)) if self.dim is None else (self.dim,))
        grad, out = grad.reshape(kept), out.reshape(kept)
        if not (x == 0).any():
            return grad * (out / x)
        if self.dim is not None:
            return grad * _products_of_others(x, self.dim)
        if (x == 0).sum() > 1:
            return zeros_like(x)
        return grad * _products_of_others(x.reshape(-1), 0).reshape(x.shape)


def _products_of_others(x: Tensor, dim: int) -> Tensor:
    """For each element, the product of all others along ``dim``; out / x would be wrong at 0."""
    before = _products_before(x.moveaxis(dim, -1))
    after = _products_before(x.moveaxis(dim, -1).flip(-1)).flip(-1)
    return (before * after).moveaxis(-1, dim)


def _products_before(x: Tensor) -> Tensor:
    """For each element, the product of those before it along the last dimension."""
    parts = [ones_like(x[..., :1])]
    for i in range(x.shape[-1] - 1):
        parts.append(parts[-1] * x[..., i : i + 1])
    return cat(parts, -1)


class Cumsum(Function):
    def forward(self, x: Array, dim: int, dtype: np.dtype) -> Array:
        self.dim, self.dtype = dim, x.dtype
        # in float64, as in torch: the errors of running sums add up
        inside = float64 if dtype == float32 else accumulator(dtype)
        return x.cumsum(dim, dtype=inside).astype(dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        sums = Cumsum.apply(grad.flip(self.dim), dim=self.dim, dtype=grad.dtype)
        return sums.flip(self.dim).to(self.dtype)


class Var(Function):
    """The variance, or its root, computed in float64, as in torch."""

    def forward(
        self,
        x: Array,
        dims: tuple[int, ...],
        keepdim: bool,
        correction: float,
        root: bool,
        of_all: bool,
    ) -> Array:
        xp, wide = xp_of(x), x.astype(np.float64)
        count = math.prod(x.shape[d] for d in dims)
        distance = wide - wide.sum(dims, keepdims=True) / np.float64(count)
        total = (distance * distance).sum(dims, keepdims=keepdim)
        divisor = np.float64(builtins.max(count - correction, 0)) if x.size else np.float64("nan")
        out = total / divisor
        out = xp.asarray(xp.sqrt(out) if root else out).astype(x.dtype)
        self.save_for_backward(x, out if root else None)
        self.dims, self.root, self.of_all = dims, root, of_all
        self.freedom = count - correction
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        kept = _kept(x.shape, self.dims)
        if self.root:
            grad = where(out == 0, 0.0, grad / (out * 2.0))
        grad, average = grad.reshape(kept), mean(x, self.dims, keepdim=True)
        if self.freedom <= 0 and self.of_all:  # the limit of what follows
            return grad * where(x == average, math.nan, math.inf).to(x.dtype)
        return grad * (2.0 / self.freedom if self.freedom else math.inf) * (x - average)


class Amax(Function):
    """The largest (or smallest) element; equal ones share the gradient.

    With ``of_all``, elements that are NaN share it, too; else they make it NaN, as in torch.
    """

    def forward(
        self, x: Array, dims: tuple[int, ...], keepdim: bool, largest: bool, of_all: bool = False
    ) -> Array:
        out = x.max(dims, keepdims=keepdim) if largest else x.min(dims, keepdims=keepdim)
        out = xp_of(x).asarray(out)
        self.save_for_backward(x, out)
        self.dims, self.of_all = dims, of_all
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        kept = _kept(x.shape, self.dims)
        chosen = x == out.detach().reshape(kept)
        if self.of_all:
            chosen = chosen | x.isnan()
        return _shared(grad.reshape(kept), chosen, self.dims)


def _shared(grad: Tensor, chosen: Tensor, dims: tuple[int, ...]) -> Tensor:
    """A gradient divided among the ``chosen`` elements."""
    share = chosen.to(grad.dtype)
    return grad * (share / share.sum(dims, keepdim=True))


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
        zeros = Tensor.of(xp_of(grad.array).zeros(self.shape, grad.dtype))
        return scatter_add(zeros, self.dim, indices, grad)


class LogSumExp(Function):
    def forward(self, x: Array, dims: tuple[int, ...], keepdim: bool) -> Array:
        self.kept = _kept(x.shape, dims)
        xp = xp_of(x)
        top = x.max(dims, keepdims=True) if x.size else xp.zeros(self.kept, x.dtype)
        top = xp.where(xp.isfinite(top), top, 0)  # all -inf: log(0), not NaN
        out = xp.log(summed(xp.exp(x - top), dims, x.dtype, True)) + top
        if not keepdim:
            out = out.reshape([n for d, n in enumerate(x.shape) if d not in dims])
        out = xp.asarray(out)
        self.save_for_backward(x, out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        return grad.reshape(self.kept) * exp(x - out.reshape(self.kept))


class Norm(Function):
    """The p-norm; its gradient at a norm of 0 is 0."""

    def forward(self, x: Array, p: float, dims: tuple[int, ...], keepdim: bool) -> Array:
        self.p, self.dims, self.kept = p, dims, _kept(x.shape, dims)
        xp = xp_of(x)
        if math.isinf(p):
            size = xp.abs(x)
            out = size.max(dims, keepdims=keepdim) if p > 0 else size.min(dims, keepdims=keepdim)
        elif p == 0:
            out = (x != 0).sum(dims, dtype=x.dtype, keepdims=keepdim)
        elif p == 1 or math.prod(x.shape[d] for d in dims) == 1:
            out = summed(xp.abs(x), dims, x.dtype, keepdim)
        elif p == 2:
            out = xp.sqrt(summed(x * x, dims, x.dtype, keepdim))
        else:
            out = summed(xp.abs(x) ** p, dims, x.dtype, keepdim) ** (1 / p)
        out = xp.asarray(out, x.dtype)
        self.save_for_backward(x, out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        x, out = self.saved_tensors
        grad, out, p = grad.reshape(self.kept), out.reshape(self.kept), self.p
        if p == 0:
            return zeros_like(x)
        if p == 1:
            return grad * sign(x)
        if math.isinf(p):
            chosen = (x.detach().abs() == out.detach()) | x.isnan()
            return sign(x) * _shared(grad, chosen, self.dims)
        if p < 1:
            powers = where(x == 0, 0.0, sign(x) * x.abs() ** (p - 1))
            return powers * grad * out ** (1 - p)
        divisor = where(out == 0, 1.0, out)  # where the norm is 0, so is x: no 0 / 0
        if p == 2:
            return grad * (x / divisor)
        powers = x * x.abs() ** (p - 2) if p > 2 else sign(x) * x.abs() ** (p - 1)
        return powers * (grad / divisor ** (p - 1))


@in_float32
def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The sum over ``dim`` (all dimensions by default), in ``dtype``; integers become int64."""
    input, dtype = to_sum(input, dtype)
    return Sum.apply(input, dims=normalize_dims(input, dim), keepdim=keepdim, dtype=dtype)


@with_keywords
def mean(input: Tensor, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The mean over ``dim``, in ``dtype``.

    Raises:
        RuntimeError: for integers, unless a floating-point ``dtype`` is given.
    """
    dtype = input.array.dtype if dtype is None else np.dtype(dtype)
    if not is_floating(dtype):
        raise RuntimeError(f"mean expects floating-point numbers, got {dtype}")
    dims = normalize_dims(input, dim)
    shape = input.array.shape
    count = math.prod([shape[d] for d in dims])
    # in half precision the sum would be rounded, or overflow, before the division
    total = Sum.apply(input, dims=dims, keepdim=keepdim, dtype=accumulator(dtype))
    out = total / float(count)
    out = out if out.array.dtype == dtype else out.to(dtype)
    return call(out, f"MeanBackward{int(dim is not None)}")


@with_keywords
def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: builtins.bool | None = None,
    keepdim: bool = False,
    *,
    correction: builtins.float | None = None,
) -> Tensor:
    """The variance over ``dim``: squared distances from the mean, divided by n - ``correction``.

    The correction is 1 by default. ``unbiased=False``, or a first argument of False, is an older
    way to write ``correction=0``, as in torch.

    Raises:
        RuntimeError: for integers.
    """
    return _spread("var", input, dim, unbiased, keepdim, correction)


@with_keywords
def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: builtins.bool | None = None,
    keepdim: bool = False,
    *,
    correction: builtins.float | None = None,
) -> Tensor:
    """The standard deviation, the square root of :func:`var`."""
    return _spread("std", input, dim, unbiased, keepdim, correction)


def _spread(
    name: str, x: Tensor, dim: Any, unbiased: Any, keepdim: bool, correction: float | None
) -> Tensor:
    if isinstance(dim, bool):  # var(False)
        dim, unbiased = None, dim
    if unbiased is not None:
        correction = 1 if unbiased else 0
    if not is_floating(x.array.dtype):
        raise RuntimeError(f"{name} expects floating-point numbers, got {x.array.dtype}")
    return Var.apply(
        x.to(accumulator(x.array.dtype)),
        dims=normalize_dims(x, dim),
        keepdim=keepdim,
        correction=1 if correction is None else correction,
        root=name == "std",
        of_all=dim is None or x.ndim == 0,
    ).to(x.dtype)


@in_float32
def prod(
    input: Tensor, dim: builtins.int | None = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """The product over one dimension, or of all elements, in ``dtype``; integers become int64."""
    d = None if dim is None else normalize_dim(input, dim)
    input, dtype = to_sum(input, dtype)
    return Prod.apply(input, dim=d if input.ndim else None, keepdim=keepdim, dtype=dtype)


@in_float32
def cumsum(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Running sums along one dimension, in ``dtype``; integers become int64."""
    d = normalize_dim(input, dim)
    input, dtype = to_sum(input, dtype)
    if input.ndim == 0:
        return input.to(dtype)
    return Cumsum.apply(input, dim=d, dtype=dtype)


@with_keywords
def amax(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The largest element over ``dim``; equal ones share the gradient."""
    _check_not_empty("amax", input, dim)
    return Amax.apply(input, dims=normalize_dims(input, dim), keepdim=keepdim, largest=True)


@with_keywords
def amin(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The smallest element over ``dim``; equal ones share the gradient."""
    _check_not_empty("amin", input, dim)
    return Amax.apply(input, dims=normalize_dims(input, dim), keepdim=keepdim, largest=False)


def _check_not_empty(name: str, x: Tensor, dim: Dims) -> None:
    """Raises an error if there is nothing to choose from: as in torch, an IndexError if ``dim`` is
    given, else a RuntimeError.
    """
    if not builtins.all(x.shape[d] for d in normalize_dims(x, dim)):
        error = RuntimeError if dim is None or dim == () else IndexError
        raise error(
            f"{name} expects at least one element, got shape {tuple(x.shape)} and dim={dim}"
        )


def _of_all(name: str, x: Tensor, largest: bool) -> Tensor:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} expects a tensor, got {type(x).__name__}")
    _check_not_empty(name, x, None)
    return Amax.apply(x, dims=tuple(range(x.ndim)), keepdim=False, largest=largest, of_all=True)


def _along(name: str, x: Tensor, dim: int, keepdim: bool, largest: bool) -> Extremum:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} expects a tensor, got {type(x).__name__}")
    axis = normalize_dim(x, dim)
    _check_not_empty(name, x, axis)
    source = x.reshape(1) if x.ndim == 0 else x
    values, indices = MaxAlong.apply(source, dim=axis, largest=largest)
    if not keepdim or x.ndim == 0:
        values, indices = values.squeeze(axis), indices.squeeze(axis)
    values = call(values, f"{name.capitalize()}Backward0")
    return returned(name, Extremum(values, indices))


@overload
def max(input: Tensor, dim: Tensor | None = None) -> Tensor: ...
@overload
def max(input: Tensor, dim: int, keepdim: bool = False) -> Extremum: ...
@with_keywords
def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor | Extremum:
    """The largest element; with ``dim``, (values, indices); with a tensor, ``maximum``.

    With ``dim``, the first of equal elements is chosen and gets the whole gradient.
    """
    if isinstance(dim, Tensor):
        return maximum(input, dim)
    if dim is not None:
        return _along("max", input, dim, keepdim, True)
    return call(_of_all("max", input, True), "MaxBackward1")


@overload
def min(input: Tensor, dim: Tensor | None = None) -> Tensor: ...
@overload
def min(input: Tensor, dim: int, keepdim: bool = False) -> Extremum: ...
@with_keywords
def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor | Extremum:
    """The smallest element; with ``dim``, (values, indices); with a tensor, ``minimum``."""
    if isinstance(dim, Tensor):
        return minimum(input, dim)
    if dim is not None:
        return _along("min", input, dim, keepdim, False)
    return call(_of_all("min", input, False), "MinBackward1")


class _ArgExtremum(Function):
    def forward(self, x: Array, dim: int | None, keepdim: bool, name: str) -> Array:
        return getattr(x, name)(dim, keepdims=keepdim)


def _index_of(x: Tensor, dim: int | None, keepdim: bool, name: str) -> Tensor:
    if x.array.dtype == bool_:
        raise RuntimeError(f"{name} expects numbers, got {x.array.dtype}")
    axis = None if dim is None else normalize_dim(x, dim)
    _check_not_empty(name, x, axis)
    axis = None if x.ndim == 0 else axis
    return _ArgExtremum.apply(x.detach(), dim=axis, keepdim=keepdim, name=name).to(int64)


@with_keywords
def argmax(input: Tensor, dim: builtins.int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first largest element, along ``dim`` or in the flattened tensor."""
    return _index_of(input, dim, keepdim, "argmax")


@with_keywords
def argmin(input: Tensor, dim: builtins.int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first smallest element, along ``dim`` or in the flattened tensor."""
    return _index_of(input, dim, keepdim, "argmin")


@in_float32
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over ``dim``, without overflow."""
    if dim is None:
        raise TypeError("logsumexp expects a dimension or several, got None")
    input = to_float(input)
    wide = input.to(accumulator(input.array.dtype))
    return LogSumExp.apply(wide, dims=normalize_dims(input, dim), keepdim=keepdim).to(input.dtype)


class _Truth(Function):
    """Whether ``all`` or ``any`` elements are not 0; in uint8 for uint8."""

    def forward(self, x: Array, dims: tuple[int, ...], keepdim: bool, name: str) -> Array:
        result = xp_of(x).asarray(getattr(x != 0, name)(dims, keepdims=keepdim))
        return result.astype(uint8 if x.dtype == uint8 else bool_, copy=False)


def _test(x: Tensor, dim: Dims, keepdim: bool, name: str) -> Tensor:
    """``all`` or ``any``; with an empty tuple, element by element."""
    dims = () if dim == () else normalize_dims(x, dim)
    return _Truth.apply(x, dims=dims, keepdim=keepdim, name=name)


@with_keywords
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true (not zero): bool, or uint8 for uint8, as in torch."""
    return _test(input, dim, keepdim, "all")


@with_keywords
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether at least one element is true (not zero): bool, or uint8 for uint8, as in torch."""
    return _test(input, dim, keepdim, "any")


@in_float32
def norm(
    input: Tensor,
    p: builtins.float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    dtype: Any = None,
) -> Tensor:
    """The p-norm over ``dim``: (sum |input|^p)^(1/p).

    Args:
        input: any shape.
        p: 2 by default (also as ``"fro"`` and None); inf takes the largest |input|, -inf the
            smallest, 0 counts what is not 0; ``"nuc"`` sums the singular values of matrices.
        dim: one dimension or several, all by default; for ``"nuc"`` there must be two.
        keepdim: whether the dimensions stay, with length 1.
        dtype: the dtype to convert ``input`` to first.

    Raises:
        RuntimeError: for integers; for no elements, if p is negative or infinite.
        TypeError: for another text as p.

    As ``torch.norm``.
    """
    if not is_floating(input.array.dtype):
        raise RuntimeError(f"norm expects floating-point numbers, got {input.array.dtype}")
    input = input if dtype is None else input.to(dtype)
    if p == "nuc":
        return _nuclear_norm(input, dim, keepdim)
    if p in (None, "fro"):
        p = 2.0
    if not isinstance(p, (int, float)):
        raise TypeError(f"norm knows 'fro', 'nuc' and numbers, got {p!r}")
    dims = normalize_dims(input, dim)
    if (p < 0 or math.isinf(p)) and not builtins.all(input.shape[d] for d in dims):
        raise RuntimeError(
            f"norm of order {p} expects at least one element, got shape {tuple(input.shape)}"
        )
    wide = input.to(accumulator(input.array.dtype))
    return Norm.apply(wide, p=float(p), dims=dims, keepdim=keepdim).to(input.dtype)


def _nuclear_norm(x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    dims = normalize_dims(x, dim)
    if len(dims) != 2 or x.dtype in HALVES:
        raise RuntimeError(
            f"the nuclear norm expects two dimensions of float32 or float64, got shape {tuple(x.shape)} "
            f"of {x.array.dtype} and dim={dim}"
        )
    from .decompositions import svdvals

    out = svdvals(x.movedim(dims, (-2, -1))).sum(-1)
    return out.reshape(_kept(x.shape, dims)) if keepdim else out
