"""Parts of images and videos that are erased, and images that are picked from videos."""

from __future__ import annotations

import numpy as np

from ....creation import linspace
from ....tensor import Tensor
from ....tv_tensors import Video
from ... import erasing
from ..._arguments import Picture
from ...conversion import pil_to_tensor, to_pil_image
from ._kernels import functional, functional_of

__all__ = ["erase", "uniform_temporal_subsample"]


@functional
def erase(
    inpt: Picture, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False
) -> Picture:
    """Sets a rectangle of an image or a video.

    Args:
        inpt: an image or a video.
        i, j: the rectangle's top and left, in pixels.
        h, w: its height and width.
        v: its pixels, to broadcast to (C, h, w).
        inplace: change a tensor instead of a copy.
    """
    if isinstance(inpt, Tensor):
        return erasing.erase(inpt, i, j, h, w, v.to(inpt.device, inpt.dtype), inplace)
    pixels = pil_to_tensor(inpt)
    return to_pil_image(erasing.erase(pixels, i, j, h, w, v.to(pixels.dtype)), inpt.mode)


@functional_of(Tensor, Video)
def uniform_temporal_subsample(inpt: Tensor, num_samples: int) -> Tensor:
    """Images of a video at equal distances in time, the first and the last among them.

    Args:
        inpt: (…, T, C, H, W).
        num_samples: how many; some of the T images are taken twice if these are fewer.
    """
    picked = linspace(0, inpt.shape[-4] - 1, num_samples, device="cpu").to(np.int64)
    return inpt.index_select(-4, picked.to(inpt.device))
