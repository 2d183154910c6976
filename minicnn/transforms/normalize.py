"""Normalizes tensors by the mean and standard deviation of each channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Number

import numpy as np

from ..devices import memory_order, xp_of
from ..dtypes import float32
from ..ops.images import normalize_images
from ..tensor import Tensor
from ..typing import Array
from ._arguments import Transform

Numbers = Sequence[float] | float  # one for each channel, or one for all
_LINES = 8  # of pixels in a row of NumPy's loop, at most


def normalize(tensor: Tensor, mean: Numbers, std: Numbers, inplace: bool = False) -> Tensor:
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
    mean, std = in_a_list(mean), in_a_list(std)
    _check_normalize(tensor, mean, std)
    if tensor.requires_grad:
        stats = [Tensor.of(_channel(tensor.array, values)) for values in (mean, std)]
        return (tensor - stats[0]) / stats[1]
    x = tensor.array
    axes = memory_order(x)
    dense = x.transpose(axes)  # images that lie channels-last: (…, H, W, C)
    if axes[-1] == x.ndim - 3 and (dense.flags.c_contiguous or not inplace):
        # Channels are innermost in memory, and NumPy's inner loop would run over three numbers.
        # With mean and std repeated for several lines of W * C numbers it runs over those.
        line = x.shape[-1] * x.shape[-3]
        lines = math.gcd(x.size // line, _LINES) if line else 1
        rows = dense.reshape(-1, lines * line)
        low, scale = (_tiled(x, values, lines * x.shape[-1]) for values in (mean, std))
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


def in_a_list(values: Numbers) -> list[float]:
    """The numbers as a list, also a single one: ``(0.5)`` is no tuple."""
    is_one = isinstance(values, Number) or getattr(values, "ndim", 1) == 0
    return [values] if is_one else list(values)  # type: ignore[list-item, arg-type]


def _check_std(std: Sequence[float]) -> None:
    if any(value == 0 for value in std):
        raise ValueError(f"std must not be 0, got {tuple(std)}")


class Normalize(Transform):
    """(tensor - mean) / std for each channel. See :func:`normalize`."""

    shown = ("mean", "std")

    def __init__(self, mean: Numbers, std: Numbers, inplace: bool = False) -> None:
        super().__init__()
        _check_std(in_a_list(std))
        self.mean, self.std, self.inplace = mean, std, inplace

    def forward(self, tensor: Tensor) -> Tensor:
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
        super().__init__()
        _check_std(std)
        self.mean, self.std, self.dtype = mean, std, np.dtype(dtype)

    def forward(self, images: Tensor) -> Tensor:
        return normalize_images(images, self.mean, self.std, self.dtype)
