"""Linear layers, matrix products, and tables of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import distance, embedding, linear
from ..registry import exporter
from ..step import Name, Step


@exporter(linear.Linear)
def linear_(step: Step, x: Any, weight: Any, bias: Any) -> Name:
    return step.node("Gemm", x, weight, bias, transB=1)


@exporter(linear.MatMul)
def matmul(step: Step, x: Any, y: Any) -> Name:
    return step.node("MatMul", x, y)


@exporter(distance.EuclideanDistance)
def euclidean_distance(step: Step, x: Any, y: Any) -> Name:
    """|x|^2 + |y|^2 - 2 x y, and the root."""
    last, order = step.ints(-1), list(range(len(x.shape)))
    rows, columns = (step.node("ReduceSumSquare", v, last, keepdims=1) for v in (x, y))
    order[-2:] = order[:-3:-1]
    products = step.node("MatMul", x, step.node("Transpose", y, perm=order))
    squares = step.node("Add", rows, step.node("Transpose", columns, perm=order))
    square = step.node("Sub", squares, step.node("Mul", products, 2))
    return step.node("Sqrt", step.node("Max", square, 0))


@exporter(embedding.PickRows)
def pick_rows(
    step: Step, table: Any, index: Any, *, padding_idx: int = -1, by_frequency: bool = False
) -> Name:
    return step.node("Gather", table, index, axis=0)


@exporter(embedding.SumRows)
def sum_rows(step: Step, values: Any, index: Any, *, rows: Any) -> Name:
    """Zeros (rows, D), to which the values are added at their rows."""
    shape = [rows, step.shape(values)[1]]
    zeros = step.node("Expand", np.zeros(1, step.dtype), step.lengths(shape))
    places = step.cast(step.node("Unsqueeze", index, step.ints(1)), np.int64)
    return step.node("ScatterND", zeros, places, values, reduction="add")
