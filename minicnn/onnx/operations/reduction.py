"""Sums, means, extrema and other numbers of many elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...dtypes import bool_
from ...ops import bias, cumulative, reduce, softmax
from ..registry import exporter
from ..step import Name, Step
from ..varying import Varying


@exporter(reduce.Sum)
def sum_(step: Step, x: Any, dims: Any, keepdim: bool, dtype: Any) -> Name:
    if step.dtype != dtype:
        x = step.cast(x, dtype)
    return step.node(
        "ReduceSum", x, step.ints(*dims), keepdims=int(keepdim), noop_with_empty_axes=1
    )


@exporter(bias.ChannelSum)
def channel_sum(step: Step, x: Any) -> Name:
    axes = (axis for axis in range(len(x.shape)) if axis != 1)
    return step.node("ReduceSum", x, step.ints(*axes), keepdims=0)


@exporter(reduce.Prod)
def prod(step: Step, x: Any, dim: int | None, keepdim: bool, dtype: Any) -> Name:
    if step.dtype != dtype:
        x = step.cast(x, dtype)
    axes = None if dim is None else step.ints(dim)
    return step.node("ReduceProd", x, axes, keepdims=int(keepdim))


@exporter(reduce.Amax)
def amax(step: Step, x: Any, dims: Any, keepdim: bool, largest: bool, of_all: bool = False) -> Name:
    kind = "ReduceMax" if largest else "ReduceMin"
    if step.dtype == bool_:
        return truth(step, x, dims, keepdim, "any" if largest else "all")
    return step.node(kind, x, step.ints(*dims), keepdims=int(keepdim), noop_with_empty_axes=1)


@exporter(reduce._Truth)
def truth(step: Step, x: Any, dims: Any, keepdim: bool, name: str) -> Name:
    """The largest or smallest of zeros and ones."""
    ones = step.cast(x if step.dtype == bool_ else step.cast(x, bool_), np.int32)
    kind, options = {"any": "ReduceMax", "all": "ReduceMin"}[name], {"noop_with_empty_axes": 1}
    out = step.node(kind, ones, step.ints(*dims), keepdims=int(keepdim), **options)
    return step.cast(out, step.operation.outputs[0].dtype)


@exporter(reduce.MaxAlong)
def max_along(step: Step, x: Any, dim: int, largest: bool) -> tuple[Name, Name]:
    arg = step.node("ArgMax" if largest else "ArgMin", x, axis=dim, keepdims=1)
    extreme = "ReduceMax" if largest else "ReduceMin"
    return step.node(extreme, x, step.ints(dim), keepdims=1), arg


@exporter(reduce._ArgExtremum)
def arg_extremum(step: Step, x: Any, dim: int | None, keepdim: bool, name: str) -> Name:
    kind = "ArgMax" if name == "argmax" else "ArgMin"
    if step.dtype == bool_:
        x = step.cast(x, np.int32)
    if dim is not None:
        return step.node(kind, x, axis=dim, keepdims=int(keepdim))
    flat = step.node("Reshape", x, step.ints(-1))
    found = step.node(kind, flat, axis=0, keepdims=0)
    return step.node("Reshape", found, step.ints(*(1 for _ in x.shape))) if keepdim else found


@exporter(reduce.LogSumExp)
def log_sum_exp(step: Step, x: Any, dims: Any, keepdim: bool) -> Name:
    return step.node("ReduceLogSumExp", x, step.ints(*dims), keepdims=int(keepdim))


@exporter(reduce.Norm)
def norm(step: Step, x: Any, p: float, dims: Any, keepdim: bool) -> Name:
    axes, options = step.ints(*dims), {"keepdims": int(keepdim)}
    if p in (1, 2):
        return step.node(f"ReduceL{int(p)}", x, axes, **options)
    size = step.node("Abs", x)
    if math.isinf(p):
        return step.node("ReduceMax" if p > 0 else "ReduceMin", size, axes, **options)
    if p == 0:
        return step.node("ReduceSum", step.node("Sign", size), axes, **options)
    total = step.node("ReduceSum", step.node("Pow", size, p), axes, **options)
    return step.node("Pow", total, 1 / p)


@exporter(reduce.Var)
def var(
    step: Step, x: Any, dims: Any, keepdim: bool, correction: float, root: bool, of_all: bool
) -> Name:
    """The sum of squared distances from the mean, divided by their number less the correction."""
    axes = step.ints(*dims)
    distance = step.node("Sub", x, step.node("ReduceMean", x, axes, keepdims=1))
    total = step.node("ReduceSumSquare", distance, axes, keepdims=int(keepdim))
    out = step.node("Div", total, _freedom(step, x, dims, correction))
    return step.node("Sqrt", out) if root else out


def _freedom(step: Step, x: Any, dims: Any, correction: float) -> Any:
    """How many elements there are, less the correction."""
    sizes = [step.shape(x)[dim] for dim in dims]
    if not any(isinstance(size, Varying) for size in sizes):
        return max(math.prod(size for size in sizes if isinstance(size, int)) - correction, 0)
    count = step.node("ReduceProd", step.lengths(sizes), keepdims=0)
    return step.node("Sub", step.cast(count, step.dtype), correction)


@exporter(reduce.Cumsum)
def cumsum(step: Step, x: Any, dim: int, dtype: Any) -> Name:
    if step.dtype != dtype:
        x = step.cast(x, dtype)
    return step.node("CumSum", x, np.int64(dim))


@exporter(cumulative.LogCumsumExp)
def log_cumsum_exp(step: Step, x: Any, dim: int) -> Name:
    top = step.node("ReduceMax", x, step.ints(dim), keepdims=1)
    powers = step.node("Exp", step.node("Sub", x, top))
    return step.node("Add", step.node("Log", step.node("CumSum", powers, np.int64(dim))), top)


@exporter(softmax.Softmax)
def softmax_(step: Step, x: Any, *, dim: int) -> Name:
    return step.node("Softmax", x, axis=dim)


@exporter(softmax.LogSoftmax)
def log_softmax(step: Step, x: Any, *, dim: int) -> Name:
    return step.node("LogSoftmax", x, axis=dim)
