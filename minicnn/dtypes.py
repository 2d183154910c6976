"""The dtypes under torch's names; they are NumPy's own, bfloat16 excepted, which is ml_dtypes'."""

import ml_dtypes  # before CuPy is imported, which knows bfloat16 only then
import numpy as np

float16, float32, float64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
bfloat16 = np.dtype(ml_dtypes.bfloat16)
int8, int16, int32, int64 = map(np.dtype, ("int8", "int16", "int32", "int64"))
uint8, bool_ = np.dtype("uint8"), np.dtype("bool")

HALVES = (float16, bfloat16)  # kept in 16 bits, computed with in float32


def is_floating(dtype: np.dtype) -> bool:
    """Whether a dtype is floating point; NumPy takes bfloat16 for a void type, of kind ``V``."""
    return dtype.kind in "fV"
