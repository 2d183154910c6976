"""Picking elements by index, and putting them back."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..autograd import Function
from ..devices import current_device_of, on_own_device, to_device, xp_of
from ..dtypes import bool_, int32, int64, is_floating, uint8
from ..memory import empty
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .dims import normalize_dim
from .promotion import check_broadcast, widened
from .shape import expand, reshape


def _plain(key: Any, x: Tensor) -> Any:
    """One entry of an index; tensors, arrays and lists become arrays.

    Raises:
        IndexError: for something that is no index, or an index tensor of another dtype.
        ValueError: for a slice that steps backwards.
    """
    if isinstance(key, slice):
        if key.step is not None and key.step < 1:
            raise ValueError(f"the step of a slice must be at least 1, got {key.step}")
        return key
    if isinstance(key, (list, tuple, range)):
        key = Tensor.of(np.asarray(key, dtype=None if len(key) else int64))
    elif isinstance(key, np.ndarray):
        key = Tensor.of(key)
    if not isinstance(key, Tensor):
        if key is None or key is Ellipsis or hasattr(key, "__index__"):
            return key
        raise IndexError(
            "an index must consist of integers, slices, None, … and tensors of integers or bools, "
            f"got {type(key).__name__}"
        )
    if key.dtype not in _INDEX_DTYPES:
        raise IndexError(f"an index tensor must be integer or bool, got {key.array.dtype}")
    if key.ndim == 0:
        return bool(key.item()) if key.dtype == uint8 else key.item()
    array = to_device(key.array, x.device)
    if key.dtype in (bool_, uint8):  # a mask, as in torch
        if array.size == 0 and x.array.size:
            raise IndexError(
                f"a mask must have the shape of what it picks from, got {tuple(key.shape)}"
            )
        with current_device_of((array,)):
            return array.astype(bool)
    return array


_INDEX_DTYPES = (int64, int32, bool_, uint8)


def _is_number(part: Any) -> bool:
    return isinstance(part, (int, np.integer)) and not isinstance(part, bool)


def is_basic(key: tuple[Any, ...]) -> bool:
    """Whether an index has only numbers, slices, None and …, for which NumPy returns a view."""
    return all(k is None or k is Ellipsis or isinstance(k, slice) or _is_number(k) for k in key)


def array_index(key: Any, x: Tensor) -> tuple[tuple[Any, ...], ...]:
    """An index as one or two of NumPy's, applied one after the other.

    Beside index arrays, NumPy treats numbers as arrays, too, and may move the indexed dimension to
    the front. torch applies the numbers first: ``x[0, :, [1, 2]]`` is ``x[0][:, [1, 2]]``. A … at
    the end makes NumPy return a view even of a single element.
    """
    if isinstance(key, list) and any(map(_stands_for_a_dimension, key)):
        key = tuple(key)
    keys = key if isinstance(key, tuple) else (key,)
    if len(keys) > 1 and keys[-1] is Ellipsis:
        keys = _without_last_ellipsis(keys)
    parts = tuple(_plain(k, x) for k in keys)
    if is_basic(parts):
        return (parts if any(k is Ellipsis for k in parts) else (*parts, ...),)
    if not any(map(_is_number, parts)):
        return (parts,)
    numbers: list[Any] = []
    for k in parts:
        if _is_number(k) or k is Ellipsis:
            numbers.append(k)
        elif isinstance(k, slice):
            numbers.append(slice(None))
        elif k is not None and not isinstance(k, bool):
            numbers += [slice(None)] * (k.ndim if k.dtype == bool else 1)
    return tuple(numbers), tuple(k for k in parts if not _is_number(k))


def _stands_for_a_dimension(entry: Any) -> bool:
    """Whether an entry of a list makes torch read the list as a tuple: ``x[[[0, 1], [1, 0]]]``."""
    return (
        entry is None or entry is Ellipsis or isinstance(entry, (list, tuple, range, slice, Tensor))
    )


def _without_last_ellipsis(keys: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index without a second … at its end, which torch ignores."""
    while keys[-1] is Ellipsis and sum(k is Ellipsis for k in keys) > 1:
        keys = keys[:-1]
    return keys


def take(array: Array, index: tuple[tuple[Any, ...], ...]) -> Array:
    """An array indexed once by each part of what :func:`array_index` gives."""
    for part in index:
        array = array[part]
    return array


class GetItem(Function):
    returns_view = never_warns = True

    def forward(self, x: Array, index: tuple[tuple[Any, ...], ...]) -> Array:
        self.shape, self.index = x.shape, index
        return take(x, index)

    def backward(self, grad: Tensor) -> Tensor:
        return PutItem.apply(grad, shape=self.shape, index=self.index)


class PutItem(Function):
    """Zeros, with values added at an index; where an index repeats, they add up."""

    def forward(
        self, values: Array, shape: tuple[int, ...], index: tuple[tuple[Any, ...], ...]
    ) -> Array:
        self.index = index
        xp = xp_of(values)
        basic = is_basic(index[-1])
        terms = values if basic else _addable(values)
        out = xp.zeros(shape, terms.dtype)
        target = take(out, index[:-1])
        if basic:
            target[index[-1]] = terms
        else:
            xp.add.at(target, index[-1], terms)
        return out.astype(values.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return GetItem.apply(grad, index=self.index)


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: numbers, slices, None, …, and integer or bool tensors.

    Raises:
        IndexError: for an index out of range or of a wrong type.
    """
    try:
        return GetItem.apply(x, index=array_index(key, x))
    except IndexError as error:
        raise IndexError(f"{error} (index {key!r} of a tensor of shape {tuple(x.shape)})") from None


class Gather(Function):
    def forward(self, x: Array, index: Array, dim: int) -> Array:
        self.save_for_backward(index)
        self.shape, self.dim = x.shape, dim
        return x[_along(index, dim, xp_of(x))]

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved_tensors
        zeros = Tensor.of(xp_of(grad.array).zeros(self.shape, grad.dtype))
        return scatter_add(zeros, self.dim, index, grad), None


class ScatterAdd(Function):
    def forward(self, x: Array, index: Array, source: Array, dim: int) -> Array:
        self.save_for_backward(index)
        self.dim = dim
        out, terms = _addable(x.copy()), _addable(source[tuple(slice(n) for n in index.shape)])
        combine_at(xp_of(x).add, out, index, dim, terms)
        self.source_shape = source.shape
        return out.astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor, None, Tensor]:
        (index,) = self.saved_tensors
        picked = gather(grad, self.dim, index)
        widths = [w for n, m in zip(self.source_shape[::-1], index.shape[::-1]) for w in (0, n - m)]
        return grad, None, picked.pad(widths) if any(widths) else picked


def _addable(x: Array) -> Array:
    """x in a dtype that CuPy, too, adds up at an index; its sums, cast back, are those of x."""
    if x.dtype == int64:
        return x.view(np.uint64)  # whose sums have the same bits
    return widened(x) if is_floating(x.dtype) else x.astype(int32, copy=False)


def combine_at(combine: Any, out: Array, index: Array, dim: int, terms: Array) -> None:
    """Combines each term with the element of ``out`` at its index in dimension ``dim``, in place.

    Args:
        combine: a function such as ``xp.add``, whose ``at`` does that.
        out: dense, in C order.
        index, terms: of one shape, or ``index`` of one that broadcasts to it.
    """
    if not isinstance(out, np.ndarray):
        combine.at(out, _along(index, dim, xp_of(out)), terms)
        return
    if out.ndim == 1:
        combine.at(out, index, terms)
        return
    # NumPy takes a fifth of the time for an index of one dimension
    strides = [stride // out.itemsize for stride in out.strides]
    places = [np.arange(n) * stride for n, stride in zip(terms.shape, strides)]
    places[dim] = np.zeros(1, np.int64)
    flat = empty(terms.shape, int64)
    np.multiply(index, strides[dim], out=flat)
    flat += functools.reduce(np.add, np.ix_(*places))
    combine.at(out.reshape(-1), flat.reshape(-1), terms.reshape(-1))


def _along(index: Any, dim: int, xp: Any) -> tuple[Any, ...]:
    """NumPy's index for gather: ``index`` in dimension ``dim``, own position in the others."""
    places = xp.ogrid[tuple(slice(n) for n in index.shape)]
    places = [places] if index.ndim == 1 else list(places)
    places[dim] = index
    return tuple(places)


def _check_index(name: str, x: Tensor, d: int, index: Tensor) -> None:
    """Checks the index of :func:`gather` and :func:`scatter_add` for dimension ``d`` of x."""
    if index.dtype not in (int32, int64):
        raise RuntimeError(f"{name} expects an index of int32 or int64, got {index.array.dtype}")
    if index.ndim != x.ndim:
        raise RuntimeError(
            f"{name} expects an index of {x.ndim} dimensions, got shape {tuple(index.shape)}"
        )
    if any(n > m for k, (n, m) in enumerate(zip(index.shape, x.shape)) if k != d):
        raise RuntimeError(
            f"{name} expects an index no larger than {tuple(x.shape)} but in dimension {d}, "
            f"got {tuple(index.shape)}"
        )
    if index.device.type == "cpu":
        low, high = index.array.min(), index.array.max()
        if low < 0 or high >= x.shape[d]:
            bad = low if low < 0 else high
            raise RuntimeError(f"{name} expects indices in [0, {x.shape[d] - 1}], got {bad}")


def _vector(x: Tensor) -> Tensor:
    """A tensor without dimensions as a vector of one element; any other as it is."""
    return reshape(x, 1) if x.ndim == 0 else x


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """out[i][j][k] = input[index[i][j][k]][j][k] for dim 0, and so on.

    Raises:
        RuntimeError: for an index of a wrong dtype, of another number of dimensions than x, longer
            than x in another dimension than ``dim``, or on the CPU out of range.

    As ``torch.gather``: tensors without dimensions count as
    vectors, and an empty index may have any shape.
    """
    d = normalize_dim(input, dim)
    if index.array.size == 0:
        return getitem(reshape(input, -1), index.to(int64))
    source, places = _vector(input), _vector(index)
    _check_index("gather", source, d, places)
    out = Gather.apply(source, places, dim=d)
    return reshape(out, ()) if index.ndim == 0 else out


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """``input`` with ``src[i][j][k]`` added at [index[i][j][k]][j][k] for dim 0, and so on.

    Raises:
        RuntimeError: for a wrong index, as in :func:`gather`; for a ``src`` that is smaller than the
            index or of another dtype than ``input``.

    As ``torch.scatter_add``.
    """
    d = normalize_dim(input, dim)
    if src.dtype != input.dtype:
        raise RuntimeError(f"scatter_add expects src of {input.array.dtype}, got {src.array.dtype}")
    if index.array.size == 0:
        return input.clone()
    target, places, source = _vector(input), _vector(index), _vector(src)
    _check_index("scatter_add", target, d, places)
    if source.ndim != places.ndim or any(n > m for n, m in zip(places.shape, source.shape)):
        raise RuntimeError(
            f"scatter_add expects src to be at least as large as the index {tuple(index.shape)}, "
            f"got {tuple(src.shape)}"
        )
    out = ScatterAdd.apply(target, places, source, dim=d)
    return reshape(out, ()) if input.ndim == 0 else out


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of ``input`` along ``dim`` at a vector of indices.

    Raises:
        IndexError: for an index that is no vector, or on the CPU out of range.
        RuntimeError: for an index of another dtype than int32 and int64; for several indices into a
            tensor without dimensions.
    """
    d = normalize_dim(input, dim)
    if index.dtype not in (int32, int64):
        raise RuntimeError(
            f"index_select expects an index of int32 or int64, got {index.array.dtype}"
        )
    if index.ndim > 1:
        raise IndexError(
            f"index_select expects a vector of indices, got shape {tuple(index.shape)}"
        )
    if index.device.type == "cpu" and index.array.size and index.array.min() < 0:
        raise IndexError(f"index_select expects indices of at least 0, got {index.array.min()}")
    if input.ndim == 0 and index.array.size != 1:
        raise RuntimeError(f"index_select expects one index for shape (), got {index.array.size}")
    picked = getitem(_vector(input), (slice(None),) * d + (_vector(index),))
    return reshape(picked, ()) if input.ndim == 0 else picked


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where ``mask``, which is broadcast with ``input``, is true, as a vector.

    Raises:
        RuntimeError: for a mask that is not bool, or does not broadcast with ``input``.
    """
    if mask.dtype != bool_:
        raise RuntimeError(f"masked_select expects a bool mask, got {mask.array.dtype}")
    check_broadcast("masked_select", [input, mask])
    shape = np.broadcast_shapes(input.shape, mask.shape) or (1,)
    return getitem(expand(input, shape), expand(mask, shape))


@on_own_device
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Tensor | tuple[Tensor, ...]:
    """The indices of the elements that are not zero, (count, ndim).

    With ``as_tuple``, one vector (count,) for each dimension, which ``input[…]`` takes as an index.
    """
    xp = xp_of(input.array)
    array = input.array.reshape(1) if input.ndim == 0 else input.array
    vectors = [i.astype(int64) for i in xp.nonzero(array)]
    if as_tuple:
        return tuple(map(Tensor.of, vectors))
    return Tensor.of(xp.stack(vectors, 1)[:, : input.ndim])


class OneHot(Function):
    """Classes (...) -> (..., count), 1 at the class and 0 elsewhere."""

    def forward(self, classes: Array, *, count: int) -> Array:
        return (classes[..., None] == xp_of(classes).arange(count)).astype(int64)


@takes_tensors
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64 vectors with a 1 at the class: (*) -> (*, num_classes), by default the largest + 1."""
    if tensor.array.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot expects classes that are integers, got {tensor.dtype}")
    if tensor.array.size == 0:
        if num_classes < 0:
            raise RuntimeError(
                f"one_hot expects num_classes beside no classes, got shape {tuple(tensor.shape)}"
            )
        return OneHot.apply(tensor, count=num_classes)
    least, largest = int(tensor.array.min()), int(tensor.array.max())
    if least < 0:
        raise RuntimeError(f"one_hot expects classes of at least 0, got {least}")
    if largest >= num_classes >= 0:
        raise RuntimeError(f"one_hot expects classes below {num_classes}, got {largest}")
    return OneHot.apply(tensor, count=largest + 1 if num_classes < 0 else num_classes)
