"""Comparisons, logic, and choices."""

from __future__ import annotations

import math
from typing import Any

from ...dtypes import bool_, is_floating
from ...ops import choice, closeness, comparison, extrema
from ..registry import exporter
from ..step import Name, Step

_COMPARISONS = {
    "bitwise_and": "BitwiseAnd", "bitwise_or": "BitwiseOr", "bitwise_xor": "BitwiseXor",
    "equal": "Equal", "greater": "Greater", "greater_equal": "GreaterOrEqual", "less": "Less",
    "less_equal": "LessOrEqual", "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor",
}  # fmt: skip
_OF_BOOLS = {"bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor"}


@exporter(comparison._Compare)
def compare(step: Step, x: Any, y: Any, name: str) -> Name:
    if name == "not_equal":
        return step.node("Not", step.node("Equal", x, y))
    if step.dtype == bool_ and name in _OF_BOOLS:
        return step.node(_OF_BOOLS[name], x, y)
    if name.startswith("logical") and step.dtype != bool_:
        x, y = step.cast(x, bool_), step.cast(y, bool_)
    return step.node(_COMPARISONS[name], x, y)


@exporter(comparison._Test)
def test(step: Step, x: Any, name: str) -> Name:
    if name in ("isnan", "isinf", "isfinite") and not is_floating(step.dtype):
        same = step.node("Equal", x, x)
        return same if name == "isfinite" else step.node("Not", same)
    if name == "isnan":
        return step.node("IsNaN", x)
    if name == "isinf":
        return step.node("Equal", step.node("Abs", x), math.inf)
    if name == "isfinite":
        return step.node("Less", step.node("Abs", x), math.inf)
    if step.dtype == bool_:
        return step.node("Not", x)
    return step.node("BitwiseNot", x) if name == "invert" else step.node("Equal", x, 0)


@exporter(closeness._IsClose)
def is_close(step: Step, x: Any, y: Any, rtol: float, atol: float, equal_nan: bool) -> Name:
    error = step.node("Abs", step.node("Sub", x, y))
    most = step.node("Add", step.node("Mul", step.node("Abs", y), rtol), atol)
    finite = step.node("Less", error, math.inf)
    near = step.node("And", finite, step.node("LessOrEqual", error, most))
    close = step.node("Or", step.node("Equal", x, y), near)
    if not equal_nan:
        return close
    both = step.node("And", step.node("IsNaN", x), step.node("IsNaN", y))
    return step.node("Or", close, both)


@exporter(closeness._Infinite)
def infinite(step: Step, x: Any, limit: float) -> Name:
    if not is_floating(step.dtype):
        return step.node("Not", step.node("Equal", x, x))
    return step.node("Equal", x, limit)


@exporter(choice.Where)
def where(step: Step, condition: Any, x: Any, y: Any) -> Name:
    dtype = step.operation.outputs[0].dtype
    given = (v if isinstance(v, str) else Name(step.name(v, dtype)) for v in (x, y))
    return step.node("Where", condition, *given)


@exporter(choice.Clamp)
def clamp(step: Step, x: Any, low: Any, high: Any) -> Name:
    if all(v is None or isinstance(v, (int, float)) for v in (low, high)):
        return step.node("Clip", x, low, high)
    out = x if low is None else step.node("Max", x, low)
    return out if high is None else step.node("Min", out, high)


@exporter(choice._Extremum)
def extremum(step: Step, x: Any, y: Any, largest: bool) -> Name:
    return step.node("Max" if largest else "Min", x, y)


@exporter(extrema.FExtremum)
def f_extremum(step: Step, x: Any, y: Any, largest: bool) -> Name:
    first = step.node("GreaterOrEqual" if largest else "LessOrEqual", x, y)
    if is_floating(step.dtype):
        first = step.node("Or", first, step.node("IsNaN", y))
    return step.node("Where", first, x, y)
