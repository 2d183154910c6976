"""Elements and slices by index: take, select, narrow, and functions that put slices back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import int32, int64
from ..tensor import Tensor
from .assign import IndexPut
from .dims import normalize_dim
from .index import PutItem, array_index, gather, getitem, nonzero
from .promotion import require_first
from .shape import expand, reshape


def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements of the flattened ``input`` at the indices, in the shape of ``index``.

    Raises:
        IndexError: for an index out of range.
        RuntimeError: for an index of another dtype than int64.

    As ``torch.take``.
    """
    _check_flat_index("take", input, index)
    return reshape(getitem(reshape(input, -1), reshape(index, -1)), index.shape)


def _check_flat_index(name: str, x: Tensor, index: Tensor) -> None:
    if index.dtype != int64:
        raise RuntimeError(f"{name} expects an index of int64, got {index.array.dtype}")
    count, on_cpu = x.array.size, index.device.type == "cpu"
    if on_cpu and index.array.size and not -count <= index.array.min() <= index.array.max() < count:
        raise IndexError(f"{name} expects indices into {count} elements, got {index.tolist()}")


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """The elements at ``indices`` along ``dim``, such as ``argsort`` returns, broadcast with ``input``.

    Args:
        input: any shape.
        indices: int64, as many dimensions as ``input``, with lengths that broadcast but in ``dim``.
        dim: the dimension; by default both tensors are flattened.

    Raises:
        RuntimeError: for indices of another dtype or number of dimensions.

    As ``torch.take_along_dim``.
    """
    if indices.dtype != int64:
        raise RuntimeError(f"take_along_dim expects indices of int64, got {indices.array.dtype}")
    if dim is None:
        return gather(reshape(input, -1), 0, reshape(indices, -1))
    d = normalize_dim(input, dim)
    if indices.ndim != input.ndim:
        raise RuntimeError(
            f"take_along_dim expects indices of {input.ndim} dimensions, got {tuple(indices.shape)}"
        )
    if input.ndim == 0:
        return gather(input, d, indices)
    shapes = ((*x.shape[:d], 1, *x.shape[d + 1 :]) for x in (input, indices))
    try:
        outside = np.broadcast_shapes(*shapes)
    except ValueError:
        raise RuntimeError(
            f"take_along_dim expects shapes that broadcast but in dimension {d}, "
            f"got {tuple(input.shape)} and {tuple(indices.shape)}"
        ) from None
    sized = ((*outside[:d], x.shape[d], *outside[d + 1 :]) for x in (input, indices))
    source, places = (expand(x, shape) for x, shape in zip((input, indices), sized))
    count = input.shape[d]
    if places.device.type == "cpu" and places.array.size and places.array.min() < 0:
        places = places + (places < 0).to(int64) * count
    return gather(source, d, places)


def argwhere(input: Tensor) -> Tensor:
    """The indices of the elements that are not zero, (count, ndim), as :func:`nonzero`."""
    found = nonzero(input)
    assert isinstance(found, Tensor)
    return found


def index_put(
    input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """``input`` with ``values`` written, or added, at a tuple of index tensors.

    Args:
        input: any shape.
        indices: one index or mask for each dimension; None stands for all of a dimension.
        values: broadcast to the shape of ``input[indices]``.
        accumulate: whether to add; where an index repeats, the values add up.

    Raises:
        IndexError: for an index out of range.
        RuntimeError: for values of another dtype, or that do not broadcast.

    As ``torch.index_put``.
    """
    require_first("index_put", input)
    if values.dtype != input.dtype:
        raise RuntimeError(
            f"index_put expects values of {input.array.dtype}, got {values.array.dtype}"
        )
    key: Any = tuple(slice(None) if i is None else i for i in indices)
    index = array_index(key, input)
    shape = getitem(input.detach(), key).shape
    while values.ndim > len(shape) and values.shape[0] == 1:
        values = reshape(values, values.shape[1:])
    values = expand(values, shape)
    if accumulate:
        return (input + PutItem.apply(values, shape=input.shape, index=index)).to(input.dtype)
    return IndexPut.apply(input.clone(), values, index=index)


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """``input`` with ``source`` written, or added, at indices into its flattened elements.

    Raises:
        IndexError: for an index out of range.
        RuntimeError: for another dtype, or another number of elements than indices.

    As ``torch.Tensor.put``.
    """
    if index.array.size != source.array.size:
        raise RuntimeError(
            f"put expects as many elements as indices, got {tuple(source.shape)} and {tuple(index.shape)}"
        )
    _check_flat_index("put", input, index)
    places, values = reshape(index, -1), reshape(source, -1)
    out = index_put(reshape(input, -1), [places], values, accumulate)
    return reshape(out, input.shape)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The slice at one index of ``dim``, a view.

    Raises:
        IndexError: for an index out of range, or a tensor without dimensions.
    """
    if input.ndim == 0:
        raise IndexError("select expects a tensor with at least one dimension, got shape ()")
    d = normalize_dim(input, dim)
    if not -input.shape[d] <= index < input.shape[d]:
        raise IndexError(f"select expects an index into {input.shape[d]} slices, got {index}")
    return getitem(input, (slice(None),) * d + (index,))


def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """The ``length`` slices along ``dim`` that begin at ``start``, a view.

    Raises:
        RuntimeError: for slices that do not exist, or a tensor without dimensions.
        IndexError: for a start out of range.

    As ``torch.narrow``.
    """
    if input.ndim == 0:
        raise RuntimeError("narrow expects a tensor with at least one dimension, got shape ()")
    if isinstance(start, Tensor):
        if start.ndim or start.dtype not in (int32, int64):
            raise RuntimeError(
                f"narrow expects a start of integers and no dimensions, got {start.array.dtype} "
                f"and shape {tuple(start.shape)}"
            )
        start = int(start.item())
    d = normalize_dim(input, dim)
    total = input.shape[d]
    if not -total <= start <= total:
        raise IndexError(f"narrow expects a start in [{-total}, {total}], got {start}")
    start = start + total if start < 0 else start
    if length < 0 or start + length > total:
        raise RuntimeError(
            f"narrow expects at most {total - start} slices from {start} on, got {length}"
        )
    return getitem(input, (slice(None),) * d + (slice(start, start + length),))


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """``input`` with ``src`` as its slice at one index of ``dim``."""
    d = normalize_dim(input, dim)
    select(input, d, index)
    return _with(input, src, (slice(None),) * d + (index,))


def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """``input`` with ``src`` as its slices ``start:end:step`` along ``dim``."""
    key = (slice(None),) * normalize_dim(input, dim) + (slice(start, end, step),)
    return _with(input, src, key)


def _with(x: Tensor, source: Tensor, key: Any) -> Tensor:
    """x with another tensor at a basic index."""
    index = array_index(key, x)
    shape = getitem(x.detach(), key).shape
    if source.shape != shape:
        raise RuntimeError(f"expected a src of shape {shape}, got {tuple(source.shape)}")
    return IndexPut.apply(x.clone(), source.to(x.dtype), index=index)


def repeat_interleave(
    input: Tensor,
    repeats: Tensor | int | None = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Each element, or each slice along ``dim``, repeated: a, a, b, b.

    Args:
        input: any shape; flattened without ``dim``. As the only argument it is ``repeats``.
        repeats: how often, a number or one for each slice.
        dim: the dimension along which slices are repeated.
        output_size: the sum of the repeats, if known.

    Raises:
        RuntimeError: for negative repeats, or another number of them than slices.

    As ``torch.repeat_interleave``.
    """
    if repeats is None:
        repeats = input
        input = Tensor.of(np.arange(len(repeats))).to(repeats.device)
    if dim is None:
        input, dim = reshape(input, -1), 0
    d = normalize_dim(input, dim)
    if input.ndim == 0:
        input = reshape(input, 1)
    total = input.shape[d]
    if not isinstance(repeats, Tensor):
        counts = np.full(total, repeats)
    elif repeats.dtype not in (int32, int64):
        raise RuntimeError(f"repeat_interleave expects int64 repeats, got {repeats.array.dtype}")
    elif repeats.ndim > 1:
        raise RuntimeError(f"repeat_interleave expects a vector, got shape {tuple(repeats.shape)}")
    else:
        counts = repeats.numpy_copy()
        counts = np.repeat(counts, total) if counts.size == 1 else counts.reshape(-1)
    if len(counts) != total or (counts < 0).any():
        raise RuntimeError(
            f"repeat_interleave expects {total} repeats of at least 0, got {counts.tolist()}"
        )
    if output_size is not None and output_size != counts.sum():
        raise RuntimeError(f"the repeats add up to {counts.sum()}, output_size is {output_size}")
    places = Tensor.of(np.repeat(np.arange(total), counts)).to(input.device)
    return getitem(input, (slice(None),) * d + (places,))
