"""Writing numbers to a part of a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Value
from ...ops import assign
from ...ops.index import is_basic
from ..registry import exporter
from ..step import Name, Step
from ..varying import Varying


@exporter(assign.IndexPut)
def index_put(step: Step, x: Any, values: Any, *, index: tuple[tuple[Any, ...], ...]) -> Name:
    """A choice between x and the values, which are moved to their places."""
    key = index[0]
    if len(index) == 1 and len(key) == 1 and _is_mask(key[0], x) and _is_single(values):
        return step.node("Where", key[0], values, x)
    if len(index) > 1 or not is_basic(key) or any(part is None for part in key):
        raise step.unsupported("writes to places that index tensors name, or along a new axis")
    parts = _by_axis(key, len(x.shape))
    places = [_places(step, x, axis, part) for axis, part in enumerate(parts)]
    mask = np.ones((1,) * len(parts), bool)
    for axis, chosen in enumerate(places):
        if chosen is not None:
            here = np.isin(np.arange(x.shape[axis]), chosen)
            mask = mask & here.reshape([-1 if a == axis else 1 for a in range(len(parts))])
    placed = values if _is_single(values) else _moved(step, values, parts, places, x.shape)
    if isinstance(values, Value) and values.dtype != x.dtype:
        placed = step.cast(placed, x.dtype)
    return step.node("Where", mask, placed, x)


def _is_mask(part: Any, x: Value) -> bool:
    return getattr(part, "dtype", None) == bool and len(part.shape) == len(x.shape)


def _is_single(values: Any) -> bool:
    return not getattr(values, "shape", ())


def _by_axis(key: tuple[Any, ...], rank: int) -> list[Any]:
    """A number or a slice for each axis."""
    at = key.index(...) if ... in key else len(key)
    before, after = key[:at], key[at + 1 :]
    return [*before, *[slice(None)] * (rank - len(before) - len(after)), *after]


def _places(step: Step, x: Value, axis: int, part: Any) -> np.ndarray | None:
    """The places along an axis that are written to; None for all of it."""
    if part == slice(None):
        return None
    sizes = [step.shape(x)[axis]]
    sizes += [part.start, part.stop] if isinstance(part, slice) else [part]
    if any(isinstance(size, Varying) for size in sizes):
        raise step.unsupported("writes to a part of an axis of open length")
    return np.atleast_1d(np.arange(x.shape[axis])[part])


def _moved(
    step: Step, values: Value, parts: list[Any], places: list[np.ndarray | None], shape: Any
) -> Any:
    """Values that broadcast to x[index], so that they broadcast to x and lie where they belong."""
    kept = [axis for axis, part in enumerate(parts) if isinstance(part, slice)]
    rank = len(values.shape)
    if rank > len(kept):
        raise step.unsupported(f"writes values of shape {values.shape} to a part of fewer axes")
    first = kept[len(kept) - rank]
    out: Any = values
    numbers = [axis - first for axis in range(first, len(parts)) if axis not in kept]
    if numbers:
        out = step.node("Unsqueeze", out, step.ints(*numbers))
    for size, axis in zip(values.shape, kept[len(kept) - rank :], strict=True):
        chosen = places[axis]
        if chosen is not None and size != 1:
            source = np.zeros(shape[axis], np.int64)
            source[chosen] = np.arange(len(chosen))
            out = step.node("Gather", out, source, axis=axis - first)
    return out
