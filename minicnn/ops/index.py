"""Picking elements by index, and putting them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function, is_grad_enabled
from ..device import to_device, xp_of
from ..dtypes import int64
from ..tensor import Tensor
from .elementwise import where
from .reduce import normalize_dims


def _plain(key: Any, x: Tensor) -> Any:
    """An index of arrays, slices and numbers instead of tensors.

    Raises:
        IndexError: for an index tensor that is neither integer nor bool.
    """
    if isinstance(key, tuple):
        return tuple(_plain(k, x) for k in key)
    if isinstance(key, list):
        key = Tensor(np.asarray(key, dtype=int64 if not key else None))
    if isinstance(key, Tensor):
        if key.dtype.kind not in "iub":
            raise IndexError(f"an index tensor must be integer or bool, got {key.dtype}")
        return to_device(key.array, x.device) if key.ndim else key.item()
    return key


def _is_basic(key: Any) -> bool:
    """Whether an index has only numbers, slices, None and …, so that NumPy gives a view."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(
        k is None or k is Ellipsis or isinstance(k, (slice, int, np.integer))
        for k in parts
        if not isinstance(k, bool)
    ) and not any(isinstance(k, bool) for k in parts)


class GetItem(Function):
    returns_view = True

    def forward(self, x: Any, key: Any) -> Any:
        self.shape, self.key = x.shape, key
        return x[key]

    def backward(self, grad: Tensor) -> Tensor:
        return PutItem.apply(grad, shape=self.shape, key=self.key)


class PutItem(Function):
    """Zeros, with the given elements added at an index; where indices repeat they add up."""

    def forward(self, values: Any, shape: tuple[int, ...], key: Any) -> Any:
        self.key = key
        xp = xp_of(values)
        out = xp.zeros(shape, values.dtype)
        if _is_basic(key):
            out[key] = values
        else:
            xp.add.at(out, key, values)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return GetItem.apply(grad, key=self.key)


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: numbers, slices, None, …, and integer or bool tensors.

    Raises:
        IndexError: for an index out of range or of a wrong type.
    """
    try:
        return GetItem.apply(x, key=_plain(key, x))
    except IndexError as error:
        raise IndexError(f"{error} (index {key!r} of a tensor of shape {x.shape})") from None


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``, in place."""
    plain = _plain(key, x)
    traced = x.requires_grad or (isinstance(value, Tensor) and value.requires_grad)
    if isinstance(value, Tensor):
        value = value.to(device=x.device, dtype=x.dtype)
    if not (traced and is_grad_enabled()):
        x.array[plain] = value.array if isinstance(value, Tensor) else value
        x.bump_version()
        return
    xp = xp_of(x.array)
    mask = xp.zeros(x.shape, bool)
    mask[plain] = True
    if not isinstance(value, Tensor):
        value = Tensor(xp.asarray(value, x.dtype))
    value = value.expand(xp.empty(x.shape, bool)[plain].shape)
    x.write_(where(Tensor(mask), PutItem.apply(value, shape=x.shape, key=plain), x.clone()))


class Gather(Function):
    def forward(self, x: Any, index: Any, dim: int) -> Any:
        self.save_for_backward(index)
        self.shape, self.dim = x.shape, dim
        return x[_along(index, dim, xp_of(x))]

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved_tensors
        zeros = Tensor(xp_of(grad.array).zeros(self.shape, grad.dtype))
        return scatter_add(zeros, self.dim, index, grad), None


class ScatterAdd(Function):
    def forward(self, x: Any, index: Any, source: Any, dim: int) -> Any:
        self.save_for_backward(index)
        self.dim = dim
        xp = xp_of(x)
        out = x.copy()
        xp.add.at(out, _along(index, dim, xp), source[tuple(slice(n) for n in index.shape)])
        self.source_shape = source.shape
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor, None, Tensor]:
        (index,) = self.saved_tensors
        picked = gather(grad, self.dim, index)
        widths = [w for n, m in zip(self.source_shape[::-1], index.shape[::-1]) for w in (0, n - m)]
        return grad, None, picked.pad(widths) if any(widths) else picked


def _along(index: Any, dim: int, xp: Any) -> tuple[Any, ...]:
    """An index that takes ``index`` in dimension ``dim`` and each place itself in all others."""
    places = xp.ogrid[tuple(slice(n) for n in index.shape)]
    places = [places] if index.ndim == 1 else list(places)
    places[dim] = index
    return tuple(places)


def _check_index(name: str, x: Tensor, d: int, index: Tensor) -> None:
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"{name} expects an integer index, got {index.dtype}")
    if index.ndim != x.ndim:
        raise RuntimeError(
            f"{name} expects an index of {x.ndim} dimensions, got shape {index.shape}"
        )
    if index.device.type == "cpu" and index.array.size:
        low, high = index.array.min(), index.array.max()
        if low < 0 or high >= x.shape[d]:
            bad = low if low < 0 else high
            raise IndexError(f"{name} expects indices in [0, {x.shape[d] - 1}], got {bad}")


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """out[i][j][k] = x[index[i][j][k]][j][k] for dim 0, and so on. As ``torch.gather``."""
    (d,) = normalize_dims(x, dim)
    _check_index("gather", x, d, index)
    return Gather.apply(x, index, dim=d)


def scatter_add(x: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """x with ``source[i][j][k]`` added at [index[i][j][k]][j][k] for dim 0, and so on."""
    (d,) = normalize_dims(x, dim)
    _check_index("scatter_add", x, d, index)
    return ScatterAdd.apply(x, index, source, dim=d)


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of x along ``dim`` that a vector of indices names."""
    (d,) = normalize_dims(x, dim)
    return getitem(x, (slice(None),) * d + (index,))


def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """The elements where ``mask`` is true, as a vector."""
    return getitem(x, mask)


def nonzero(x: Tensor) -> Tensor:
    """The indices of the elements that are not zero, (count, ndim)."""
    xp = xp_of(x.array)
    return Tensor(xp.stack(xp.nonzero(x.array), 1).astype(int64))


def one_hot(target: Tensor, num_classes: int = -1) -> Tensor:
    """int64 vectors with a 1 at the class: (*) to (*, num_classes); by default the largest plus 1."""
    count = int(target.array.max()) + 1 if num_classes < 0 else num_classes
    xp = xp_of(target.array)
    if target.array.size and (int(target.array.min()) < 0 or int(target.array.max()) >= count):
        raise RuntimeError(f"one_hot expects classes in [0, {count - 1}], got {target.tolist()}")
    return Tensor((target.array[..., None] == xp.arange(count)).astype(int64))
