"""Random calls of functions of single elements, of one tensor, two or three."""

from __future__ import annotations

import operator
from typing import Any

import torch
from hypothesis import strategies as st

from .calls import Call, functional, method, numbers, top_level
from .strategies import DTYPES, broadcastable, shapes, tensors

UNARY = [
    "abs", "neg", "sign", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "reciprocal",
    "square", "sin", "cos", "tanh", "sigmoid", "floor", "ceil", "round", "trunc", "relu",
    "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "erf", "erfc",
    "erfinv", "lgamma", "digamma", "i0", "sinc", "exp2", "log2", "log10", "frac", "logit", "sgn",
    "nan_to_num", "deg2rad", "rad2deg", "positive", "bitwise_not", "signbit", "isposinf",
    "isneginf", "isnan", "isinf", "isfinite", "logical_not",
]  # fmt: skip
FUNCTIONAL = [
    "relu", "elu", "leaky_relu", "gelu", "silu", "hardswish", "sigmoid", "tanh", "softplus",
    "logsigmoid", "relu6", "selu", "celu", "mish", "hardsigmoid", "hardtanh", "softsign",
    "tanhshrink", "hardshrink", "softshrink",
]  # fmt: skip
BINARY = [
    "add", "sub", "mul", "div", "pow", "remainder", "floor_divide", "maximum", "minimum", "eq",
    "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor",
    "fmod", "fmin", "fmax", "atan2", "hypot", "copysign", "xlogy", "logaddexp", "logaddexp2",
    "heaviside", "float_power", "bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm",
]  # fmt: skip


@st.composite
def unary(draw: Any) -> Call:
    name = draw(st.sampled_from([*UNARY, *(f"F.{n}" for n in FUNCTIONAL)]))
    function = functional(name[2:]) if name.startswith("F.") else method(name)
    return name, function, (draw(tensors(draw(shapes()))),), {}


@st.composite
def binary(draw: Any) -> Call:
    name = draw(st.sampled_from(BINARY))
    shape = draw(shapes())
    x = draw(tensors(shape))
    y = draw(st.one_of(tensors(draw(broadcastable(shape))), numbers))
    kwargs = {}
    if name in ("add", "sub") and draw(st.booleans()):
        kwargs["alpha"] = draw(st.sampled_from((2, -3, 0.5)))
    if name == "div":
        kwargs["rounding_mode"] = draw(st.sampled_from((None, "floor", "trunc")))
    return name, method(name), (x, y), kwargs


@st.composite
def operators(draw: Any) -> Call:
    name = draw(
        st.sampled_from(
            ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor"]
        )
    )
    x, y = draw(tensors(draw(shapes(0, 2)))), draw(numbers)
    arguments = (x, y) if draw(st.booleans()) else (y, x)
    return f"operator.{name}", getattr(operator, name), arguments, {}


@st.composite
def choices(draw: Any) -> Call:
    shape = draw(shapes())
    x = draw(tensors(shape))
    name = draw(st.sampled_from(("clamp", "masked_fill", "where", "masked_select")))
    other = st.one_of(tensors(draw(broadcastable(shape))), numbers)
    mask = st.sampled_from(DTYPES[-1:]).flatmap(
        lambda dtype: tensors(draw(broadcastable(shape)), (dtype,))
    )
    if name == "clamp":
        low, high = draw(st.one_of(st.none(), numbers)), draw(numbers)
        return name, method(name), (x, low, high), {}
    if name == "where":
        return name, top_level(name), (draw(mask), x, draw(other)), {}
    if name == "masked_select":
        return name, method(name), (x, draw(mask)), {}
    return name, method(name), (x, draw(mask), draw(numbers)), {}


def in_place_too(name: str) -> bool:
    return hasattr(torch.Tensor, f"{name}_")


@st.composite
def in_place(draw: Any) -> Call:
    """The methods that end in _: dtypes that the result does not fit into, shapes that grow."""
    shape = draw(shapes(0, 3))
    if draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from([n for n in UNARY[: UNARY.index("isnan")] if in_place_too(n)]))
        arguments: tuple[Any, ...] = ()
    else:
        name = draw(st.sampled_from([n for n in BINARY if in_place_too(n)]))
        # a comparison in place never has a gradient here; in torch it has one of zeros
        tracked_too = False if name in ("eq", "ne", "lt", "le", "gt", "ge") else None
        other = tensors(draw(broadcastable(shape)), requires_grad=tracked_too)
        arguments = (draw(st.one_of(other, numbers)),)
    operation = method(f"{name}_")
    tracked = draw(st.booleans())

    def changed(x: Any, *args: Any) -> Any:
        return operation(x * 1 if tracked and x.is_floating_point() else x.clone(), *args)

    return f"{name}_", changed, (draw(tensors(shape)), *arguments), {}
