"""Tensors of regularly spaced numbers beside ``arange`` and ``linspace``: logspace, range."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .creation import arange, linspace
from .creation.arguments import with_options
from .dtypes import default_float, is_floating
from .tensor import Tensor
from .typing import DeviceLike, DTypeLike
from .warn import warn


@with_options
def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """``base`` to the powers from ``start`` to ``end``, ``steps`` of them, evenly spaced.

    Raises:
        RuntimeError: for a negative number of steps.

    As ``torch.logspace``.
    """
    dtype = np.dtype(dtype or default_float())
    inside = dtype if is_floating(dtype) and dtype.itemsize > 2 else np.dtype(np.float64)
    if not is_floating(dtype):
        start, end = int(start), int(end)  # as torch
    powers = base ** linspace(start, end, steps, dtype=inside, device=device)
    return powers.to(dtype).requires_grad_(requires_grad)


@with_options
def range(
    start: float = 0,
    end: float | None = None,
    step: float = 1,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from ``start`` up to and including ``end``: deprecated, use :func:`arange`.

    Raises:
        RuntimeError: for a step of 0 or one that leads away from ``end``.

    As ``torch.range``.
    """
    warn("range is deprecated: use arange, which leaves the end out")
    start, end = (0, start) if end is None else (start, end)
    if step == 0:
        raise RuntimeError("range expects a step other than 0, got 0")
    count = math.floor((end - start) / step) + 1
    if count < 1:
        raise RuntimeError(f"range from {start} does not lead to {end} in steps of {step}")
    index: Any = arange(count, dtype=np.float64, device=device)
    return (index * step + start).to(dtype or default_float()).requires_grad_(requires_grad)
