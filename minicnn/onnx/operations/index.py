"""Picking elements by slices, numbers and index tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Value
from ...ops import index
from ..registry import exporter
from ..step import Name, Step
from ..varying import Size, Varying, in_each

_END = np.iinfo(np.int64).max


@exporter(index.GetItem)
def getitem(step: Step, x: Value, index: Any) -> Name | Value:
    """Each part of the index is applied to what the ones before have left."""
    out: Name | Value = x
    shape = step.shape(x)
    for part in index:
        out, shape = _taken(step, out, shape, part)
    return out


@exporter(index.OneHot)
def one_hot(step: Step, classes: Any, *, count: int) -> Name:
    return step.node("OneHot", classes, np.int64(count), step.ints(0, 1), axis=-1)


@exporter(index.Gather)
def gather(step: Step, x: Any, index: Any, dim: int) -> Name:
    return step.node("GatherElements", x, index, axis=dim)


def _taken(
    step: Step, x: Any, shape: tuple[Size, ...], key: tuple[Any, ...]
) -> tuple[Any, tuple[Size, ...]]:
    """x indexed by one of NumPy's indices, and its shape."""
    key = _without_masks(key)
    used = sum(part is not None and part is not Ellipsis for part in key)
    rest = [slice(None)] * (len(shape) - used)
    at = next((i for i, part in enumerate(key) if part is Ellipsis), None)
    key = (*key, *rest) if at is None else (*key[:at], *rest, *key[at + 1 :])
    dims = [part for part in key if part is not None]
    axis = _only_number(dims, key)
    if axis is not None:
        left = (*shape[:axis], *shape[axis + 1 :])
        return step.node("Gather", x, np.int64(dims[axis]), axis=axis), left
    x, sizes = _sliced(step, x, shape, dims)
    if any(map(_is_array, dims)):
        return _picked(step, x, sizes, key)
    numbers = [i for i, part in enumerate(dims) if not isinstance(part, slice)]
    if numbers:
        x = step.node("Squeeze", x, step.ints(*numbers))
    staying = [part for part in key if part is None or isinstance(part, slice)]
    new = [i for i, part in enumerate(staying) if part is None]
    if new:
        x = step.node("Unsqueeze", x, step.ints(*new))
    kept = [size for size, part in zip(sizes, dims, strict=True) if isinstance(part, slice)]
    for i in new:
        kept.insert(i, 1)
    return x, tuple(kept)


def _only_number(dims: list[Any], key: tuple[Any, ...]) -> int | None:
    """The axis of the only number in an index that has nothing else."""
    if any(map(_is_array, dims)) or len(dims) < len(key):
        return None
    axes = [axis for axis, part in enumerate(dims) if part != slice(None)]
    return axes[0] if len(axes) == 1 and isinstance(dims[axes[0]], (int, np.integer)) else None


def _without_masks(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index with the positions of True in the place of each constant mask."""
    parts: list[Any] = []
    for part in key:
        is_mask = isinstance(part, np.ndarray) and part.dtype == bool
        parts += np.nonzero(part) if is_mask else [part]
    return tuple(parts)


def _is_array(part: Any) -> bool:
    first = part.values[0] if isinstance(part, Varying) else part
    return isinstance(first, (Value, np.ndarray))


def _sliced(step: Step, x: Any, shape: tuple[Size, ...], dims: list[Any]) -> tuple[Any, list[Size]]:
    """x after all slices of an index, and with length 1 where it has a number."""
    starts: list[Size] = []
    stops: list[Size] = []
    axes, steps, sizes = [], [], list(shape)
    for axis, part in enumerate(dims):
        if _is_array(part) or (isinstance(part, slice) and part == slice(None)):
            continue
        start, stop, stride = _limits(part)
        lengths = [
            len(range(*slice(a, b, stride).indices(n)))
            for a, b, n in in_each(start, stop, shape[axis])
        ]
        sizes[axis] = lengths[0] if len(set(lengths)) == 1 else Varying(tuple(lengths))
        covers = (start, stride) == (0, 1) and all(b >= n for b, n in in_each(stop, shape[axis]))
        if not isinstance(part, slice) or not covers:
            starts.append(start)
            stops.append(stop)
            axes.append(axis)
            steps.append(stride)
    if not axes:
        return x, sizes
    strides = step.ints(*steps) if any(s != 1 for s in steps) else None
    limits = step.lengths(starts), step.lengths(stops)
    return step.node("Slice", x, *limits, step.ints(*axes), strides), sizes


def _limits(part: Any) -> tuple[Size, Size, int]:
    if isinstance(part, slice):
        start = 0 if part.start is None else part.start
        return start, _END if part.stop is None else part.stop, part.step or 1
    if isinstance(part, Varying):
        return part, Varying(tuple(value + 1 for value in part.values)), 1
    return int(part), _END if part == -1 else int(part) + 1, 1


def _picked(
    step: Step, x: Any, sizes: list[Size], key: tuple[Any, ...]
) -> tuple[Name, tuple[Size, ...]]:
    """x picked by index arrays, in dimensions that NumPy puts in their place, or in front."""
    shape = step.shape(step.operation.outputs[0])
    dims = [part for part in key if part is not None]
    arrays = [i for i, part in enumerate(dims) if _is_array(part)]
    if any(part is None for part in key):
        raise step.unsupported("indexes by arrays and None at once: use unsqueeze")
    if len(arrays) == 1:
        return step.node("Gather", x, dims[arrays[0]], axis=arrays[0]), shape
    others = [i for i in range(len(dims)) if i not in arrays]
    front = x if arrays == list(range(len(arrays))) else None
    front = front or step.node("Transpose", x, perm=[*arrays, *others])
    places, rank = _joined(step, [dims[i] for i in arrays])
    out = step.node("GatherND", front, places)
    in_place = arrays == list(range(arrays[0], arrays[-1] + 1))
    before = arrays[0] if in_place else 0
    if before:
        order = [*range(rank, rank + before), *range(rank), *range(rank + before, len(shape))]
        out = step.node("Transpose", out, perm=order)
    return out, shape


def _joined(step: Step, arrays: list[Any]) -> tuple[Any, int]:
    """Index arrays as one, with an entry for each of them in the last dimension; and their rank."""
    if all(isinstance(array, np.ndarray) for array in arrays):
        places = np.stack(np.broadcast_arrays(*arrays), -1).astype(np.int64)
        return places, places.ndim - 1
    first = [array.values[0] if isinstance(array, Varying) else array for array in arrays]
    rank = max(len(array.shape) for array in first)
    zero: Any = None
    wide = [step.cast(array, np.int64) for array in arrays]
    for array in wide:
        nothing = step.node("Mul", array, np.int64(0))
        zero = nothing if zero is None else step.node("Add", zero, nothing)
    same = [step.node("Add", array, zero) for array in wide]
    parts = [step.node("Unsqueeze", array, step.ints(-1)) for array in same]
    return step.node("Concat", *parts, axis=-1), rank
