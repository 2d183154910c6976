"""Sorting, and selecting by rank: sort, topk, kthvalue, median, mode.

Every one of them finds indices, and takes the values there: the gradient goes to the elements that
were taken. NaN counts as larger than any number. Of equal elements, the first ones are taken, or
what torch takes where it is determined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, overload

import numpy as np

from ..autograd import Function
from ..devices import on_own_device, xp_of
from ..dtypes import HALVES, bool_, int64, is_floating, uint8
from ..tensor import Tensor
from ..typing import Array
from .dims import normalize_dim
from .index import gather
from .results import returned
from .shape import reshape


class Selection(NamedTuple):
    """The elements that were chosen, and their indices along the dimension."""

    values: Tensor
    indices: Tensor


def sortable(x: Array) -> Array:
    """x in a dtype that NumPy and CuPy sort, in the same order."""
    if x.dtype == bool_:
        return x.astype(uint8)
    return x.astype(np.float32) if x.dtype in HALVES else x


def order(x: Array, descending: bool = False) -> Array:
    """The indices that sort x along its last dimension; equal elements keep their order."""
    x = sortable(x)
    if not descending:
        return xp_of(x).argsort(x, -1, kind="stable")
    return x.shape[-1] - 1 - xp_of(x).argsort(x[..., ::-1], -1, kind="stable")[..., ::-1]


class Choose(Function):
    """x -> the int64 indices along ``dim`` that an operation takes, by its name."""

    def forward(self, x: Array, *, name: str, dim: int, **options: Any) -> Array:
        xp = xp_of(x)
        chosen = _CHOICES[name](xp.moveaxis(x, dim, -1), **options).astype(int64, copy=False)
        return xp.ascontiguousarray(xp.moveaxis(chosen, -1, dim))


@on_own_device
def _taken(x: Tensor, name: str, dim: int, keepdim: bool, **options: Any) -> Selection:
    """The elements of x at the indices that :class:`Choose` finds."""
    d = normalize_dim(x, dim)
    source = reshape(x, 1) if x.ndim == 0 else x
    if source.shape[d] == 0 and name not in ("sort", "topk"):
        raise IndexError(f"{name} expects elements in dimension {d}, got shape {tuple(x.shape)}")
    indices = Choose.apply(source, name=name, dim=d, **options)
    values = gather(source, d, indices)
    if x.ndim == 0:
        values, indices = reshape(values, x.shape), reshape(indices, x.shape)
    elif not keepdim:
        values, indices = values.squeeze(d), indices.squeeze(d)
    return returned(name, Selection(values, indices))


def sort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False
) -> Selection:
    """The elements in order along ``dim``.

    Args:
        input: any shape.
        dim: the dimension to sort along.
        descending: whether the largest comes first.
        stable: accepted for torch's scripts; equal elements always keep their order.

    Returns:
        A named tuple of ``values`` and ``indices``, both in the shape of ``input``.

    As ``torch.sort``.
    """
    return _taken(input, "sort", dim, True, descending=descending)


def argsort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False
) -> Tensor:
    """The indices that sort ``input`` along ``dim``; arguments as in :func:`sort`."""
    return sort(input, dim, descending, stable=stable).indices


def msort(input: Tensor) -> Tensor:
    """The elements in ascending order along the first dimension."""
    return sort(input, 0).values


def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> Selection:
    """The ``k`` largest elements along ``dim``, or the smallest.

    Args:
        input: any shape.
        k: how many.
        dim: the dimension to look along.
        largest: whether the largest are wanted.
        sorted: accepted for torch's scripts; the elements always come in order.

    Returns:
        A named tuple of ``values`` and ``indices``, of length k in ``dim``.

    Raises:
        RuntimeError: for more elements than there are, and for a bool tensor.

    As ``torch.topk``, except that the first of equal elements are taken, which torch leaves open.
    """
    d = normalize_dim(input, dim)
    length = input.shape[d] if input.ndim else 1
    if not 0 <= k <= length:
        raise RuntimeError(
            f"topk expects k in [0, {length}] for shape {tuple(input.shape)}, got {k}"
        )
    if input.array.dtype == bool:
        raise RuntimeError("topk expects numbers, got a bool tensor")
    return _taken(input, "topk", d, True, k=k, largest=largest)


def _extreme(x: Array, k: int, largest: bool) -> Array:
    """The indices of the k largest or smallest elements along the last dimension, in order."""
    few = _few(x, largest, k) if k <= 8 and is_floating(x.dtype) else None
    if few is not None:
        return few
    length = x.shape[-1]
    if k == 0 or 4 * k > length:
        return order(x, largest)[..., :k]
    xp, keys = xp_of(x), sortable(x)
    split = length - k if largest else k - 1
    parts = xp.argpartition(keys, split, -1)
    chosen = xp.sort(parts[..., split:] if largest else parts[..., :k], -1)
    places = order(xp.take_along_axis(keys, chosen, -1), largest)
    return xp.take_along_axis(chosen, places, -1)


def _few(x: Array, largest: bool, k: int) -> Array | None:
    """The same by looking k times for the extreme one, the fastest way for a few.

    None where that fails: for NaN, and infinities, which mark the elements that were taken.
    """
    xp, rest = xp_of(x), sortable(x).copy()
    taken = -np.inf if largest else np.inf
    found, values = [], []
    for _ in range(k):
        places = xp.expand_dims(rest.argmax(-1) if largest else rest.argmin(-1), -1)
        found.append(places)
        values.append(xp.take_along_axis(rest, places, -1))
        xp.put_along_axis(rest, places, taken, -1)
    if not found or not xp.isfinite(xp.concatenate(values, -1)).all():
        return None
    return xp.concatenate(found, -1)


def _at_rank(x: Array, k: int) -> Array:
    """The index of the element that comes k-th in a stable sort along the last dimension."""
    xp, keys = xp_of(x), sortable(x)
    value = xp.partition(keys, k, -1)[..., k : k + 1]
    if is_floating(keys.dtype) and xp.isnan(value).any():
        return order(x)[..., k : k + 1]
    equal = keys == value
    earlier = k - (keys < value).sum(-1, keepdims=True)
    if not earlier.any():
        return _first(equal)
    return _first(equal.cumsum(-1) == earlier + 1)


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Selection:
    """The ``k``-th smallest element along ``dim``, counted from 1, and its index.

    Raises:
        RuntimeError: for a k that is not within the dimension.

    As ``torch.kthvalue``.
    """
    d = normalize_dim(input, dim)
    length = input.shape[d] if input.ndim else 1
    if not 1 <= k <= length:
        raise RuntimeError(f"kthvalue expects k in [1, {length}], got {k}")
    if input.dtype == bool_:
        raise RuntimeError("kthvalue expects numbers, got a bool tensor")
    return _taken(input, "kthvalue", d, keepdim, k=k - 1)


@overload
def median(input: Tensor, dim: None = None, keepdim: bool = False) -> Tensor: ...
@overload
def median(input: Tensor, dim: int, keepdim: bool = False) -> Selection: ...
def median(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor | Selection:
    """The median, the lower one of two; NaN if there is a NaN.

    With ``dim``, a named tuple of ``values`` and ``indices``. As ``torch.median``.
    """
    return _median("median", input, dim, keepdim)


@overload
def nanmedian(input: Tensor, dim: None = None, keepdim: bool = False) -> Tensor: ...
@overload
def nanmedian(input: Tensor, dim: int, keepdim: bool = False) -> Selection: ...
def nanmedian(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor | Selection:
    """The median of the elements that are not NaN; arguments as in :func:`median`."""
    return _median("nanmedian", input, dim, keepdim)


def _median(name: str, x: Tensor, dim: Any, keepdim: bool) -> Tensor | Selection:
    if x.dtype == bool_:
        raise RuntimeError(f"{name} expects numbers, got a bool tensor")
    if dim is not None:
        return _taken(x, name, dim, keepdim)
    if x.array.size == 0:
        missing = np.nan if is_floating(x.array.dtype) else np.iinfo(x.dtype).min
        return Tensor.of(xp_of(x.array).full((), missing).astype(x.dtype))
    return _taken(reshape(x, -1), name, 0, False).values


def _middle(x: Array) -> Array:
    """The index of the median of what is not NaN, along the last dimension."""
    is_nan = _is_nan(x)
    if not is_nan.any():
        return _at_rank(x, (x.shape[-1] - 1) // 2)
    count = (~is_nan).sum(-1, keepdims=True)
    xp = xp_of(x)
    return xp.take_along_axis(order(x), xp.maximum(count - 1, 0) // 2, -1)


def _first_nan_or_middle(x: Array) -> Array:
    is_nan = _is_nan(x)
    if not is_nan.any():
        return _at_rank(x, (x.shape[-1] - 1) // 2)
    return xp_of(x).where(is_nan.any(-1, keepdims=True), _first(is_nan), _middle(x))


def _is_nan(x: Array) -> Array:
    x = sortable(x)
    return xp_of(x).isnan(x) if is_floating(x.dtype) else xp_of(x).zeros(x.shape, bool)


def _first(mask: Array) -> Array:
    """The index of the first true element along the last dimension."""
    return xp_of(mask).expand_dims(mask.argmax(-1), -1)


def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Selection:
    """The most frequent element along ``dim``, the smallest of several, and its last index.

    Returns:
        A named tuple of ``values`` and ``indices``.

    As ``torch.mode``.
    """
    return _taken(input, "mode", dim, keepdim)


def _most_frequent(x: Array) -> Array:
    xp, places = xp_of(x), order(x)
    values = xp.take_along_axis(sortable(x), places, -1)
    starts = xp.ones(values.shape, bool)
    starts[..., 1:] = values[..., 1:] != values[..., :-1]
    # how many equal elements stand before each one, in order: most at the end of the longest run
    run = starts.reshape(-1).cumsum() - 1
    since = xp.arange(run.size) - xp.flatnonzero(starts)[run]
    longest = xp.expand_dims(since.reshape(values.shape).argmax(-1), -1)
    return xp.take_along_axis(places, longest, -1)


_CHOICES: dict[str, Callable[..., Array]] = {
    "kthvalue": _at_rank,
    "median": _first_nan_or_middle,
    "mode": _most_frequent,
    "nanmedian": _middle,
    "sort": order,
    "topk": _extreme,
}
