"""Colours of images and videos: grey, brightness, contrast, saturation, hue, gamma, channels."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image as pil

from ....dtypes import float32, is_floating
from ....ops.shape import cat
from ....tensor import Tensor
from ....tv_tensors import Image
from ... import color, conversion, grayscale
from ..._arguments import Picture, check_tensor
from ...dimensions import get_image_num_channels, largest_value
from ...hue import shift_hue
from ._kernels import functional, functional_of

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "grayscale_to_rgb",
    "permute_channels",
    "rgb_to_grayscale",
    "to_grayscale",
]


@functional_of(pil.Image, Tensor, Image)
def rgb_to_grayscale(inpt: Picture, num_output_channels: int = 1) -> Picture:
    """An image in grey: 0.2989 red + 0.587 green + 0.114 blue.

    Args:
        inpt: an image; a tensor is (…, 1 or 3, H, W).
        num_output_channels: 1, or 3 equal ones.

    Raises:
        ValueError: if ``num_output_channels`` is neither 1 nor 3, or for other channels.
    """
    if isinstance(inpt, Tensor) and inpt.shape[-3] not in (1, 3):
        raise ValueError(f"rgb_to_grayscale expects 1 or 3 channels, got shape {tuple(inpt.shape)}")
    grey = grayscale.rgb_to_grayscale(inpt, num_output_channels)
    if isinstance(grey, Tensor) and grey.shape[-3] < num_output_channels:
        return cat([grey] * 3, -3)
    return grey


to_grayscale = rgb_to_grayscale


@functional_of(pil.Image, Tensor, Image)
def grayscale_to_rgb(inpt: Picture) -> Picture:
    """An image with three channels; grey becomes three equal ones, and others stay as they are."""
    if not isinstance(inpt, Tensor):
        return inpt.convert("RGB")
    return inpt if inpt.shape[-3] >= 3 else rgb_to_grayscale(inpt, 3)


@functional
def adjust_brightness(inpt: Picture, brightness_factor: float) -> Picture:
    """Blends with black: 0 gives black, 1 the image itself, 2 twice its brightness.

    torchvision's bytes wrap around if the factor is an ``int``; here they stop at white.
    """
    return color.adjust_brightness(inpt, brightness_factor)


@functional
def adjust_contrast(inpt: Picture, contrast_factor: float) -> Picture:
    """Blends with the mean grey: 0 gives grey, 1 the image itself."""
    return color.adjust_contrast(inpt, contrast_factor)


@functional
def adjust_saturation(inpt: Picture, saturation_factor: float) -> Picture:
    """Blends with the image in grey: 0 gives grey, 1 the image itself."""
    return color.adjust_saturation(inpt, saturation_factor)


@functional
def adjust_hue(inpt: Picture, hue_factor: float) -> Picture:
    """Shifts the hue by a share of the colour circle; images without colour stay as they are.

    Args:
        inpt: an image or a video; a tensor is (…, 1 or 3, H, W).
        hue_factor: between -0.5 and 0.5; both ends give the opposite colour.

    Raises:
        ValueError: if ``hue_factor`` is out of range.
    """
    if not isinstance(inpt, Tensor) or not -0.5 <= hue_factor <= 0.5:
        return color.adjust_hue(inpt, hue_factor)
    check_tensor(inpt, (1, 3), "adjust_hue")
    if get_image_num_channels(inpt) == 1:
        return inpt
    turned = shift_hue(_in_floats(inpt).to(float32), hue_factor)
    return conversion.convert_image_dtype(turned, inpt.array.dtype)


@functional
def adjust_gamma(inpt: Picture, gamma: float, gain: float = 1) -> Picture:
    """``gain * inpt ** gamma``, for pixels between 0 and 1: above 1, shadows become darker.

    Raises:
        ValueError: if ``gamma`` is negative.
    """
    if not isinstance(inpt, Tensor) or gamma < 0:
        return color.adjust_gamma(inpt, gamma, gain)
    out = _in_floats(inpt) ** gamma
    if gain != 1:
        out = (out * gain).clamp(0, 1)
    return conversion.convert_image_dtype(out, inpt.array.dtype)


def _in_floats(img: Tensor) -> Tensor:
    """Integers multiplied to be from 0 to 1; floats as they are."""
    dtype = img.array.dtype
    return img if is_floating(dtype) else img.to(float32) * (1 / largest_value(dtype))


@functional
def permute_channels(inpt: Picture, permutation: Sequence[int]) -> Picture:
    """The channels in another order.

    Args:
        inpt: an image or a video; a tensor is (…, C, H, W).
        permutation: for each channel of the result, which one of ``inpt`` it is.

    Raises:
        ValueError: if these are not as many as the channels.
    """
    if not isinstance(inpt, Tensor):
        changed = permute_channels(conversion.pil_to_tensor(inpt), permutation)
        assert isinstance(changed, Tensor)
        return conversion.to_pil_image(changed)
    if len(permutation) != check_tensor(inpt).shape[-3]:
        raise ValueError(f"permutation must name {inpt.shape[-3]} channels, got {len(permutation)}")
    return inpt[..., [int(channel) for channel in permutation], :, :]
