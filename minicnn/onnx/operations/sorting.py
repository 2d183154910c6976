"""Sorting, and selecting by rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import quantile, sort
from ..registry import exporter
from ..step import Name, Step
from ..varying import Varying


@exporter(sort.Choose)
def choose(step: Step, x: Any, *, name: str, dim: int, **options: Any) -> Name:
    """The indices that TopK gives, of all elements for a sort."""
    size = step.shape(x)[dim]
    if name == "sort":
        return _top(step, x, size, dim, options["descending"])
    if name == "topk":
        return _top(step, x, options["k"], dim, options["largest"])
    if name not in ("kthvalue", "median") or isinstance(size, Varying):
        raise step.unsupported(f"computes {name}, which ONNX has nothing for")
    rank = options["k"] if name == "kthvalue" else (size - 1) // 2
    smallest = _top(step, x, rank + 1, dim, False)
    return step.node("Slice", smallest, step.ints(rank), step.ints(rank + 1), step.ints(dim))


@exporter(quantile._Order)
def order(step: Step, x: Any) -> Name:
    return _top(step, x, step.shape(x)[-1], -1, False)


def _top(step: Step, x: Any, count: Any, dim: int, largest: bool) -> Name:
    if step.dtype == np.bool_:
        x = step.cast(x, np.int32)
    options = {"axis": dim, "largest": int(largest), "sorted": 1}
    return step.nodes("TopK", x, step.lengths([count]), outputs=2, **options)[1]
