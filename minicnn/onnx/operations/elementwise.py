"""Arithmetic and functions, element by element."""

from __future__ import annotations

import math
from typing import Any

from ...autograd import Function
from ...dtypes import is_floating
from ...ops import bits, blend, division, elementwise, exponential, parts, special, trigonometry
from ...ops.activation import Erf
from ..registry import exporter
from ..step import Name, Step

_SAME: dict[type[Function], str] = {
    elementwise.Abs: "Abs",
    elementwise.Add: "Add",
    elementwise.Cos: "Cos",
    elementwise.Div: "Div",
    elementwise.Exp: "Exp",
    elementwise.Log: "Log",
    elementwise.Mul: "Mul",
    elementwise.Neg: "Neg",
    elementwise.Pow: "Pow",
    elementwise.Reciprocal: "Reciprocal",
    elementwise.Sigmoid: "Sigmoid",
    elementwise.Sign: "Sign",
    elementwise.Sin: "Sin",
    elementwise.Sqrt: "Sqrt",
    elementwise.Sub: "Sub",
    elementwise.Tanh: "Tanh",
    Erf: "Erf",
    trigonometry.Acos: "Acos",
    trigonometry.Acosh: "Acosh",
    trigonometry.Asin: "Asin",
    trigonometry.Asinh: "Asinh",
    trigonometry.Atan: "Atan",
    trigonometry.Atanh: "Atanh",
    trigonometry.Cosh: "Cosh",
    trigonometry.Sinh: "Sinh",
    trigonometry.Tan: "Tan",
}


def _written_as(kind: str) -> Any:
    def write(step: Step, *inputs: Any) -> Name:
        return step.node(kind, *inputs)

    return write


for operation, kind in _SAME.items():
    exporter(operation)(_written_as(kind))


@exporter(elementwise.AddMultiple)
def add_multiple(step: Step, x: Any, y: Any, alpha: float) -> Name:
    return step.node("Add", x, step.node("Mul", y, alpha))


@exporter(blend.AddProduct)
def add_product(step: Step, x: Any, y: Any, z: Any, value: float) -> Name:
    return step.node("Add", x, step.node("Mul", step.node("Mul", y, z), value))


@exporter(blend.AddQuotient)
def add_quotient(step: Step, x: Any, y: Any, z: Any, value: float) -> Name:
    return step.node("Add", x, step.node("Mul", step.node("Div", y, z), value))


@exporter(blend.Lerp)
def lerp(step: Step, start: Any, end: Any, weight: Any) -> Name:
    span = step.node("Sub", end, start)
    return step.node("Add", start, step.node("Mul", weight, span))


@exporter(elementwise._Step)
def rounded(step: Step, x: Any, name: str) -> Name:
    if not is_floating(step.dtype):
        return step.node("Identity", x)
    if name == "trunc":
        return _truncated(step, x)
    return step.node({"floor": "Floor", "ceil": "Ceil", "rint": "Round"}[name], x)


def _truncated(step: Step, x: Any) -> Name:
    return step.node("Mul", step.node("Sign", x), step.node("Floor", step.node("Abs", x)))


@exporter(elementwise.RoundDecimals)
def round_decimals(step: Step, x: Any, decimals: int) -> Name:
    power = 10.0**decimals
    return step.node("Div", step.node("Round", step.node("Mul", x, power)), power)


@exporter(elementwise.Expm1)
def expm1(step: Step, x: Any) -> Name:
    """By tanh, which is exact near 0: e^x - 1 = (e^x + 1) tanh(x / 2); e^x - 1 where that is large."""
    power = step.node("Exp", x)
    near = step.node("Tanh", step.node("Mul", x, 0.5))
    small = step.node("Mul", step.node("Add", power, 1), near)
    is_small = step.node("Less", step.node("Abs", x), 1)
    return step.node("Where", is_small, small, step.node("Sub", power, 1))


@exporter(elementwise.Log1p)
def log1p(step: Step, x: Any) -> Name:
    """log(1 + x), by 2 atanh(x / (2 + x)) near 0, where that is exact."""
    near = step.node("Atanh", step.node("Div", x, step.node("Add", x, 2)))
    is_small = step.node("Less", step.node("Abs", x), 0.5)
    log = step.node("Log", step.node("Add", x, 1))
    return step.node("Where", is_small, step.node("Mul", near, 2), log)


@exporter(elementwise.Rsqrt)
def rsqrt(step: Step, x: Any) -> Name:
    return step.node("Reciprocal", step.node("Sqrt", x))


@exporter(exponential.Exp2)
def exp2(step: Step, x: Any) -> Name:
    return step.node("Pow", step.node("Add", step.node("Mul", x, 0), 2), x)


@exporter(exponential.Log2)
def log2(step: Step, x: Any) -> Name:
    return step.node("Div", step.node("Log", x), math.log(2))


@exporter(exponential.Log10)
def log10(step: Step, x: Any) -> Name:
    return step.node("Div", step.node("Log", x), math.log(10))


@exporter(exponential.LogAddExp)
def log_add_exp(step: Step, x: Any, y: Any, base: float) -> Name:
    """The larger one, plus log(1 + base^-distance)."""
    top, distance = step.node("Max", x, y), step.node("Abs", step.node("Sub", x, y))
    rate = math.log(2) if base == 2 else 1.0
    soft = step.node("Softplus", step.node("Mul", distance, -rate))
    return step.node("Add", top, step.node("Div", soft, rate))


@exporter(exponential.Logit)
def logit(step: Step, x: Any, eps: float | None) -> Name:
    if eps is not None:
        x = step.node("Clip", x, eps, 1 - eps)
    return step.node("Log", step.node("Div", x, step.node("Sub", 1, x)))


@exporter(exponential.XLogY)
def x_log_y(step: Step, x: Any, y: Any, plus_one: bool) -> Name:
    log = step.node("Log", step.node("Add", y, 1) if plus_one else y)
    product = step.node("Mul", x, log)
    known = step.node("Not", step.node("IsNaN", step.cast(y, step.dtype) if plus_one else log))
    is_zero = step.node("And", step.node("Equal", x, 0), known)
    return step.node("Where", is_zero, 0, product)


@exporter(special.Erfc)
def erfc(step: Step, x: Any) -> Name:
    return step.node("Sub", 1, step.node("Erf", x))


@exporter(special.Entr)
def entr(step: Step, x: Any) -> Name:
    inside = step.node("Neg", step.node("Mul", x, step.node("Log", x)))
    outside = step.node("Where", step.node("Equal", x, 0), 0, -math.inf)
    return step.node("Where", step.node("Greater", x, 0), inside, outside)


@exporter(trigonometry.Atan2)
def atan2(step: Step, y: Any, x: Any) -> Name:
    """atan(y / x), half a turn on where x is negative; on the y axis a quarter."""
    angle = step.node("Atan", step.node("Div", y, x))
    turn = step.node("Where", step.node("Less", y, 0), -math.pi, math.pi)
    turned = step.node("Where", step.node("Less", x, 0), step.node("Add", angle, turn), angle)
    at_origin = step.node("And", step.node("Equal", x, 0), step.node("Equal", y, 0))
    return step.node("Where", at_origin, 0, turned)


@exporter(trigonometry.Hypot)
def hypot(step: Step, x: Any, y: Any) -> Name:
    squares = step.node("Add", step.node("Mul", x, x), step.node("Mul", y, y))
    return step.node("Sqrt", squares)


@exporter(trigonometry.Sinc)
def sinc(step: Step, x: Any) -> Name:
    angle = step.node("Mul", x, math.pi)
    ratio = step.node("Div", step.node("Sin", angle), angle)
    return step.node("Where", step.node("Equal", x, 0), 1, ratio)


@exporter(division.DivRounded)
def div_rounded(step: Step, x: Any, y: Any, mode: str) -> Name:
    if is_floating(step.dtype):
        ratio = step.node("Div", x, y)
        return step.node("Floor", ratio) if mode == "floor" else _truncated(step, ratio)
    if mode == "floor":  # Mod has the sign of the divisor
        x = step.node("Sub", x, step.node("Mod", x, y))
    return step.node("Div", x, y)


@exporter(division.Remainder)
def remainder(step: Step, x: Any, y: Any) -> Name:
    if not is_floating(step.dtype):
        return step.node("Mod", x, y)
    rest = step.node("Mod", x, y, fmod=1)
    signs = step.node("Less", step.node("Mul", rest, y), 0)
    return step.node("Where", signs, step.node("Add", rest, y), rest)


@exporter(division.Fmod)
def fmod(step: Step, x: Any, y: Any) -> Name:
    return step.node("Mod", x, y, fmod=1)


@exporter(parts.Frac)
def frac(step: Step, x: Any) -> Name:
    return step.node("Sub", x, _truncated(step, x))


@exporter(parts.Copysign)
def copysign(step: Step, x: Any, y: Any) -> Name:
    size = step.node("Abs", x)
    return step.node("Where", step.node("Less", y, 0), step.node("Neg", size), size)


@exporter(parts._Heaviside)
def heaviside(step: Step, x: Any, values: Any) -> Name:
    above = step.cast(step.node("Greater", x, 0), step.dtype)
    return step.node("Where", step.node("Equal", x, 0), values, above)


@exporter(parts.NanToNum)
def nan_to_num(step: Step, x: Any, nan: float, posinf: float, neginf: float) -> Name:
    out = step.node("Where", step.node("IsNaN", x), nan, x)
    out = step.node("Where", step.node("Equal", x, math.inf), posinf, out)
    return step.node("Where", step.node("Equal", x, -math.inf), neginf, out)


@exporter(parts._Signbit)
def signbit(step: Step, x: Any) -> Name:
    return step.node("Less", x, 0)


@exporter(bits._Shift)
def shifted(step: Step, x: Any, y: Any, left: bool) -> Name:
    return step.node("BitShift", x, y, direction="LEFT" if left else "RIGHT")
