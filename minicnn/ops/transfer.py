"""Copies: to another device, into another dtype, or as a tensor's own memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function
from ..devices import Device, device_of, to_device
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike


class To(Function):
    """A copy on some device, in some dtype; its gradient is a copy the way back."""

    def forward(self, x: Array, device: Device, dtype: np.dtype) -> Array:
        self.source = device_of(x), x.dtype
        moved = to_device(x, device)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond float16 lies inf, as in torch
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
    """This tensor on another device or with another dtype; itself if nothing changes.

    Args:
        target: a device, a dtype, both, or a tensor to be like.
        device, dtype: the same by keyword.
        non_blocking: accepted for torch's scripts, without effect.
        copy: copy in any case.

    As ``torch.Tensor.to``.
    """
    for value in target:
        if isinstance(value, Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, int):
            device = Device(value)
        elif isinstance(value, (Device, str)) and str(value).startswith(("cpu", "cuda")):
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
    """This tensor on a GPU; ``non_blocking`` is without effect."""
    return to(x, Device("cuda" if device is None else device))


def clone(x: Tensor) -> Tensor:
    """A copy with its own memory, in the same layout, that gradients pass through."""
    return To.apply(x, device=x.device, dtype=x.dtype)
