"""float16 and bfloat16 on the CPU: stored in 16 bits, computed in float32, rounded once.

NumPy widens a 16-bit array by itself when it meets a float32 one, and rounds when a float32 result
is written to a 16-bit array. So kernels keep sums, and all values between two passes, in the
``compute_dtype``, and the last pass writes to an array of the result's dtype.
"""

from __future__ import annotations

from functools import partial

import numpy as np

__all__ = ["compute_dtype"]

# The dtype to compute in, from the dtype of an array: float32 for float16 and bfloat16, else itself.
compute_dtype = partial(np.promote_types, np.float32)
