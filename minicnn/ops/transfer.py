"""Copies: to another device, to another dtype, or to new memory."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from ..autograd import Function
from ..autograd.copied_view import CopiedView, layout_in_torch
from ..devices import Device, current_device_of, device_of, to_device
from ..dtype import OF_NUMPY, DType
from ..memory_format import (
    MemoryFormat,
    channels_last,
    channels_last_3d,
    contiguous_format,
    preserve_format,
)
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike

_DTYPE_NAMES = {dtype.name for dtype in OF_NUMPY}
_CHANNELS_LAST = {channels_last: 4, channels_last_3d: 5}  # with their numbers of dimensions


class To(Function):
    """A copy on another device, in another dtype or layout; its gradient is the copy back."""

    def forward(
        self,
        x: Array,
        device: Device,
        dtype: np.dtype,
        memory_format: MemoryFormat = preserve_format,
    ) -> Array:
        self.source = device_of(x), x.dtype
        moved = to_device(x, device)
        with current_device_of((moved,)):
            if memory_format in _CHANNELS_LAST:
                pixels = _with_channels_last(moved, memory_format).astype(dtype, order="C")
                return pixels.transpose(0, moved.ndim - 1, *range(1, moved.ndim - 1))
            if memory_format is contiguous_format:
                return moved.astype(dtype, order="C", copy=moved is x)
            return moved.astype(dtype, order="K", copy=moved is x)

    def backward(self, grad: Tensor) -> Tensor:
        device, dtype = self.source
        return to(grad, device=device, dtype=dtype)


def to(
    x: Tensor,
    *target: Any,
    device: DeviceLike | None = None,
    dtype: DTypeLike | None = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """This tensor on another device, or in another dtype or layout; itself if nothing changes.

    Args:
        target: a device, a dtype, both, or a tensor that has them; then non_blocking and copy.
        device, dtype: the same by keyword.
        non_blocking: accepted for torch's scripts, but has no effect.
        copy: copy in any case.
        memory_format: the layout of the result.

    Raises:
        RuntimeError: for ``channels_last`` of a tensor that is not (N, C, H, W).

    As ``torch.Tensor.to``.
    """
    flags = []
    for value in target:
        if isinstance(value, (np.dtype, DType)):
            dtype = value
        elif isinstance(value, Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, bool):
            flags.append(value)
        elif isinstance(value, (Device, int)):
            device = Device(value)
        elif isinstance(value, str) and value not in _DTYPE_NAMES:
            device = value
        elif isinstance(value, MemoryFormat):
            memory_format = value
        elif value is not None:
            dtype = value
    copy = copy or flags[1:] == [True]
    dtype = x.array.dtype if dtype is None else np.dtype(dtype)
    here = x.device
    destination = here
    if device is not None:
        destination = device if isinstance(device, Device) else Device(device)
    if destination.type == "cuda" and destination.index is None and here.type == "cuda":
        destination = here
    if memory_format is not preserve_format:
        memory_format = MemoryFormat(memory_format)
        copy = copy or not is_contiguous(x, memory_format)
    if not copy and dtype == x.array.dtype and destination == here:
        return x
    return To.apply(x, device=destination, dtype=dtype, memory_format=memory_format)


def is_contiguous(x: Tensor, memory_format: MemoryFormat | str = contiguous_format) -> bool:
    """Whether the elements lie side by side in memory, in the order of a format.

    Raises:
        RuntimeError: for ``channels_last`` of a tensor that is not (N, C, H, W).

    As ``torch.Tensor.is_contiguous``.
    """
    memory_format = MemoryFormat(memory_format)
    if memory_format in _CHANNELS_LAST:
        return bool(_with_channels_last(x.array, memory_format).flags.c_contiguous)
    return memory_format is preserve_format or bool(x.array.flags.c_contiguous)


def _with_channels_last(x: Array, memory_format: MemoryFormat) -> Array:
    """An array (N, C, …) as (N, …, C), in the same memory."""
    if x.ndim != _CHANNELS_LAST[memory_format]:
        raise RuntimeError(
            f"{memory_format.name} expects a tensor of {_CHANNELS_LAST[memory_format]} dimensions, "
            f"got shape {tuple(x.shape)}"
        )
    return x.transpose(0, *range(2, x.ndim), 1)


def contiguous(x: Tensor, memory_format: MemoryFormat | str = contiguous_format) -> Tensor:
    """A copy in C order, or in the order of ``memory_format``; x itself if it lies so already.

    A convolution's weights lie so in torch, but not here: what is written to their copy is written to
    them, too.

    Raises:
        RuntimeError: for ``preserve_format``, or ``channels_last`` of a tensor that is not
            (N, C, H, W).

    As ``torch.Tensor.contiguous``.
    """
    memory_format = MemoryFormat(memory_format)
    if memory_format is preserve_format:
        raise RuntimeError("contiguous expects a layout, got preserve_format")
    out = to(x, memory_format=memory_format)
    if out is not x and memory_format is contiguous_format:
        array = layout_in_torch(x)
        if array is not None and array.flags.c_contiguous:
            CopiedView.link(x, out)
    return out


def cpu(x: Tensor) -> Tensor:
    """This tensor on the CPU."""
    return to(x, "cpu")


def cuda(
    x: Tensor, device: DeviceLike | builtins.int | None = None, non_blocking: bool = False
) -> Tensor:
    """This tensor on a GPU; ``non_blocking`` has no effect."""
    return to(x, Device("cuda" if device is None else device))


def clone(input: Tensor, *, memory_format: MemoryFormat | str = preserve_format) -> Tensor:
    """A copy in its own memory; gradients pass through.

    Args:
        input: any shape.
        memory_format: the layout of the copy, by default the same.

    Raises:
        RuntimeError: for ``channels_last`` of a tensor that is not (N, C, H, W).

    As ``torch.clone``.
    """
    return to(input, copy=True, memory_format=memory_format)
