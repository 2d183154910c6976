"""Convolution, transposed convolution, and windows as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.geometry import Geometry
from ...ops import conv, unfold
from ..registry import exporter
from ..step import Name, Step
from ..varying import in_each
from ..windows import end_padding


@exporter(conv.Conv2d)
def conv2d(step: Step, x: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Name:
    return step.node(
        "Conv",
        x,
        weight,
        bias,
        kernel_shape=geometry.kernel_size,
        strides=geometry.stride,
        pads=[*geometry.padding, *end_padding(step, geometry)],
        dilations=geometry.dilation,
        group=geometry.groups,
    )


@exporter(conv.Conv2dInputGrad)
def conv_transpose2d(step: Step, x: Any, weight: Any, *, geometry: Geometry) -> Name:
    """The geometry is that of the convolution from the result, of its input size, back to x."""
    extra: list[set[int]] = []
    for axis in (0, 1):
        window = geometry.dilation[axis] * (geometry.kernel_size[axis] - 1) + 1
        stride, padding = geometry.stride[axis], geometry.padding[axis]
        pairs = in_each(geometry.output_size[axis], geometry.input_size[axis])
        extra.append({out - ((n - 1) * stride - 2 * padding + window) for n, out in pairs})
    if any(len(found) > 1 for found in extra):
        raise step.unsupported("has an output size that is not a function of its input's")
    return step.node(
        "ConvTranspose",
        x,
        weight,
        kernel_shape=geometry.kernel_size,
        strides=geometry.stride,
        pads=[*geometry.padding, *geometry.padding],
        dilations=geometry.dilation,
        output_padding=[found.pop() for found in extra],
        group=geometry.groups,
    )


@exporter(unfold.Unfold)
def im2col(step: Step, x: Any, *, geometry: Geometry) -> Name:
    """A convolution by filters with a single 1: (N, C * KH * KW, OH, OW), as columns."""
    C, window = int(x.shape[1]), int(np.prod(geometry.kernel_size))
    filters = np.eye(window, dtype=step.dtype).reshape(window, 1, *geometry.kernel_size)
    pixels = step.node(
        "Conv",
        x,
        np.tile(filters, (C, 1, 1, 1)),
        kernel_shape=geometry.kernel_size,
        strides=geometry.stride,
        pads=[*geometry.padding, *geometry.padding],
        dilations=geometry.dilation,
        group=C,
    )
    return step.node("Reshape", pixels, step.ints(0, C * window, -1))


@exporter(unfold.Fold)
def col2im(step: Step, columns: Any, *, geometry: Geometry) -> Name:
    return step.node(
        "Col2Im",
        columns,
        step.lengths(geometry.input_size),
        step.ints(*geometry.kernel_size),
        strides=geometry.stride,
        pads=[*geometry.padding, *geometry.padding],
        dilations=geometry.dilation,
    )
