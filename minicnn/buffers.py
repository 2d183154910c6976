"""Tensors on existing memory, and of one number: asarray, frombuffer, scalar_tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from .creation import as_tensor, full
from .dtypes import default_float
from .tensor import Tensor
from .typing import DeviceLike, DTypeLike


def asarray(
    obj: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of ``obj``, on the same memory where that is possible.

    Args:
        obj: numbers, an array, a tensor or an object with a buffer.
        dtype: by default that of ``obj``.
        device: by default that of ``obj``.
        copy: True always copies, False never.
        requires_grad: whether ``backward`` should store its gradient.

    Raises:
        ValueError: if a copy is necessary and ``copy`` is False.

    As ``torch.asarray``.
    """
    source = obj
    if isinstance(obj, (bytes, bytearray, memoryview)):
        source = frombuffer(obj, dtype=dtype or default_float())
    out = as_tensor(source, dtype, device)
    before = source.array if isinstance(source, Tensor) else source
    shared = isinstance(before, np.ndarray) and np.may_share_memory(before, out.numpy(force=True))
    shared = shared or out.array is before
    if copy is False and not shared:
        raise ValueError("asarray with copy=False expects memory that can be shared, got none")
    if copy and shared:
        out = out.detach().clone()
    return out.detach().requires_grad_() if requires_grad else out


def frombuffer(
    buffer: Any,
    *,
    dtype: DTypeLike,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of one dimension on the memory of a buffer, such as ``bytearray``.

    Args:
        buffer: an object with a buffer.
        dtype: of the elements.
        count: the number of elements; -1 for all.
        offset: bytes before the first one.
        requires_grad: whether ``backward`` should store its gradient.

    Raises:
        ValueError: for a buffer that is empty or too small.

    As ``torch.frombuffer``.
    """
    return Tensor.of(np.frombuffer(buffer, np.dtype(dtype), count, offset), requires_grad)


def scalar_tensor(
    s: float,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor without dimensions, by default of the default dtype. As ``torch.scalar_tensor``."""
    return full((), s, dtype=dtype or default_float(), device=device, requires_grad=requires_grad)
