"""Inputs converted between kinds, PIL images, arrays and dtypes, and normalized."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image as pil

from ....dtypes import float32
from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video, wrap
from ....typing import DTypeLike
from ....warn import warn
from ... import conversion
from ... import normalize as pictures
from ...conversion import convert_image_dtype, pil_to_tensor, to_pil_image
from ._kernels import functional_of, kernel

__all__ = [
    "convert_image_dtype",
    "normalize",
    "pil_to_tensor",
    "to_dtype",
    "to_image",
    "to_pil_image",
    "to_tensor",
]

_Floats = functional_of(Tensor, Image, Video)


def to_image(inpt: Tensor | pil.Image | np.ndarray) -> Image:
    """An :class:`~minicnn.tv_tensors.Image` of a PIL image, a tensor or an array.

    Args:
        inpt: an array is (H, W) or (H, W, C), a tensor (…, C, H, W) or (H, W).

    Raises:
        TypeError: for anything else.
    """
    if isinstance(inpt, np.ndarray):
        return Image(Tensor.of(np.ascontiguousarray(np.atleast_3d(inpt).transpose(2, 0, 1))))
    if not isinstance(inpt, (Tensor, pil.Image)):
        raise TypeError(f"to_image expects a picture or an array, got {type(inpt).__name__}")
    return Image(inpt)


@_Floats
def to_dtype(inpt: Tensor, dtype: DTypeLike = float32, scale: bool = False) -> Tensor:
    """An input in another dtype.

    Args:
        inpt: a tensor of any kind.
        dtype: the one to convert to.
        scale: whether images and videos are scaled to its range, 0 … 255 in uint8 to 0 … 1 in
            floats.

    Raises:
        RuntimeError: if floats are scaled to integers with more bits than floats can count.
    """
    return convert_image_dtype(inpt, dtype) if scale else inpt.to(dtype)


@kernel(to_dtype, Mask)
def _mask_to_dtype(mask: Tensor, dtype: DTypeLike = float32, scale: bool = False) -> Tensor:
    return mask.to(dtype)


@kernel(to_dtype, BoundingBoxes, KeyPoints)
def _points_to_dtype(inpt: Tensor, dtype: DTypeLike = float32, scale: bool = False) -> Tensor:
    return wrap(inpt.to(dtype), like=inpt)


@_Floats
def normalize(
    inpt: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False
) -> Tensor:
    """(inpt - mean) / std for each channel of an image or a video.

    Args:
        inpt: floats, (…, C, H, W). A single channel may be normalized by the numbers of several,
            which makes as many of it.
        mean, std: one number for each channel, or one for all.
        inplace: write the result into ``inpt``.

    Raises:
        TypeError: for a tensor of integers.
        ValueError: as :func:`minicnn.transforms.functional.normalize`.
    """
    if inpt.ndim > 2 and inpt.shape[-3] == 1 < len(mean) and not inplace:
        inpt = inpt.expand(*inpt.shape[:-3], len(mean), *inpt.shape[-2:])
    return pictures.normalize(inpt, mean, std, inplace)


def to_tensor(inpt: Any) -> Tensor:
    """The first transforms' function, with torchvision's warning that it is deprecated."""
    warn("to_tensor is deprecated: use to_image, then to_dtype with scale=True")
    return conversion.to_tensor(inpt)
