"""Tensors of bytes resized by Pillow, which is faster than floats, and rounds as torchvision does."""

from __future__ import annotations

import numpy as np
from PIL import Image as pil

from ....tensor import Tensor
from ...interpolation import InterpolationMode

__all__ = ["resize_bytes", "suits_pillow"]

_MODES = (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)


def suits_pillow(img: Tensor, mode: InterpolationMode, antialias: bool | None) -> bool:
    """Whether Pillow does the same as torchvision with a tensor (…, C, H, W)."""
    x = img.array
    return isinstance(x, np.ndarray) and x.dtype == np.uint8 and mode in _MODES and bool(antialias)


def resize_bytes(img: Tensor, size: tuple[int, int], mode: InterpolationMode) -> Tensor:
    """A tensor (…, C, H, W) of bytes on the CPU, resized to (height, width)."""
    x = img.array
    planes = x.reshape(-1, *x.shape[-2:])
    if x.ndim == 3 and len(x) == 3 and x.transpose(1, 2, 0)[0].flags.c_contiguous:
        out = _resized(x.transpose(1, 2, 0), size, mode).transpose(2, 0, 1)  # channels innermost
    else:
        out = np.array([_resized(plane, size, mode) for plane in planes], np.uint8)
    return Tensor.of(out.reshape(*x.shape[:-2], *size))


def _resized(pixels: np.ndarray, size: tuple[int, int], mode: InterpolationMode) -> np.ndarray:
    height, width = size
    rows = pil.fromarray(pixels).resize((width, len(pixels)), mode.pil)
    return np.array(rows.resize((width, height), mode.pil))  # Pillow might do this first
