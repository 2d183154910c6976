"""Writing to elements by index along one dimension: scatter, and index_add and others for slices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function
from ..creation import ones_like, zeros_like
from ..devices import device_of, on_own_device, xp_of
from ..dtypes import bool_, int32, int64, is_floating, number_in
from ..tensor import Tensor
from ..typing import Array
from .choice import masked_fill, where
from .dims import normalize_dim
from .index import GetItem, _addable, _along, _check_index, _vector, combine_at, gather, scatter_add
from .promotion import check_broadcast, widened
from .shape import expand, reshape
from .transfer import to

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


class Scatter(Function):
    """x with source[i][j][k] at [index[i][j][k]][j][k] for dim 0; where indices repeat, the last."""

    def forward(self, x: Array, index: Array, source: Array, dim: int) -> Array:
        self.save_for_backward(index)
        self.dim, self.shape = dim, source.shape
        out = x.copy()
        out[_along(index, dim, xp_of(x))] = source[tuple(map(slice, index.shape))]
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        (index,) = self.saved_tensors
        needs_x, _, needs_source = self.needs_input_grad
        zeros = zeros_like(index, dtype=grad.dtype)
        return (
            Scatter.apply(grad, index, zeros, dim=self.dim) if needs_x else None,
            None,
            _enlarged(gather(grad, self.dim, index), self.shape) if needs_source else None,
        )


class ScatterExtreme(Function):
    """The product, largest or smallest of x and the source elements that belong to each place."""

    def forward(self, x: Array, index: Array, source: Array, dim: int, name: str) -> Array:
        xp = xp_of(x)
        out, terms = widened(x.copy()), widened(source[tuple(map(slice, index.shape))])
        combine = getattr(xp, name)
        if device_of(x).type == "cpu":
            combine_at(combine, out, index, dim, terms)
            return out.astype(x.dtype, copy=False)
        # CuPy has no such function for products and int64
        # along dim one by one, as within a slice no place occurs twice
        for i in range(index.shape[dim]):
            part = (slice(None),) * dim + (slice(i, i + 1),)
            places = _along(index[part], dim, xp)
            out[places] = combine(out[places], terms[part])
        return out.astype(x.dtype, copy=False)


def _enlarged(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """x with zeros after its elements, up to a shape."""
    widths = [w for n, m in zip(shape[::-1], x.shape[::-1]) for w in (0, n - m)]
    return x.pad(widths) if any(widths) else x


def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | float | None = None,
    *,
    value: float | None = None,
    reduce: str | None = None,
) -> Tensor:
    """``input`` with ``src[i][j][k]`` written to [index[i][j][k]][j][k] for dim 0, and so on.

    Args:
        input: any shape.
        dim: the dimension that the indices belong to.
        index: int64 of as many dimensions as ``input``; where an index repeats, the last one wins.
        src: a tensor at least as large as ``index``, or a number.
        value: a number, another way to give it.
        reduce: ``"add"`` or ``"multiply"`` to combine instead of to overwrite.

    Raises:
        RuntimeError: for a wrong index, as in :func:`gather`; for a ``src`` of a wrong size or dtype.

    As ``torch.scatter``.
    """
    source: Any = src if value is None else value
    if source is None:
        raise TypeError("scatter expects src or value, got neither")
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"reduce must be 'add' or 'multiply', got {reduce!r}")
    if not isinstance(source, Tensor):
        number = xp_of(input.array).full(
            (), number_in(input.array.dtype, source), input.array.dtype
        )
        source = expand(Tensor.of(number), index.shape)
    if reduce == "add":
        return scatter_add(input, dim, index, source)
    if reduce == "multiply":
        return scatter_reduce(input, dim, index, source, "prod")
    d, target, places, source = _checked("scatter", input, dim, index, source)
    if places.array.size == 0:
        return input.clone()
    return reshape(Scatter.apply(target, places, source, dim=d), input.shape)


def _checked(
    name: str, x: Tensor, dim: int, index: Tensor, source: Tensor
) -> tuple[int, Tensor, Tensor, Tensor]:
    """The dimension, x, index and source, each with at least one dimension, after all checks."""
    d = normalize_dim(x, dim)
    if source.dtype != x.dtype:
        raise RuntimeError(f"{name} expects src of {x.array.dtype}, got {source.array.dtype}")
    target, places, source = _vector(x), _vector(index), _vector(source)
    if index.array.size:
        _check_index(name, target, d, places)
        if source.ndim != places.ndim or any(n > m for n, m in zip(places.shape, source.shape)):
            raise RuntimeError(
                f"{name} expects src to be at least as large as the index {tuple(index.shape)}, "
                f"got {tuple(source.shape)}"
            )
    return d, target, places, source


def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """``input`` reduced with ``src[i][j][k]`` at [index[i][j][k]][j][k] for dim 0, and so on.

    Args:
        input: any shape.
        dim: the dimension that the indices belong to.
        index: int64 of as many dimensions as ``input``.
        src: a tensor at least as large as ``index``.
        reduce: ``"sum"``, ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``.
        include_self: whether the elements of ``input`` take part where something is written.

    Raises:
        RuntimeError: for a wrong index or src, as in :func:`scatter`, and an unknown reduction.

    As ``torch.scatter_reduce``.
    """
    if reduce not in REDUCTIONS:
        raise RuntimeError(f"reduce must be one of {', '.join(REDUCTIONS)}, got {reduce!r}")
    d, target, places, source = _checked("scatter_reduce", input, dim, index, src)
    if places.array.size == 0:
        return input.clone()
    if not include_self:
        target = Scatter.apply(target, places, _neutral(target, places, reduce), dim=d)
    if reduce in ("sum", "mean"):
        out = scatter_add(target, d, places, source)
        out = out if reduce == "sum" else _divided(out, d, places, include_self)
    else:
        names = {"prod": "multiply", "amax": "maximum", "amin": "minimum"}
        combine = ScatterProduct if reduce == "prod" else ScatterExtremum
        out = combine.apply(target, places, source, dim=d, name=names[reduce])
    return reshape(out, input.shape)


def _neutral(x: Tensor, index: Tensor, reduce: str) -> Tensor:
    """What changes nothing in a reduction, in the shape of the index."""
    xp, dtype = xp_of(x.array), x.array.dtype
    if reduce in ("amax", "amin"):
        sign = -1 if reduce == "amax" else 1
        if dtype == bool_:
            number: Any = reduce == "amin"
        elif is_floating(dtype):
            number = sign * np.inf
        else:
            limits = np.iinfo(dtype)
            number = limits.min if sign < 0 else limits.max
    else:
        number = 1 if reduce == "prod" else 0
    return Tensor.of(xp.full(index.shape, number, dtype))


def _divided(total: Tensor, d: int, index: Tensor, include_self: bool) -> Tensor:
    """A sum divided by the number of its terms; integers are rounded down."""
    counts = (ones_like if include_self else zeros_like)(total, dtype=int64)
    counts = scatter_add(counts, d, index, ones_like(index, dtype=int64)).clamp(1)
    if is_floating(total.array.dtype):
        return total / counts.to(total.dtype)
    return to(total.floor_divide(counts), total.dtype)


class ScatterExtremum(ScatterExtreme):
    """The largest or smallest; equal ones share the gradient."""

    def forward(self, x: Array, index: Array, source: Array, dim: int, name: str) -> Array:
        out = super().forward(x, index, source, dim, name)
        self.save_for_backward(x, index, source, out)
        self.dim = dim
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor, None, Tensor]:
        x, index, source, out = self.saved_tensors
        part = source[tuple(map(slice, index.shape))].detach()
        from_x = to(x.detach() == out.detach(), grad.dtype)
        from_source = to(part == gather(out.detach(), self.dim, index), grad.dtype)
        share = grad / scatter_add(from_x, self.dim, index, from_source)
        grad_source = from_source * gather(share, self.dim, index)
        return from_x * share, None, _enlarged(grad_source, source.shape)


class ScatterProduct(ScatterExtreme):
    """The product; its gradient is the product of all other factors."""

    def forward(self, x: Array, index: Array, source: Array, dim: int, name: str) -> Array:
        out = super().forward(x, index, source, dim, name)
        self.save_for_backward(x, index, source)
        self.dim = dim
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor, None, Tensor]:
        x, index, source = self.saved_tensors
        part = source[tuple(map(slice, index.shape))]
        d = self.dim
        # a product without its factors of 0, and how many these are
        zeros = scatter_add(to(x == 0, int64), d, index, to(part == 0, int64))
        x_or_1, part_or_1 = where(x == 0, 1.0, x), where(part == 0, 1.0, part)
        product = ScatterProduct.apply(x_or_1, index, part_or_1, dim=d, name="multiply")
        grad_x = grad * where(zeros == to(x == 0, int64), product / x_or_1, 0.0)
        others = gather(zeros, d, index) == to(part == 0, int64)
        grad_part = where(others, gather(product, d, index) / part_or_1, 0.0)
        grad_part = gather(grad, d, index) * grad_part
        return grad_x, None, _enlarged(grad_part, source.shape)


class IndexAdd(Function):
    """x with the slices of a source added at a key that has one index array, its last part."""

    def forward(self, x: Array, source: Array, key: tuple[Any, ...]) -> Array:
        self.key = key
        out, dim = _addable(x.copy()), len(key) - 1
        if device_of(x).type == "cpu":
            index = key[-1].reshape(-1, *(1 for _ in x.shape[dim + 1 :]))
            combine_at(np.add, out, index, dim, _addable(source))
        else:
            xp_of(x).add.at(out, key, _addable(source))
        return out.astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        return grad, GetItem.apply(grad, index=(self.key,))


def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1
) -> Tensor:
    """``input`` with ``alpha`` times the slices of ``source`` added at a vector of indices.

    Raises:
        RuntimeError: for an index or a source that does not fit.

    As ``torch.index_add``.
    """
    places = _index_of_slices("index_add", input, dim, index, source)
    if not is_floating(input.array.dtype) and isinstance(alpha, float):
        raise RuntimeError(
            f"index_add of {input.array.dtype} expects an integer alpha, got {alpha}"
        )
    source = source if alpha == 1 else to(source * alpha, input.dtype)
    if input.ndim == 0 or source.array.size == 0:
        return scatter_add(input, dim, places, source)
    key = (*(slice(None),) * normalize_dim(input, dim), index.array.reshape(-1))
    return IndexAdd.apply(input, _vector(source), key=key)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """``input`` with the slices of ``source`` written at a vector of indices.

    Raises:
        RuntimeError, IndexError: for an index or a source that does not fit.

    As ``torch.index_copy``.
    """
    if index.dtype != int64:
        raise RuntimeError(f"index_copy expects an index of int64, got {index.array.dtype}")
    places = _index_of_slices("index_copy", input, dim, index, source)
    return scatter(input, dim, places, source)


def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """``input`` reduced with the slices of ``source`` at a vector of indices.

    Args:
        input, dim, index, source: as in :func:`index_add`.
        reduce: ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``.
        include_self: whether the elements of ``input`` take part.

    As ``torch.index_reduce``.
    """
    if reduce == "sum" or reduce not in REDUCTIONS:
        raise RuntimeError(f"reduce must be one of {', '.join(REDUCTIONS[1:])}, got {reduce!r}")
    places = _index_of_slices("index_reduce", input, dim, index, source)
    return scatter_reduce(input, dim, places, source, reduce, include_self=include_self)


def _index_of_slices(name: str, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """The index of a scatter that does the same as a vector of indices of slices.

    Raises:
        RuntimeError: for a wrong dtype, or shapes that do not fit.
        IndexError: for an index that is no vector or out of range.
    """
    d = normalize_dim(x, dim)
    if index.dtype not in (int32, int64):
        raise RuntimeError(f"{name} expects an index of int32 or int64, got {index.array.dtype}")
    if index.ndim > 1:
        raise IndexError(f"{name} expects a vector of indices, got shape {tuple(index.shape)}")
    if source.dtype != x.dtype:
        raise RuntimeError(f"{name} expects a source of {x.array.dtype}, got {source.array.dtype}")
    count, slices = index.array.size, _vector(source).shape
    wanted = (*_vector(x).shape[:d], count, *_vector(x).shape[d + 1 :])
    if slices != wanted:
        raise RuntimeError(f"{name} expects a source of shape {wanted}, got {tuple(source.shape)}")
    on_cpu = index.device.type == "cpu" and count > 0
    if on_cpu and not 0 <= index.array.min() <= index.array.max() < _vector(x).shape[d]:
        raise IndexError(
            f"{name} expects indices in [0, {_vector(x).shape[d] - 1}], got {index.tolist()}"
        )
    along = reshape(index, *(count if k == d else 1 for k in range(len(slices))))
    return reshape(to(expand(along, slices), int64), source.shape)


@on_own_device
def index_fill(input: Tensor, dim: int, index: Tensor, value: Tensor | float) -> Tensor:
    """``input`` with a number in the slices at a vector of indices.

    Raises:
        RuntimeError: for an index of another dtype than int64, or a value with dimensions.
        IndexError: for an index that is no vector, or on the CPU out of range.

    As ``torch.index_fill``.
    """
    d = normalize_dim(input, dim)
    if index.dtype != int64:
        raise IndexError(f"index_fill expects an index of int64, got {index.array.dtype}")
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"index_fill expects a value of no dimensions, got {tuple(value.shape)}")
    if index.ndim > 1:
        raise IndexError(f"index_fill expects a vector of indices, got shape {tuple(index.shape)}")
    length, places = _vector(input).shape[d], index.array
    on_cpu = index.device.type == "cpu" and places.size > 0
    if on_cpu and not -length <= places.min() <= places.max() < length:
        raise IndexError(
            f"index_fill expects indices in [{-length}, {length - 1}], got {index.tolist()}"
        )
    chosen = xp_of(places).zeros(length, bool)
    chosen[places] = True
    shape = [length if k == d else 1 for k in range(input.ndim)]
    return masked_fill(input, Tensor.of(chosen.reshape(shape)), value)


@on_own_device
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """``input`` with the elements of ``source``, one after another, where ``mask`` is true.

    Args:
        input, mask: shapes that broadcast; the mask is bool.
        source: at least as many elements as the mask chooses, in any shape.

    Raises:
        RuntimeError: for a mask or dtypes that do not fit, or too few elements.

    As ``torch.masked_scatter``.
    """
    if mask.dtype != bool_:
        raise RuntimeError(f"masked_scatter expects a bool mask, got {mask.array.dtype}")
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"masked_scatter expects a source of {input.array.dtype}, got {source.array.dtype}"
        )
    xp = xp_of(input.array)
    check_broadcast("masked_scatter", [input, mask])
    shape = np.broadcast_shapes(input.shape, mask.shape)
    input, mask = expand(input, shape), expand(mask, shape)
    places = Tensor.of(xp.flatnonzero(mask.array).astype(int64, copy=False))
    count = places.array.size
    if count > source.array.size:
        raise RuntimeError(
            f"masked_scatter expects a source of at least {count} elements, got {tuple(source.shape)}"
        )
    out = scatter(reshape(input, -1), 0, places, reshape(source, -1)[:count])
    return reshape(out, shape)
