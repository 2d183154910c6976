"""Activations."""

from __future__ import annotations

import math
from typing import Any

from ...ops import activation, elu, leaky, piecewise
from ..registry import exporter
from ..step import Name, Step


@exporter(activation.ReLU)
def relu(step: Step, x: Any, *, inplace: bool = False) -> Name:
    return step.node("Relu", x)


@exporter(activation.Softplus)
def softplus(step: Step, x: Any, *, beta: float, threshold: float) -> Name:
    scaled = step.node("Mul", x, beta) if beta != 1 else x
    soft = step.node("Softplus", scaled)
    soft = step.node("Div", soft, beta) if beta != 1 else soft
    return step.node("Where", step.node("Greater", scaled, threshold), x, soft)


@exporter(activation.LogSigmoid)
def log_sigmoid(step: Step, x: Any) -> Name:
    return step.node("Neg", step.node("Softplus", step.node("Neg", x)))


@exporter(activation.GELU)
def gelu(step: Step, x: Any) -> Name:
    twice = step.node("Add", step.node("Erf", step.node("Mul", x, math.sqrt(0.5))), 1)
    return step.node("Mul", step.node("Mul", x, 0.5), twice)


@exporter(activation.GELUTanh)
def gelu_tanh(step: Step, x: Any) -> Name:
    scale, cubic = activation.GELUTanh.scale, activation.GELUTanh.cubic
    cube = step.node("Mul", step.node("Mul", x, x), x)
    inner = step.node("Mul", step.node("Add", x, step.node("Mul", cube, cubic)), scale)
    twice = step.node("Add", step.node("Tanh", inner), 1)
    return step.node("Mul", step.node("Mul", x, 0.5), twice)


@exporter(activation.SiLU)
def silu(step: Step, x: Any) -> Name:
    return step.node("Mul", x, step.node("Sigmoid", x))


@exporter(activation.Mish)
def mish(step: Step, x: Any) -> Name:
    return step.node("Mul", x, step.node("Tanh", step.node("Softplus", x)))


@exporter(elu.ELU)
def elu_(
    step: Step,
    x: Any,
    *,
    alpha: float,
    scale: float = 1.0,
    rate: float = 1.0,
    inplace: bool = False,
) -> Name:
    """ONNX's Selu, Celu or Elu: scale * x above 0, else scale * alpha * (exp(rate * x) - 1)."""
    if rate == 1:
        return (
            step.node("Elu", x, alpha=alpha)
            if scale == 1
            else step.node("Selu", x, alpha=alpha, gamma=scale)
        )
    below = step.node("Elu", step.node("Mul", x, rate), alpha=alpha)
    above = step.node("Greater", x, 0)
    out = step.node("Where", above, x, below)
    return out if scale == 1 else step.node("Mul", out, scale)


@exporter(leaky.LeakyReLU)
def leaky_relu(step: Step, x: Any, *, negative_slope: float, inplace: bool = False) -> Name:
    return step.node("LeakyRelu", x, alpha=negative_slope)


@exporter(leaky.PReLU)
def prelu(step: Step, x: Any, weight: Any) -> Name:
    return step.node("PRelu", x, weight)


@exporter(piecewise.Hardtanh)
def hardtanh(step: Step, x: Any, *, low: float, high: float, inplace: bool = False) -> Name:
    return step.node("Clip", x, low, high)


@exporter(piecewise.Hardsigmoid)
def hardsigmoid(step: Step, x: Any) -> Name:
    return step.node("HardSigmoid", x, alpha=1 / 6, beta=0.5)


@exporter(piecewise.Hardswish)
def hardswish(step: Step, x: Any) -> Name:
    return step.node("HardSwish", x)


@exporter(piecewise.Hardshrink)
def hardshrink(step: Step, x: Any, *, lambd: float) -> Name:
    inside = step.node("LessOrEqual", step.node("Abs", x), lambd)
    return step.node("Where", inside, 0, x)


@exporter(piecewise.Softshrink)
def softshrink(step: Step, x: Any, *, lambd: float) -> Name:
    return step.node("Sub", x, step.node("Clip", x, -lambd, lambd))


@exporter(piecewise.Threshold)
def threshold_(step: Step, x: Any, *, threshold: float, value: float) -> Name:
    return step.node("Where", step.node("LessOrEqual", x, threshold), value, x)
