"""Writing elements by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import index, scatter
from ..registry import exporter
from ..step import Name, Step
from ..varying import is_same


@exporter(index.ScatterAdd)
def scatter_add(step: Step, x: Any, index: Any, source: Any, dim: int) -> Name:
    return _scattered(step, x, index, source, dim, "add")


@exporter(scatter.Scatter)
def scatter_(step: Step, x: Any, index: Any, source: Any, dim: int) -> Name:
    return _scattered(step, x, index, source, dim, "none")


@exporter(scatter.ScatterExtreme, scatter.ScatterExtremum, scatter.ScatterProduct)
def scatter_extreme(step: Step, x: Any, index: Any, source: Any, dim: int, name: str) -> Name:
    kinds = {"multiply": "mul", "maximum": "max", "minimum": "min"}
    return _scattered(step, x, index, source, dim, kinds[name])


def _scattered(step: Step, x: Any, index: Any, source: Any, dim: int, reduction: str) -> Name:
    """``source`` may be larger than the index, which then takes its beginning."""
    shapes = step.shape(index), step.shape(source)
    if not all(map(is_same, *shapes)):
        starts, axes = (step.ints(*v) for v in ([0] * len(shapes[0]), range(len(shapes[0]))))
        source = step.node("Slice", source, starts, step.lengths(shapes[0]), axes)
    return step.node("ScatterElements", x, index, source, axis=dim, reduction=reduction)


@exporter(scatter.IndexAdd)
def index_add(step: Step, x: Any, source: Any, key: Any) -> Name:
    """The vector of indices is repeated for all elements of the slices."""
    dim, rank = len(key) - 1, len(source.shape)
    column = step.node("Reshape", key[-1], step.ints(*(-1 if d == dim else 1 for d in range(rank))))
    places = step.node("Expand", step.cast(column, np.int64), step.lengths(step.shape(source)))
    return step.node("ScatterElements", x, places, source, axis=dim, reduction="add")
