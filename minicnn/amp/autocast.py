"""``autocast``: which operations run in half precision, and which in float32.

Products of matrices, convolution among them, gain most from half precision: on tensor cores they
run many times faster, and every number moved is half as long. They sum in float32 and round once,
so little is lost. Functions that leave the range of half precision (exp, powers) or add up many
numbers (sums, softmax, norms, losses) run in float32. Everything else takes what it is given. The
decorators of ``ops/edge.py`` mark the operations and do the casting.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.grad_mode import Switch, mode
from ..devices import Device
from ..dtypes import HALVES, bfloat16


class autocast(Switch):
    """Within its ``with`` block or decorated function, operations choose their precision.

    Args:
        device_type: accepted for torch's scripts, without effect: it holds on every device.
        dtype: bfloat16, or float16, whose small range calls for a :class:`GradScaler`.
        enabled: False for a stretch in full precision within a block.

    Raises:
        ValueError: for another dtype.
        RuntimeError: for a device that does not exist.

    Weights stay float32: the layers make (and keep) copies in half precision, and gradients of
    weights come out in float32. float64 tensors are left alone. The backward pass runs in the dtypes of the
    forward pass, within the block or after it. As ``torch.autocast``, with these deviations: the
    default is bfloat16 on every device, as no loss scaling is then needed; binary_cross_entropy
    runs in float32, where torch refuses it on CUDA; local_response_norm keeps half precision, as
    its kernel computes in float32 in any case.
    """

    field = "autocast"

    def __init__(
        self, device_type: str | None = None, dtype: Any = bfloat16, enabled: bool = True
    ) -> None:
        check_device_type(device_type)
        dtype = bfloat16 if dtype is None else np.dtype(dtype)
        if dtype not in HALVES:
            raise ValueError(f"autocast expects dtype float16 or bfloat16, got {dtype}")
        super().__init__(dtype if enabled else None)


def check_device_type(device_type: str | None) -> None:
    """Raises a RuntimeError for what is no device, such as a dtype that should have a name."""
    if device_type is not None:
        Device(device_type)


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether autocast is in effect in this thread; ``device_type`` is without effect."""
    return mode.autocast is not None


def get_autocast_dtype(device_type: str | None = None) -> np.dtype:
    """The dtype of autocast's half-precision operations; ``device_type`` is without effect."""
    return bfloat16 if mode.autocast is None else mode.autocast
