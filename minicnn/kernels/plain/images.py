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


def normalize_crops(
    pixels: Array,
    crops: Array,
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    dtype: np.dtype,
) -> Array:
    """:func:`normalize_images` for crops (first byte, bytes of a line, mirrored?) of pictures."""
    (height, width), C = size, len(mean)
    images = np.empty((len(crops), height, width, C), np.uint8)
    for image, (first, line, mirrored) in zip(images, crops):
        starts = first + line * np.arange(height)[:, None]  # of the crop's lines
        crop = pixels[starts + np.arange(width * C)].reshape(image.shape)
        image[...] = crop[:, ::-1] if mirrored else crop
    return normalize_images(images.transpose(0, 3, 1, 2), mean, std, dtype)
