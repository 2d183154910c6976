"""Computing with the pixels of a tensor as floats."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..devices import xp_of
from ..dtypes import float32, float64
from ..tensor import Tensor


def in_floats(img: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """``compute`` of the images as float32 or float64, in the shape and the dtype of ``img``.

    Args:
        img: (…, C, H, W) or (H, W). Integers are rounded afterwards; a bool is true unless it is 0.
        compute: takes and returns a batch (N, C, H, W), maybe of another height and width.
    """
    dtype = img.array.dtype
    channels = img.shape[-3] if img.ndim > 2 else 1
    # no channels, such as the masks of no objects, are no images
    count, channels = (math.prod(img.shape[:-3]), channels) if channels else (0, 1)
    batch = img.reshape(count, channels, *img.shape[-2:])
    out = compute(batch if dtype in (float32, float64) else batch.to(float32))
    out = out.reshape(*img.shape[:-2], *out.shape[-2:])
    if dtype.kind in "iu":
        out = Tensor.of(xp_of(out.array).rint(out.array))
    return out.to(dtype)
