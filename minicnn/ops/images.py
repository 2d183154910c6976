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


def normalize_crops(
    pixels: Tensor,
    crops: Tensor,
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    dtype: np.dtype = float32,
) -> Tensor:
    """(images / 255 - mean) / std for parts of pictures, some of them mirrored, in one pass.

    Args:
        pixels: uint8, (bytes,): all pictures one after the other, each (H, W, C).
        crops: int64, (N, 3), on the same device: the first byte of a crop, the bytes from one line of
            its picture to the next, and whether it is mirrored, 0 or 1.
        size: height and width of the crops.
        mean, std: C numbers each, up to 4 on a GPU.
        dtype: the dtype of the result.

    Returns:
        (N, C, height, width), channels-last in memory, without gradient.

    Raises:
        TypeError: for tensors of other dtypes.
        ValueError: for other shapes, or different numbers of means and stds.
        IndexError: for a crop that is not in ``pixels``; a GPU does not check.
    """
    for name, tensor, kind in (("pixels", pixels, np.uint8), ("crops", crops, np.int64)):
        if tensor.array.dtype != kind:
            raise TypeError(
                f"{name} must be a tensor of {np.dtype(kind)}, got {tensor.array.dtype}"
            )
    if pixels.ndim != 1 or crops.ndim != 2 or crops.array.shape[1] != 3:
        raise ValueError(
            "pixels must have shape (bytes,) and crops (N, 3), got "
            f"{tuple(pixels.shape)} and {tuple(crops.shape)}"
        )
    if len(mean) != len(std):
        raise ValueError(f"mean and std must have a value for each channel, got {mean} and {std}")
    normalize = kernels.of(pixels.array).normalize_crops
    return Tensor.of(normalize(pixels.array, crops.array, size, mean, std, np.dtype(dtype)))
