"""The dtype to compute in."""

import numpy as np

from ...typing import Array


def widen(x: Array) -> Array:
    """float16 and bfloat16 become float32, and results are rounded once; other dtypes stay."""
    return x.astype(np.promote_types(x.dtype, np.float32), copy=False)
