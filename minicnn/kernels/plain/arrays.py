"""Arrays, and the dtype to compute in."""

import numpy as np

Array = np.ndarray


def widen(x: Array) -> Array:
    """float16 and bfloat16 become float32, to be rounded once, after all sums; others stay."""
    return x.astype(np.promote_types(x.dtype, np.float32), copy=False)
