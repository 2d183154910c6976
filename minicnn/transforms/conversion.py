"""Converts between PIL images, arrays and tensors, and between dtypes of images."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..devices import xp_of
from ..dtypes import default_float, float32, float64, is_floating
from ..tensor import Tensor
from ..typing import DTypeLike
from ._arguments import Transform, check_picture
from .dimensions import largest_value

# Modes with more than 8 bits keep their values, in these types.
_WIDE_MODES = {"I": np.int32, "F": np.float32} | {
    mode: np.int16 for mode in ("I;16", "I;16L", "I;16B", "I;16N")
}

# The modes of images with 2, 3 and 4 channels, the usual one first.
_MODES = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}
# The modes of images with one channel.
_GREY_MODES = {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}


def to_tensor(pic: Image.Image | np.ndarray) -> Tensor:
    """A float tensor (C, H, W) of the default dtype from an image; 0 … 255 becomes 0 … 1.

    Args:
        pic: a PIL image, or an array (H, W) or (H, W, C). Values of more than 8 bits (arrays other
            than uint8, image modes I, I;16 and F) keep their type and are not scaled.

    Raises:
        TypeError: for anything else.
        ValueError: for an array that is not 2-D or 3-D.
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(
                f"an image array must be (H, W) or (H, W, C), got shape {tuple(pic.shape)}"
            )
        array = pic
    elif check_picture(pic).mode in _WIDE_MODES:
        array = np.array(pic, dtype=_WIDE_MODES[pic.mode])
    else:
        array = np.asarray(pic.convert("L") if pic.mode == "1" else pic)  # 1 bit: 0 and 255
    array = _chw(array)
    if array.dtype != np.uint8:
        return Tensor.of(array.copy(order="C"))
    dtype = default_float()
    return Tensor.of(np.divide(array, dtype.type(255), dtype=dtype, order="C"))


def pil_to_tensor(pic: Image.Image) -> Tensor:
    """A tensor (C, H, W) with the image's values and type, unchanged (mode 1: bool)."""
    array = np.array(check_picture(pic))
    return Tensor.of(_chw(array.astype(array.dtype.newbyteorder("="), copy=False)))  # I;16B is not


def _chw(array: np.ndarray) -> np.ndarray:
    return array.reshape(*array.shape[:2], -1).transpose(2, 0, 1)


def to_pil_image(pic: Tensor | np.ndarray, mode: str | None = None) -> Image.Image:
    """A PIL image from a tensor or an array.

    Args:
        pic: a tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), with 1 to 4 channels.
            Floats are multiplied by 255, unless ``mode`` is ``"F"``.
        mode: of the image. If None it follows from the number of channels: LA, RGB, RGBA, and for a
            single one from the dtype: L, I;16, I or F.

    Raises:
        TypeError: for anything else, or a dtype that no image has.
        ValueError: for other shapes, or a mode that does not fit.
    """
    if isinstance(pic, Tensor):
        array = pic.detach().cpu().numpy()
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
    elif isinstance(pic, np.ndarray):
        array = pic
    else:
        raise TypeError(f"to_pil_image expects a tensor or an array, got {type(pic).__name__}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        raise ValueError(
            f"to_pil_image expects 1 to 4 channels in 2 or 3 dimensions, got {tuple(pic.shape)}"
        )
    if is_floating(array.dtype) and mode != "F":
        array = (array * 255).astype(np.uint8)
    channels = 1 if array.ndim == 2 else array.shape[2]
    mode = _check_mode(channels, array.dtype, mode)
    return Image.frombytes(mode, array.shape[1::-1], np.ascontiguousarray(array).tobytes())


def _check_mode(channels: int, dtype: np.dtype, mode: str | None) -> str:
    if channels == 1:
        fitting: tuple[str, ...] = tuple(filter(None, [_GREY_MODES.get(dtype.name)]))
    else:
        fitting = _MODES[channels]
    if mode is not None and mode not in fitting:
        raise ValueError(
            f"mode must be one of {fitting} for {channels} channels of {dtype}, got {mode!r}"
        )
    if not fitting or (channels > 1 and dtype != np.uint8):
        raise TypeError(f"no image has {channels} channels of {dtype}")
    return mode or fitting[0]


def convert_image_dtype(image: Tensor, dtype: DTypeLike = float32) -> Tensor:
    """A tensor in another dtype, scaled to its range: 0 … 255 in uint8 is 0 … 1 in float32.

    Between integers, values are multiplied or divided by a power of 2.

    Raises:
        TypeError: for anything but a tensor.
        RuntimeError: from floats to integers with more bits than floats can count.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"convert_image_dtype expects a tensor, got {type(image).__name__}")
    before, after = image.array.dtype, np.dtype(dtype)
    if before == after or (is_floating(before) and is_floating(after)):
        return image.to(after)
    if is_floating(after):
        if isinstance(image.array, np.ndarray) and after in (float32, float64):  # in one pass
            return Tensor.of(np.divide(image.array, after.type(largest_value(before)), dtype=after))
        return image.to(after) / largest_value(before)
    if is_floating(before):
        if (before, after.itemsize) in ((float32, 4), (float32, 8), (float64, 8)):
            raise RuntimeError(f"the values of {before} cannot be converted to {after} safely")
        return (image * (largest_value(after) + 1 - 1e-3)).to(after)
    x, xp = image.array, xp_of(image.array)
    larger, smaller = largest_value(before) + 1, largest_value(after) + 1
    if larger > smaller:
        return Tensor.of(xp.floor_divide(x, larger // smaller).astype(after))
    return Tensor.of(x.astype(after) * after.type(smaller // larger))


class ToTensor(Transform):
    """Converts a PIL image or an array to a float tensor (C, H, W). See :func:`to_tensor`."""

    def forward(self, pic: Image.Image | np.ndarray) -> Tensor:
        return to_tensor(pic)


class PILToTensor(Transform):
    """Converts a PIL image to a tensor of the same type. See :func:`pil_to_tensor`."""

    def forward(self, pic: Image.Image) -> Tensor:
        return pil_to_tensor(pic)


class ToPILImage(Transform):
    """Converts a tensor or an array to a PIL image. See :func:`to_pil_image`."""

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, pic: Tensor | np.ndarray) -> Image.Image:
        return to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"ToPILImage({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype(Transform):
    """Converts a tensor to another dtype and its range. See :func:`convert_image_dtype`."""

    def __init__(self, dtype: DTypeLike) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        return convert_image_dtype(image, self.dtype)
