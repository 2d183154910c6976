"""Copies: to another device, to another dtype, or to new memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function
from ..devices import Device, current_device_of, device_of, to_device
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike


class To(Function):
    """A copy on another device, in another dtype; its gradient is the copy back."""

    def forward(self, x: Array, device: Device, dtype: np.dtype) -> Array:
        self.source = device_of(x), x.dtype
        moved = to_device(x, device)
        # inf if float16 overflows, as in torch
        with np.errstate(over="ignore", invalid="ignore"), current_device_of((moved,)):
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
) -> Tensor:
    """This tensor on another device or in another dtype; itself if nothing changes.

    Args:
        target: a device, a dtype, both, or a tensor that has them.
        device, dtype: the same by keyword.
        non_blocking: accepted for torch's scripts, but has no effect.
        copy: copy in any case.

    As ``torch.Tensor.to``.
    """
    for value in target:
        if isinstance(value, np.dtype):
            dtype = value
        elif isinstance(value, Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, (Device, int)):
            device = Device(value)
        elif isinstance(value, str) and value.startswith(("cpu", "cuda")):
            device = value
        else:
            dtype = value
    dtype = x.dtype if dtype is None else np.dtype(dtype)
    here = x.device
    destination = here if device is None else Device(device)
    if destination.type == "cuda" and destination.index is None and here.type == "cuda":
        destination = here
    if not copy and dtype == x.dtype and destination == here:
        return x
    return To.apply(x, device=destination, dtype=dtype)


def cpu(x: Tensor) -> Tensor:
    """This tensor on the CPU."""
    return to(x, "cpu")


def cuda(x: Tensor, device: DeviceLike | int | None = None, non_blocking: bool = False) -> Tensor:
    """This tensor on a GPU; ``non_blocking`` has no effect."""
    return to(x, Device("cuda" if device is None else device))


def clone(x: Tensor) -> Tensor:
    """A copy in its own memory, in the same layout; gradients pass through."""
    return To.apply(x, device=x.device, dtype=x.dtype)
