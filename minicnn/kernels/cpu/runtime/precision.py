"""float16 and bfloat16 on the CPU: stored in 16 bits, computed in float32, rounded once.

NumPy widens a 16-bit array by itself where it meets a float32 one, and rounds where a float32
result is written to a 16-bit array. So kernels make what they add up, and every value between two
passes, of the :func:`compute_type`, and let the last pass write to an array of the result's dtype.
"""

from __future__ import annotations

import numpy as np

__all__ = ["compute_type"]


def compute_type(x: np.ndarray) -> np.dtype:
    """The dtype to compute in: float32 for float16 and bfloat16, else that of ``x``."""
    return np.promote_types(x.dtype, np.float32)
