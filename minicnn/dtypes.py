"""The dtypes under torch's names: NumPy's own, and bfloat16 from ml_dtypes."""

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
