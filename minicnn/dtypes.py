"""The dtypes to compute with (NumPy's own, and bfloat16 from ml_dtypes), and numbers in them."""

from __future__ import annotations

import math
from contextvars import Context, ContextVar
from typing import Any

import ml_dtypes  # before CuPy, which otherwise does not know bfloat16
import numpy as np

float16, float32, float64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
bfloat16 = np.dtype(ml_dtypes.bfloat16)
int8, int16, int32, int64 = map(np.dtype, ("int8", "int16", "int32", "int64"))
uint8, bool_ = np.dtype("uint8"), np.dtype("bool")

HALVES = (float16, bfloat16)  # stored in 16 bits, computed in float32


def is_floating(dtype: np.dtype) -> bool:
    """Whether a dtype is floating point; bfloat16 has the kind ``V`` in NumPy, as void types do."""
    return dtype.kind in "fV"


_default = {"float": float32}


def default_float() -> np.dtype:
    """The dtype of floating-point tensors that are made without one."""
    return _default["float"]


def set_default_float(dtype: np.dtype) -> None:
    """Chooses it, for the whole program."""
    _default["float"] = dtype


def as_number(value: Any) -> float:
    """A number of Python, from one of Python or NumPy.

    Raises:
        TypeError: for something else.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (bool, int, float)):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    return value


LARGEST = {d: float(ml_dtypes.finfo(d).max) for d in (float16, bfloat16, float32, float64)}


def number_in(dtype: np.dtype, value: Any) -> float:
    """A number as an array of ``dtype`` holds it: cut to an integer, say; -1 is 255 in uint8.

    Raises:
        RuntimeError: for a number outside the range of ``dtype``, as torch's ``fill_`` raises.
        TypeError: for something other than a number.
    """
    value = as_number(value)
    if dtype == bool_:
        return bool(value)
    if is_floating(dtype):
        largest = LARGEST[dtype]
        if not -largest <= value <= largest and math.isfinite(value):
            raise RuntimeError(f"{dtype} holds numbers up to {largest:.4g}, got {value}")
        return float(value)
    limits = np.iinfo(dtype)
    wraps = dtype.kind == "u" and not isinstance(value, float)
    if not (-limits.max if wraps else limits.min) <= value <= limits.max:
        raise RuntimeError(f"{dtype} holds numbers from {limits.min} to {limits.max}, got {value}")
    return int(value) % (limits.max + 1) if wraps else int(value)


def _errors_of_numpy() -> tuple[ContextVar[Any], Any]:
    """The context variable of NumPy's floating-point errors, and its value when all are ignored."""
    context = Context()
    context.run(np.seterr, all="ignore")
    ((variable, ignored),) = context.items()
    return variable, ignored


# As in torch, 1 / 0 is inf and log(-1) is NaN without a warning. To set the variable takes a third
# of the time of np.errstate(all="ignore"), which is a tenth of a small tensor's operation.
numpy_errors, all_ignored = _errors_of_numpy()
