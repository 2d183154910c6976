"""Pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...graph import Value
from ...kernels.geometry import Geometry, adaptive_windows
from ...ops import adaptive_pool, pool, unpool
from ..registry import exporter
from ..step import Name, Step
from ..varying import Varying, in_each, is_same
from ..windows import end_padding


@exporter(pool.MaxPool2d)
def max_pool2d(
    step: Step, x: Any, *, geometry: Geometry, return_argmax: bool = False
) -> tuple[Name, ...]:
    """With ``return_argmax`` the second output has ONNX's indices, of elements of the whole input."""
    step.model.other_forms.update(step.operation.outputs[1:])
    return step.nodes(
        "MaxPool",
        x,
        outputs=1 + return_argmax,
        kernel_shape=geometry.kernel_size,
        strides=geometry.stride,
        pads=[*geometry.padding, *end_padding(step, geometry)],
        dilations=geometry.dilation,
    )


@exporter(pool.PlaneIndices)
def plane_indices(step: Step, argmax: Any, *, geometry: Geometry) -> Name:
    """From indices of elements of the whole input to those within a plane, H x W."""
    H, W = geometry.input_size
    plane = step.node("Mul", step.lengths([H]), step.lengths([W]))
    return step.node("Mod", argmax, plane)


@exporter(pool.AvgPool2d)
def avg_pool2d(step: Step, x: Any, *, scale: Any, geometry: Geometry) -> Name:
    """ONNX divides by the window's size, or by that without padding; the rest is a factor."""
    if _is_global(geometry) and _is_mean(scale, geometry):
        return step.node("GlobalAveragePool", x)
    pads = [*geometry.padding, *end_padding(step, geometry)]
    options: dict[str, Any] = {
        "kernel_shape": geometry.kernel_size, "strides": geometry.stride, "pads": pads,
    }  # fmt: skip
    if _is_mean(scale, geometry):
        return step.node("AveragePool", x, **options, count_include_pad=int(any(pads)))
    if isinstance(scale, Varying):
        raise step.unsupported("divides by other numbers for other input sizes")
    if np.allclose(1 / scale, _pixels(geometry), atol=1e-3):
        return step.node("AveragePool", x, **options, count_include_pad=0)
    sums = step.node("AveragePool", x, **options, count_include_pad=1)
    factor = scale * math.prod(geometry.kernel_size)
    factor = factor.flat[0] if (factor == factor.flat[0]).all() else factor
    return step.node("Mul", sums, np.asarray(factor, step.dtype))


def _is_global(geometry: Geometry) -> bool:
    """Whether one window is the whole input, whatever its size is."""
    pairs = zip(geometry.kernel_size, geometry.input_size, strict=True)
    same = all(is_same(k, n) for k, n in pairs)
    return same and geometry.output_size == (1, 1) and not any(geometry.padding)


def _is_mean(scale: Any, geometry: Geometry) -> bool:
    """Whether the sums are divided by the window's size."""
    return all(np.allclose(s * kh * kw, 1) for s, kh, kw in in_each(scale, *geometry.kernel_size))


def _pixels(geometry: Geometry) -> np.ndarray:
    """How many pixels of the input each window has."""
    lengths = []
    for axis in (0, 1):
        begin = (
            np.arange(geometry.output_size[axis]) * geometry.stride[axis] - geometry.padding[axis]
        )
        end = np.minimum(begin + geometry.kernel_size[axis], geometry.input_size[axis])
        lengths.append(end - np.maximum(begin, 0))
    return np.outer(*lengths)


@exporter(adaptive_pool.AdaptiveAvgPool2d)
def adaptive_avg_pool2d(step: Step, x: Any, *, output_size: Any) -> Name:
    """Windows of several sizes: products with matrices of means, for rows and columns."""
    out, sizes = x, step.shape(x)[2:]
    if output_size == (1, 1):
        return step.node("GlobalAveragePool", x)
    rows, columns = (_means(step, n, want) for n, want in zip(sizes, output_size, strict=True))
    out = step.node("MatMul", rows, out)
    return step.node("MatMul", out, columns.T.copy())


def _means(step: Step, size: Any, output_size: Any) -> np.ndarray:
    """The matrix (output_size, size) of the means of adaptive windows."""
    means = np.zeros((output_size, _fixed(step, size)), step.dtype)
    for i, (begin, end) in enumerate(adaptive_windows(size, output_size)):
        means[i, begin:end] = 1 / (end - begin)
    return means


@exporter(adaptive_pool.AdaptiveMaxPool2d)
def adaptive_max_pool2d(step: Step, x: Value, *, output_size: Any) -> Name:
    """The largest of each window of rows, and then of each window of columns."""
    if output_size == (1, 1) and not step.is_used(1):
        return step.node("GlobalMaxPool", x)
    if step.is_used(1):
        raise step.unsupported(
            "returns the indices of maxima, which ONNX has for equal windows only"
        )
    out: Any = x
    sizes = step.shape(x)[2:]
    for axis, (size, want) in enumerate(zip(sizes, output_size, strict=True), start=2):
        parts = []
        for begin, end in adaptive_windows(_fixed(step, size), want):
            limits = (step.ints(begin), step.ints(end), step.ints(axis))
            part = step.node("Slice", out, *limits)
            parts.append(step.node("ReduceMax", part, step.ints(axis), keepdims=1))
        out = step.node("Concat", *parts, axis=axis)
    return Name(out)


def _fixed(step: Step, size: Any) -> int:
    if isinstance(size, Varying):
        raise step.unsupported("has windows of other sizes for other input sizes")
    return int(size)


@exporter(unpool.MaxUnpool2d)
def max_unpool2d(step: Step, x: Any, indices: Any, *, output_size: Any) -> Name:
    """Zeros (N, C, H * W), with the values written at their indices."""
    N, C, *_ = step.shape(x)
    pixels = math.prod(_fixed(step, n) for n in output_size)
    zeros = step.node("Expand", np.zeros(1, step.dtype), step.lengths([N, C, pixels]))
    planes = [step.node("Reshape", v, step.ints(0, 0, -1)) for v in (indices, x)]
    out = step.node("ScatterElements", zeros, *planes, axis=2)
    return step.node("Reshape", out, step.ints(0, 0, *output_size))
