"""Shapes, the order of elements, joining, padding, and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Value
from ...ops import diagonal, pad, rearrange, shape, strided, transfer, triangle
from ..registry import exporter
from ..step import Name, Step
from ..varying import Varying, is_same


@exporter(shape.Reshape)
def reshape(step: Step, x: Any, shape: Any) -> Name:
    """A Flatten where all dimensions but the first become one."""
    before, after = step.shape(x), step.shape(step.operation.outputs[0])
    if len(after) == 2 and len(before) > 2 and is_same(before[0], after[0]):
        return step.node("Flatten", x, axis=1)
    return step.reshaped(x, after, before)


@exporter(shape.Permute)
def permute(step: Step, x: Any, dims: tuple[int, ...]) -> Name:
    return step.node("Transpose", x, perm=[dim % len(dims) for dim in dims])


@exporter(shape.Expand)
def expand(step: Step, x: Any, shape: Any) -> Name:
    """Dimensions that stay count as 1, which broadcasts to them."""
    before, after = step.shape(x), step.shape(step.operation.outputs[0])
    padded = (*(1 for _ in range(len(after) - len(before))), *before)
    wanted = [1 if is_same(old, new) else new for old, new in zip(padded, after, strict=True)]
    return step.node("Expand", x, step.lengths(wanted))


@exporter(shape.Cat)
def cat(step: Step, *arrays: Any, dim: int) -> Name:
    return step.node("Concat", *arrays, axis=dim)


@exporter(shape.Flip)
def flip(step: Step, x: Any, dims: tuple[int, ...]) -> Name:
    backwards = (step.ints(*(value for _ in dims)) for value in (-1, np.iinfo(np.int64).min))
    starts, ends = backwards
    return step.node("Slice", x, starts, ends, step.ints(*dims), starts)


@exporter(rearrange.Roll)
def roll(step: Step, x: Any, shifts: tuple[int, ...], dims: tuple[int, ...] | None) -> Name:
    """The end of each dimension, joined with what is before it."""
    out: Any = x if dims else step.node("Reshape", x, step.ints(-1))
    for shift, dim in zip(shifts, dims or (0,), strict=False):
        axis = step.ints(dim)
        if dims and not isinstance(step.shape(x)[dim], Varying):
            cut: Any = step.ints(-(shift % max(x.shape[dim], 1)))
        else:
            size = step.node("Shape", out, start=dim, end=dim + 1)
            cut = step.node("Neg", step.node("Mod", step.ints(shift), size))
        last = step.node("Slice", out, cut, step.ints(np.iinfo(np.int64).max), axis)
        out = step.node("Concat", last, step.node("Slice", out, step.ints(0), cut, axis), axis=dim)
    return Name(out) if dims else step.reshaped(out, step.shape(x))


@exporter(pad.Pad)
def pad_(step: Step, x: Any, widths: Any, value: Any) -> Name:
    before, after = zip(*widths, strict=True)
    return step.node("Pad", x, step.lengths([*before, *after]), value or None, mode="constant")


@exporter(transfer.To)
def to(step: Step, x: Value, device: Any, dtype: Any, memory_format: Any = None) -> Name | Value:
    return x if step.dtype == dtype else step.cast(x, dtype)


@exporter(triangle.Triangle)
def triangle_(step: Step, x: Any, name: str, diagonal: int) -> Name:
    return step.node("Trilu", x, np.int64(diagonal), upper=int(name == "triu"))


@exporter(diagonal.Diagonal)
def diagonal_(step: Step, x: Any, offset: int, dim1: int, dim2: int) -> Name:
    """The matrices as vectors, of which the diagonal's elements are picked."""
    sizes, n = step.shape(x), len(x.shape)
    dim1, dim2 = dim1 % n, dim2 % n
    rest = [dim for dim in range(n) if dim not in (dim1, dim2)]
    rows, columns = sizes[dim1], sizes[dim2]
    if isinstance(rows, Varying) or isinstance(columns, Varying):
        raise step.unsupported("takes the diagonal of matrices of open size")
    last = step.node("Transpose", x, perm=[*rest, dim1, dim2])
    flat = step.reshaped(last, [*(sizes[dim] for dim in rest), rows * columns])
    places = np.diagonal(np.arange(rows * columns).reshape(rows, columns), offset)
    return step.node("Gather", flat, np.ascontiguousarray(places), axis=-1)


@exporter(strided.Unfold)
def windows(writer: Step, x: Any, dim: int, size: int, step: int) -> Name:
    """The windows' elements are gathered, and moved to the end."""
    n = len(x.shape)
    dim %= n
    if isinstance(writer.shape(x)[dim], Varying):
        raise writer.unsupported("takes windows along an axis of open length")
    starts = np.arange(0, x.shape[dim] - size + 1, step)
    picked = writer.node("Gather", x, starts[:, None] + np.arange(size), axis=dim)
    order = [axis for axis in range(n + 1) if axis != dim + 1]
    return writer.node("Transpose", picked, perm=[*order, dim + 1])
