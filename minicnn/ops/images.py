"""Images: from bytes to normalised numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..dtypes import float32
from ..tensor import Tensor


def normalize_images(
    images: Tensor, mean: Sequence[float], std: Sequence[float], dtype: np.dtype = float32
) -> Tensor:
    """(images / 255 - mean) / std for each channel, in one pass.

    Args:
        images: (N, C, H, W) of uint8.
        mean, std: C numbers each.
        dtype: the dtype of the result.

    Returns:
        (N, C, H, W), channels-last in memory, without gradient.

    Raises:
        TypeError: for anything but a tensor of uint8.
        ValueError: for other than four dimensions, or a number of means or stds other than C.
    """
    if not isinstance(images, Tensor) or images.dtype != np.uint8:
        given = images.array.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"normalize_images expects a tensor of uint8, got {given}")
    if images.ndim != 4:
        raise ValueError(f"normalize_images expects shape (N, C, H, W), got {tuple(images.shape)}")
    for name, values in (("mean", mean), ("std", std)):
        if len(values) != images.shape[1]:
            raise ValueError(
                f"{name} must have {images.shape[1]} values for images of shape {tuple(images.shape)}, "
                f"got {len(values)}"
            )
    return Tensor.of(kernels.of(images.array).normalize_images(images.array, mean, std, dtype))
