"""Padding: constants, or copies of the elements near the border."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Function
from ..devices import memory_order, xp_of
from ..dtypes import number_in
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .resample import Axis, Resample

Widths = tuple[tuple[int, int], ...]  # (before, after) for each dimension

_COPYING = ("reflect", "replicate", "circular")


class Pad(Function):
    """x with ``value`` around it, in the memory order of x."""

    def forward(self, x: Array, widths: Widths, value: Any) -> Array:
        self.inner = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape))
        order = memory_order(x)
        dense = x.transpose(order)
        padded = xp_of(x).pad(dense, [widths[dim] for dim in order], constant_values=value)
        return padded.transpose([order.index(dim) for dim in range(x.ndim)])

    def backward(self, grad: Tensor) -> Tensor:
        return grad[self.inner]


@takes_tensors
def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: builtins.float | None = None
) -> Tensor:
    """Adds elements around ``input``, or crops it where a width is negative.

    Args:
        input: any shape for constants; for the other modes the padded dimensions are the last ones,
            after channels and, if there is one, a batch dimension.
        pad: how many elements, (left, right, top, bottom, …), last dimension first.
        mode: ``"constant"``; ``"reflect"`` mirrors at the first and last element, ``"replicate"``
            repeats them, and ``"circular"`` goes on at the other end.
        value: the constant, 0 when left out.

    Returns:
        input with each dimension longer by its two widths.

    Raises:
        NotImplementedError: for another mode, or dimensions that it does not pad.
        RuntimeError: for a wrong number of widths, for widths that a mode does not allow, or a
            value that the dtype cannot hold.

    As ``torch.nn.functional.pad``. A dimension that is cropped at one side goes round at the other
    by at most what is left. (PyTorch then reads memory that nobody has written.)
    """
    widths = _widths(input, pad)
    if mode in _COPYING:
        return _copy_border(input, widths, len(pad) // 2, mode, value)
    if mode != "constant":
        raise NotImplementedError(f"pad: mode must be 'constant' or {_COPYING}, got {mode!r}")
    fill = number_in(input.array.dtype, float(value or 0))
    if any(w < 0 for each in widths for w in each):
        kept = [_kept(n, *each) for n, each in zip(input.shape, widths)]
        if any(first > last for first, last in kept):
            raise RuntimeError(f"pad cannot crop {tuple(input.shape)} by {tuple(pad)}")
        input = input[tuple(slice(*each) for each in kept)]
        widths = tuple((max(a, 0), max(b, 0)) for a, b in widths)
    return Pad.apply(input, widths=widths, value=fill)


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """:func:`pad` with a constant, as ``torch.constant_pad_nd``."""
    return _pad(input, pad, value=value)


_pad = pad  # whose name is also that of an argument


def _widths(x: Tensor, pad: Sequence[int]) -> Widths:
    """(before, after) for each dimension of x."""
    if not isinstance(pad, (tuple, list)) or not all(hasattr(w, "__index__") for w in pad):
        raise TypeError(f"pad expects a tuple of integers, got {pad!r}")
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise RuntimeError(
            f"pad expects two widths a dimension of {tuple(x.shape)}, got {tuple(pad)}"
        )
    widths = [(0, 0)] * x.ndim
    for i in range(len(pad) // 2):
        widths[x.ndim - 1 - i] = (pad[2 * i].__index__(), pad[2 * i + 1].__index__())
    if any(n + before + after < 0 for n, (before, after) in zip(x.shape, widths)):
        raise RuntimeError(f"pad cannot crop {tuple(x.shape)} by {tuple(pad)}")
    return tuple(widths)


def _kept(size: int, before: int, after: int) -> tuple[int, int]:
    """Where what negative widths leave of a dimension starts and stops."""
    return max(-before, 0), size - max(-after, 0)


def _copy_border(x: Tensor, widths: Widths, count: int, mode: str, value: float | None) -> Tensor:
    """x padded along its last ``count`` dimensions with copies of its elements."""
    if value:
        raise RuntimeError(f"pad takes no value with mode={mode!r}, got {value}")
    if not 1 <= count <= 3 or x.ndim - count not in (1, 2):
        raise NotImplementedError(
            f"pad with mode={mode!r} pads the last 1, 2 or 3 dimensions after channels and an "
            f"optional batch dimension, got widths of {count} dimensions for shape {tuple(x.shape)}"
        )
    if mode != "circular" and 0 in x.shape[x.ndim - count - 1 :]:
        raise RuntimeError(
            f"pad with mode={mode!r} expects elements to copy, got shape {tuple(x.shape)}"
        )
    axes = [_border_axis(n, *each, mode) for n, each in zip(x.shape[-count:], widths[-count:])]
    if mode != "circular" and not any(axis.output_size for axis in axes):
        raise RuntimeError(f"pad with mode={mode!r} would leave nothing of shape {tuple(x.shape)}")
    return Resample.apply(x, axes=tuple(axes))


def _border_axis(size: int, before: int, after: int, mode: str) -> Axis:
    """From which element each element of the padded dimension is copied."""
    i, (first, last) = np.arange(-before, size + after), _kept(size, before, after)
    most = {"reflect": size - 1, "replicate": math.inf, "circular": last - first}[mode]
    if max(before, after) > most or most < 0:
        raise RuntimeError(
            f"pad with mode={mode!r} adds at most {most} copies to a side of {size} elements, "
            f"got widths {(before, after)}"
        )
    if mode == "reflect":
        inputs = size - 1 - abs(size - 1 - abs(i))
    elif mode == "replicate":
        inputs = np.clip(i, 0, size - 1)
    else:  # what is left after cropping goes round
        inputs = first + (i - first) % max(last - first, 1)
    return Axis(size, len(i), np.arange(len(i)), inputs)
