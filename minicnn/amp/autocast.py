"""``autocast``: which operations run in half precision, and which in float32.

Matrix products, including convolution, gain most from half precision: tensor cores compute them
many times faster, and only half as many bytes are moved. They sum in float32 and round once, so the
results lose little accuracy. Functions that can exceed the range of half precision (exp, powers) or
that add up many values (sums, softmax, norms, losses) run in float32. All other operations run in
the dtypes of their arguments. The decorators in ``ops/edge.py`` mark the operations and cast the
arguments.
"""

from __future__ import annotations

import numpy as np

from ..autograd.grad_mode import Switch, mode
from ..devices import Device, cuda_is_available
from ..dtypes import HALVES, bfloat16
from ..typing import DTypeLike
from ..warn import warn


class autocast(Switch):
    """Within its ``with`` block or decorated function, operations choose their precision.

    Args:
        device_type: autocast applies to all devices, but ``"cuda"`` switches it on only where there
            is a GPU, and otherwise warns, as torch does.
        dtype: bfloat16, or float16, which has a small range and needs a :class:`GradScaler`.
        enabled: False switches autocast off, for example within another block.
        cache_enabled: accepted because PyTorch scripts pass it, without effect.

    Raises:
        ValueError: for another dtype.
        RuntimeError: for a device that does not exist.

    Weights stay float32: the layers make (and keep) copies in half precision, and the gradients of
    weights are float32. float64 tensors do not change. The backward pass runs in the dtypes of the
    forward pass, within the block or after it. As ``torch.autocast``, with these deviations: the
    default is bfloat16 on every device, because it needs no loss scaling; binary_cross_entropy runs
    in float32, where torch raises on CUDA; local_response_norm keeps half precision, because its
    kernel computes in float32 anyway.
    """

    field = "autocast"

    def __init__(
        self,
        device_type: str | None = None,
        dtype: DTypeLike | None = bfloat16,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        enabled = enabled and is_there(device_type, "autocast")
        dtype = bfloat16 if dtype is None else np.dtype(dtype)
        if dtype not in HALVES:
            raise ValueError(f"autocast expects dtype float16 or bfloat16, got {dtype}")
        super().__init__(dtype if enabled else None)


def is_there(device_type: str | None, what: str) -> bool:
    """Whether a device is there; warns that ``what`` is switched off if it is not."""
    check_device_type(device_type)
    if device_type is None or Device(device_type).type == "cpu" or cuda_is_available():
        return True
    warn(f"{what} is off, as device {device_type!r} is not available")
    return False


def is_autocast_available(device_type: str) -> bool:
    """Whether there is an autocast for a device; a RuntimeError if there is no such device."""
    return Device(device_type).type in ("cpu", "cuda")


def check_device_type(device_type: str | None) -> None:
    """Raises a RuntimeError for anything but a device, such as a dtype passed by position."""
    if device_type is not None:
        Device(device_type)


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether autocast is active in this thread; ``device_type`` has no effect."""
    return mode.autocast is not None


def get_autocast_dtype(device_type: str | None = None) -> np.dtype:
    """The dtype of autocast's half-precision operations; ``device_type`` has no effect."""
    return bfloat16 if mode.autocast is None else mode.autocast
