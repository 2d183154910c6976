"""Images and videos blurred, sharpened, with noise, and as JPEG leaves them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image as pil

from ....creation import randn_like
from ....data.seeding import current_generator
from ....dtypes import float32
from ....ops.shape import stack
from ....tensor import Tensor
from ... import filters
from ..._arguments import Picture, check_tensor
from ...conversion import pil_to_tensor, to_pil_image
from ._kernels import functional

__all__ = ["adjust_sharpness", "gaussian_blur", "gaussian_noise", "jpeg"]


@functional
def gaussian_blur(
    inpt: Picture, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None
) -> Picture:
    """Blurs an image or a video; arguments and errors as those of ``transforms.functional``'s."""
    return filters.gaussian_blur(inpt, kernel_size, sigma)


@functional
def adjust_sharpness(inpt: Picture, sharpness_factor: float) -> Picture:
    """Blends with a blurred image: 0 gives the blurred one, 1 the image itself, 2 is sharper."""
    return filters.adjust_sharpness(inpt, sharpness_factor)


@functional
def gaussian_noise(
    inpt: Picture, mean: float = 0.0, sigma: float = 0.1, clip: bool = True
) -> Picture:
    """Adds random numbers from N(mean, sigma) to all pixels.

    Args:
        inpt: a tensor of floats or uint8; no PIL image.
        mean, sigma: for white as 1, for uint8, too.
        clip: keep the results within 0 and white; otherwise uint8 wraps around.

    Raises:
        ValueError: for another input, or a negative ``sigma``.
    """
    if not isinstance(inpt, Tensor):
        raise ValueError(f"gaussian_noise expects a tensor, got {type(inpt).__name__}")  # noqa: TRY004  as torchvision
    if sigma < 0:
        raise ValueError(f"sigma must be >= 0, got {sigma}")
    is_bytes = inpt.array.dtype == np.uint8
    if not is_bytes and not inpt.is_floating_point():
        raise ValueError(f"gaussian_noise expects floats or uint8, got {inpt.dtype}")
    dtype = float32 if is_bytes else inpt.array.dtype
    noise = randn_like(inpt, dtype=dtype, generator=current_generator())
    if not is_bytes:
        out = inpt + (mean + noise * sigma)
        return out.clamp(0, 1) if clip else out
    out = inpt.to(np.int16) + (mean * 255 + noise * (sigma * 255)).to(np.int16)
    return (out.clamp(0, 255) if clip else out).to(np.uint8)


@functional
def jpeg(image: Picture, quality: int) -> Picture:
    """What is left of an image or a video after it was saved as JPEG.

    Args:
        image: an image or a video; a tensor is (…, 1 or 3, H, W) of uint8.
        quality: from 1 to 100.

    Raises:
        TypeError: for other tensors.

    Pillow saves tensors, too. torchvision has its own copy of the same library for them, whose
    results may differ by a few levels.
    """
    if not isinstance(image, Tensor):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return pil.open(file).copy()
    if check_tensor(image, (1, 3), "jpeg").array.dtype != np.uint8:
        raise TypeError(f"jpeg expects a tensor of uint8, got {image.dtype}")
    saved = [_saved(one, quality) for one in image.reshape(-1, *image.shape[-3:]).unbind(0)]
    return stack(saved).reshape(image.shape).to(image.device) if saved else image.clone()


def _saved(image: Tensor, quality: int) -> Tensor:
    """:func:`jpeg` of image (C, H, W)."""
    out = jpeg(to_pil_image(image), quality)
    assert isinstance(out, pil.Image)
    return pil_to_tensor(out)
