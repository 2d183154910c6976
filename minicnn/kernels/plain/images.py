"""Images: from bytes to normalised numbers."""

from collections.abc import Sequence

import numpy as np

from ...typing import Array


def normalize_images(
    images: Array, mean: Sequence[float], std: Sequence[float], dtype: np.dtype
) -> Array:
    """(images / 255 - mean) / std for images (N, C, H, W) of uint8, with mean and std (C,)."""
    means, stds = (np.array(each, np.float32).reshape(-1, 1, 1) for each in (mean, std))
    return ((images / np.float32(255) - means) / stds).astype(dtype)
