"""Normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import elementwise, instance_norm, norm
from ..registry import exporter
from ..step import Name, Step
from ..varying import Varying


@exporter(norm.FixedBatchNorm)
def fixed_batch_norm(
    step: Step, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, *, eps: float
) -> Name:
    return step.node("BatchNormalization", x, weight, bias, mean, variance, epsilon=eps)


@exporter(norm.ChannelAffine)
def channel_affine(step: Step, x: Any, scale: Any, shift: Any) -> Name:
    return _scaled(step, x, scale, shift, x)


def _by_channel(step: Step, parameter: Any, x: Any) -> Name:
    """A parameter (C,) as (C, 1, ...), which broadcasts to x (N, C, ...)."""
    return step.node("Reshape", parameter, step.ints(-1, *(1 for _ in x.shape[2:])))


@exporter(norm.BatchNorm)
def batch_norm(step: Step, x: Any, weight: Any, bias: Any, *, eps: float) -> Name:
    """By the statistics of the batch, where a layer keeps none."""
    axes = [axis for axis in range(len(x.shape)) if axis != 1]
    return _scaled(step, _standardized(step, x, axes, eps), weight, bias, x)


def _scaled(step: Step, out: Any, weight: Any, bias: Any, x: Any) -> Name:
    """``out``, which has the shape of x, scaled and shifted by channel."""
    weight, bias = (_by_channel(step, v, x) for v in (weight, bias))
    return step.node("Add", step.node("Mul", out, weight), bias)


@exporter(instance_norm.InstanceNorm)
def instance_norm_(step: Step, x: Any, weight: Any, bias: Any, *, eps: float) -> Name:
    return step.node("InstanceNormalization", x, weight, bias, epsilon=eps)


@exporter(norm.Standardize)
def standardize(step: Step, x: Any, *, axes: tuple[int, ...], eps: float) -> Name:
    """The core of layer and group norm, with the scale and shift that may follow."""
    axes = tuple(axis % len(x.shape) for axis in axes)
    if axes == tuple(range(2, len(x.shape))):  # groups of channels
        channels = x.shape[1]
        ones, zeros = np.ones(channels, step.dtype), np.zeros(channels, step.dtype)
        if not isinstance(step.shape(x)[1], Varying) and len(axes) > 1:
            return step.node("InstanceNormalization", x, ones, zeros, epsilon=eps)
    if axes == tuple(range(axes[0], len(x.shape))):
        shape = x.shape[axes[0] :]
        scale = step.next_parameter(elementwise.Mul, shape)
        if scale is not None:
            shift = step.next_parameter(elementwise.Add, shape)
            axis = axes[0] - len(x.shape)
            return step.node("LayerNormalization", x, scale, shift, axis=axis, epsilon=eps)
    return _standardized(step, x, axes, eps)


def _standardized(step: Step, x: Any, axes: Any, eps: float) -> Name:
    over = step.ints(*axes)
    distance = step.node("Sub", x, step.node("ReduceMean", x, over, keepdims=1))
    square = step.node("Mul", distance, distance)
    variance = step.node("ReduceMean", square, over, keepdims=1)
    return step.node("Div", distance, step.node("Sqrt", step.node("Add", variance, eps)))


@exporter(norm.LocalResponseNorm)
def local_response_norm(
    step: Step, x: Any, *, size: int, alpha: float, beta: float, k: float
) -> Name:
    if size % 2:
        return step.node("LRN", x, size=size, alpha=alpha, beta=beta, bias=k)
    # an even window is one longer before the channel than behind it, and in ONNX the other way round
    square = step.node("Unsqueeze", step.node("Mul", x, x), step.ints(1))  # (N, 1, C, H, W)
    mean = step.node(
        "AveragePool",
        square,
        kernel_shape=[size, 1, 1],
        pads=[size // 2, 0, 0, (size - 1) // 2, 0, 0],
        count_include_pad=1,
    )
    scaled = step.node("Mul", step.node("Squeeze", mean, step.ints(1)), alpha)
    return step.node("Div", x, step.node("Pow", step.node("Add", scaled, k), beta))
