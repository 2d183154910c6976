"""Converts PIL images to tensors, and transforms tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..data.seeding import current_generator
from ..devices import memory_order, xp_of
from ..dtypes import float32
from ..ops.images import normalize_images
from ..tensor import Tensor
from ..typing import Array
from ._arguments import (
    Transform,
    chance,
    check_picture,
    check_probability,
    check_range,
    integer,
    uniform,
)

# Modes with more than 8 bits keep their values, in these types.
_WIDE_MODES = {"I": np.int32, "F": np.float32} | {
    mode: np.int16 for mode in ("I;16", "I;16L", "I;16B", "I;16N")
}


def to_tensor(pic: Image.Image | np.ndarray) -> Tensor:
    """A float32 tensor (C, H, W) from an image; 0 … 255 becomes 0 … 1.

    In memory the tensor keeps the image's order H, W, C, the layout that convolutions prefer.

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
        array = pic if pic.dtype == np.uint8 else pic.copy()
    elif check_picture(pic).mode in _WIDE_MODES:
        array = np.array(pic, dtype=_WIDE_MODES[pic.mode])
    else:
        array = np.asarray(pic.convert("L") if pic.mode == "1" else pic)  # 1 bit: 0 and 255
    if array.dtype == np.uint8:
        array = np.divide(array, np.float32(255), dtype=np.float32)
    return Tensor.of(_chw(array))


def pil_to_tensor(pic: Image.Image) -> Tensor:
    """A tensor (C, H, W) with the image's values and type, unchanged (mode 1: bool)."""
    array = np.array(check_picture(pic))
    return Tensor.of(_chw(array.astype(array.dtype.newbyteorder("="), copy=False)))  # I;16B is not


def _chw(array: np.ndarray) -> np.ndarray:
    return array.reshape(*array.shape[:2], -1).transpose(2, 0, 1)


def normalize(
    tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False
) -> Tensor:
    """(tensor - mean) / std for each channel.

    Args:
        tensor: floats, (…, C, H, W).
        mean, std: one number for each channel, or one for all.
        inplace: write the result into ``tensor``.

    Raises:
        TypeError: for a tensor of integers.
        ValueError: if ``std`` contains 0, if ``mean`` or ``std`` has neither one value nor one for
            each channel, or if the tensor has fewer than 3 dimensions.
    """
    _check_normalize(tensor, mean, std)
    if tensor.requires_grad:
        stats = [Tensor.of(_channel(tensor.array, values)) for values in (mean, std)]
        return (tensor - stats[0]) / stats[1]
    x = tensor.array
    axes = memory_order(x)
    if axes[-1] == x.ndim - 3:
        # Channels are innermost in memory, and NumPy's inner loop would run over three numbers.
        # With mean and std repeated W times it runs over rows of W * C.
        dense = x.transpose(axes)  # (…, H, W, C)
        rows = dense.reshape(*dense.shape[:-2], -1)
        repeat = rows.shape[-1] // x.shape[-3]
        low, scale = (_tiled(x, values, repeat) for values in (mean, std))
        out = _subtract_divide(rows, low, scale, inplace)
        array = out.reshape(dense.shape).transpose(sorted(range(x.ndim), key=axes.__getitem__))
    else:
        array = _subtract_divide(x, _channel(x, mean), _channel(x, std), inplace)
    if not inplace:
        return Tensor.of(array)
    tensor.bump_version()
    return tensor


def _subtract_divide(x: Array, mean: Array, std: Array, inplace: bool) -> Array:
    xp = xp_of(x)
    out = xp.subtract(x, mean, out=x if inplace else None)
    return xp.divide(out, std, out=out)


def _channel(x: Array, values: Sequence[float]) -> Array:
    """``values`` as (C or 1, 1, 1), to broadcast over ``x``."""
    return xp_of(x).asarray(values, dtype=x.dtype).reshape(-1, 1, 1)


def _tiled(x: Array, values: Sequence[float], repeat: int) -> Array:
    """``values``, one for each channel of ``x``, repeated: (repeat * C,)."""
    xp = xp_of(x)
    every = xp.broadcast_to(xp.asarray(values, dtype=x.dtype), (x.shape[-3],))
    return xp.tile(every, repeat)


def _check_normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float]) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"normalize expects a tensor, got {type(tensor).__name__}")
    if not tensor.is_floating_point():
        raise TypeError(f"normalize expects a tensor of floats, got {tensor.array.dtype}")
    if tensor.ndim < 3:
        raise ValueError(f"normalize expects shape (..., C, H, W), got {tuple(tensor.shape)}")
    _check_std(std)
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, tensor.shape[-3]):
            raise ValueError(
                f"{name} must have 1 or {tensor.shape[-3]} values for an image of shape "
                f"{tuple(tensor.shape)}, got {len(values)}"
            )


def _check_std(std: Sequence[float]) -> None:
    if any(value == 0 for value in std):
        raise ValueError(f"std must not be 0, got {tuple(std)}")


class ToTensor(Transform):
    """Converts a PIL image or an array to a float32 tensor (C, H, W). See :func:`to_tensor`."""

    def __call__(self, pic: Image.Image | np.ndarray) -> Tensor:
        return to_tensor(pic)


class PILToTensor(Transform):
    """Converts a PIL image to a tensor of the same type. See :func:`pil_to_tensor`."""

    def __call__(self, pic: Image.Image) -> Tensor:
        return pil_to_tensor(pic)


class Normalize(Transform):
    """(tensor - mean) / std for each channel. See :func:`normalize`."""

    shown = ("mean", "std")

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        _check_std(std)
        self.mean, self.std, self.inplace = mean, std, inplace

    def __call__(self, tensor: Tensor) -> Tensor:
        return normalize(tensor, self.mean, self.std, self.inplace)


class NormalizeImages(Transform):
    """(images / 255 - mean) / std for each channel of a batch of bytes, on the batch's device.

    ``PILToTensor`` in the dataset and this transform after the loader give the same numbers as
    ``ToTensor`` and :class:`Normalize`, but move a quarter of the bytes to the device. There one
    kernel converts and normalizes. torchvision has no such transform.

    Args:
        mean, std: one number for each channel, for pixels between 0 and 1.
        dtype: of the result.

    Called with a uint8 tensor (N, C, H, W), it returns one of ``dtype``, channels-last in memory.
    """

    shown = ("mean", "std", "dtype")

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], dtype: np.dtype = float32
    ) -> None:
        _check_std(std)
        self.mean, self.std, self.dtype = mean, std, np.dtype(dtype)

    def __call__(self, images: Tensor) -> Tensor:
        return normalize_images(images, self.mean, self.std, self.dtype)


class RandomErasing(Transform):
    """Erases a random rectangle of a tensor (…, C, H, W) with probability ``p``.

    Args:
        p: probability.
        scale: bounds of the rectangle's area, as a share of the image's.
        ratio: bounds of its height / width.
        value: fills it: one number, one for each channel, or ``"random"`` for N(0, 1).
        inplace: erase in the given tensor.

    Raises:
        TypeError: when called with anything but a tensor.
        ValueError: for arguments out of range.

    Source: Zhong et al., Random Erasing Data Augmentation, 2017; as in torchvision.
    """

    shown = ("p", "scale", "ratio", "value", "inplace")

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Sequence[float] | str = 0,
        inplace: bool = False,
    ) -> None:
        if isinstance(value, str) and value != "random":
            raise ValueError(f"value as a string must be 'random', got {value!r}")
        self.p = check_probability(p)
        self.scale, self.ratio = check_range(scale, "scale"), check_range(ratio, "ratio")
        if self.scale[0] < 0 or self.scale[1] > 1:
            raise ValueError(f"scale must be between 0 and 1, got {self.scale}")
        self.value, self.inplace = value, inplace

    def get_params(self, height: int, width: int) -> tuple[int, int, int, int] | None:
        """Top, left, height and width of a random rectangle; None after ten failed tries."""
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        for _ in range(10):
            area = height * width * uniform(*self.scale)
            aspect = math.exp(uniform(low, high))
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if h < height and w < width:
                return integer(0, height - h + 1), integer(0, width - w + 1), h, w
        return None

    def __call__(self, img: Tensor) -> Tensor:
        if not isinstance(img, Tensor):
            raise TypeError(f"RandomErasing expects a tensor, got {type(img).__name__}")
        if not chance(self.p):
            return img
        params = self.get_params(img.shape[-2], img.shape[-1])
        if params is None:
            return img
        return erase(img, *params, self._fill(img.array, params[2], params[3]), self.inplace)

    def _fill(self, x: Array, height: int, width: int) -> Array:
        if isinstance(self.value, str):
            drawn = current_generator().normal((x.shape[-3], height, width))
            return xp_of(x).asarray(drawn, dtype=x.dtype)
        values = [self.value] if isinstance(self.value, (int, float)) else self.value
        if len(values) not in (1, x.shape[-3]):
            raise ValueError(f"value must be 1 or {x.shape[-3]} numbers, got {len(values)}")
        return _channel(x, values)


def erase(
    img: Tensor,
    top: int,
    left: int,
    height: int,
    width: int,
    v: Array | float,
    inplace: bool = False,
) -> Tensor:
    """``img`` (…, C, H, W) with a rectangle set to ``v``, broadcast to (C, height, width)."""
    out = img if inplace else Tensor.of(img.array.copy(order="K"))
    out.array[..., top : top + height, left : left + width] = v
    if inplace:
        img.bump_version()
    return out
