"""Resizing, padding with copies of the border, and reading at given points."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ...graph import Value
from ...ops import resample, resize
from ...ops.resample import Axis
from ..composite import GridSample
from ..registry import exporter
from ..step import Name, Step
from ..varying import Varying, in_each


@exporter(resize.ResizeNearest)
def resize_nearest(step: Step, x: Any, *, output_size: Any, scale: Any) -> Name:
    """Output pixel i is input pixel floor(i * scale)."""
    options = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return _resized(step, x, output_size, scale, mode="nearest", **options)


@exporter(resize.ResizeBilinear)
def resize_bilinear(
    step: Step, x: Any, *, output_size: Any, scale: Any, align_corners: bool
) -> Name:
    places = "align_corners" if align_corners else "half_pixel"
    return _resized(
        step,
        x,
        output_size,
        None if align_corners else scale,
        mode="linear",
        coordinate_transformation_mode=places,
    )


def _resized(step: Step, x: Any, output_size: Any, scale: Any, **options: Any) -> Name:
    """By sizes if the scale follows from them, else by ONNX's scales, which are the inverse."""
    by_sizes = scale is None or all(
        abs(scale_ - n / want) < 1e-9
        for n, want, scale_ in zip(x.shape[2:], _first(output_size), _first(scale), strict=True)
    )
    if by_sizes:
        sizes = step.lengths([*step.shape(x)[:2], *output_size])
        return step.node("Resize", x, None, None, sizes, **options)
    if any(isinstance(v, Varying) for v in scale):
        raise step.unsupported("resizes by other scales for other input sizes")
    scales = np.array([1, 1, *(1 / v for v in scale)], np.float32)
    return step.node("Resize", x, None, scales, **options)


def _first(sizes: Any) -> list[Any]:
    return [size.values[0] if isinstance(size, Varying) else size for size in sizes]


@exporter(resample.Resample)
def resample_(step: Step, x: Value, *, axes: tuple[Axis, ...]) -> Name | Value:
    """Along each axis a Gather, or a product with the matrix of weights."""
    out: Name | Value = x
    first = len(x.shape) - len(axes)
    padded = _border(step, x, axes)
    if padded is not None:
        return padded
    for dim in reversed(range(len(axes))):
        axis = axes[dim]
        if any(isinstance(v, Varying) for v in (axis.inputs, axis.outputs, axis.input_size)):
            raise step.unsupported("weights other pixels for other input sizes")
        if axis.weights is None and np.array_equal(axis.outputs, np.arange(axis.output_size)):
            out = step.node("Gather", out, axis.inputs.astype(np.int64), axis=first + dim)
        elif step.dtype.kind != "f":
            raise step.unsupported(f"rounds {step.dtype} in a way of its own: convert it before")
        else:
            out = _weighted(step, out, axis, first + dim, len(x.shape))
    return out


def _weighted(step: Step, x: Any, axis: Axis, dim: int, rank: int) -> Name:
    """A product with the matrix that has the weights of an axis."""
    matrix = np.zeros((axis.input_size, axis.output_size), step.dtype)
    weights = 1 if axis.weights is None else axis.weights
    np.add.at(matrix, (axis.inputs, axis.outputs), weights)
    if dim == rank - 1:
        return step.node("MatMul", x, matrix)
    if dim == rank - 2:
        return step.node("MatMul", matrix.T.copy(), x)
    order = list(range(rank))
    order[dim], order[-1] = order[-1], order[dim]
    last = step.node("MatMul", step.node("Transpose", x, perm=order), matrix)
    return step.node("Transpose", last, perm=order)


def _border(step: Step, x: Any, axes: tuple[Axis, ...]) -> Name | None:
    """A Pad, where the axes copy the elements at the border, or mirror them there."""
    modes: tuple[Literal["reflect", "edge"], ...] = ("reflect", "edge")
    for mode in modes:
        widths = [_widths(axis, mode) for axis in axes]
        if all(width is not None for width in widths):
            before, after = zip(*(w for w in widths if w is not None), strict=True)
            zeros = [0] * (len(x.shape) - len(axes))
            return step.node("Pad", x, step.ints(*zeros, *before, *zeros, *after), mode=mode)
    return None


def _widths(axis: Axis, mode: Literal["reflect", "edge"]) -> tuple[int, int] | None:
    """How many elements are added before and behind, if it is done in this mode."""
    found = set()
    for places, order, n in in_each(axis.inputs, axis.outputs, axis.input_size):
        if axis.weights is not None or not np.array_equal(order, np.arange(len(order))):
            return None
        middle = np.flatnonzero((places[:-1] == 0) & (places[1:] == 1))
        before = int(middle[-1 if mode == "edge" else 0]) if len(middle) else 0
        after = len(places) - n - before
        if after < 0 or (mode == "reflect" and max(before, after) >= n):
            return None
        line = np.pad(np.arange(n), (before, after), mode=mode)
        if not np.array_equal(line, places):
            return None
        found.add((before, after))
    return found.pop() if len(found) == 1 else None


@exporter(GridSample)
def grid_sample(
    step: Step, images: Any, points: Any, *, mode: str, padding_mode: str, align_corners: bool
) -> Name:
    modes = {"bilinear": "linear", "nearest": "nearest", "bicubic": "cubic"}
    if step.model.opset_version < 20:
        modes |= {"bilinear": "bilinear", "bicubic": "bicubic"}
    return step.node(
        "GridSample",
        images,
        points,
        mode=modes[mode],
        padding_mode=padding_mode,
        align_corners=int(align_corners),
    )
