"""Resizing images on the CPU: nearest neighbour and bilinear, one axis after the other.

Along an axis, each output pixel is a weighted sum of one or two input pixels, its taps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..geometry import Pair
from .runtime.layout import channels_last_empty
from .runtime.precision import compute_dtype
from .runtime.threads import for_each_slice

__all__ = [
    "resize_bilinear",
    "resize_bilinear_backward",
    "resize_nearest",
    "resize_nearest_backward",
]

Scale = tuple[float, float]
# Along an axis, the first and second tap of every output pixel: input pixels, and weights or None
# for 1.
Taps = list[tuple[np.ndarray, np.ndarray | None]]


def resize_nearest(x: np.ndarray, output_size: Pair, scale: Scale) -> np.ndarray:
    """(N, C, OH, OW): output pixel i is input pixel floor(i * scale), as torch's ``nearest``."""
    taps = [_nearest(x.shape[2 + axis], output_size[axis], scale[axis]) for axis in (0, 1)]
    return _resize(x, output_size, taps)


def resize_nearest_backward(grad: np.ndarray, input_size: Pair, scale: Scale) -> np.ndarray:
    """(N, C, H, W): the gradient of ``x`` in :func:`resize_nearest`."""
    taps = [_nearest(input_size[axis], grad.shape[2 + axis], scale[axis]) for axis in (0, 1)]
    return _resize_backward(grad, input_size, taps)


def resize_bilinear(
    x: np.ndarray, output_size: Pair, scale: Scale, align_corners: bool
) -> np.ndarray:
    """(N, C, OH, OW): each output pixel blends the four input pixels around its position.

    As ``torch.nn.functional.interpolate``: output pixel i is at i * scale with ``align_corners``,
    else at max(0, (i + 0.5) * scale - 0.5).
    """
    taps = [
        _bilinear(x, x.shape[2 + axis], output_size[axis], scale[axis], align_corners)
        for axis in (0, 1)
    ]
    return _resize(x, output_size, taps)


def resize_bilinear_backward(
    grad: np.ndarray, input_size: Pair, scale: Scale, align_corners: bool
) -> np.ndarray:
    """(N, C, H, W): the gradient of ``x`` in :func:`resize_bilinear`."""
    taps = [
        _bilinear(grad, input_size[axis], grad.shape[2 + axis], scale[axis], align_corners)
        for axis in (0, 1)
    ]
    return _resize_backward(grad, input_size, taps)


def _nearest(size: int, output_size: int, scale: float) -> Taps:
    # In float32, as in torch for every dtype: rounding decides which pixel some positions get.
    position = np.float32(scale) * np.arange(output_size, dtype=np.float32)
    return [(_floor(position, size), None)]


def _bilinear(
    x: np.ndarray, size: int, output_size: int, scale: float, align_corners: bool
) -> Taps:
    dtype = compute_dtype(x.dtype).type  # of positions and weights
    i, step = np.arange(output_size), np.float64(dtype(scale))
    # rounded once: torch multiplies and subtracts in one instruction
    position = (i * step if align_corners else np.maximum((i + 0.5) * step - 0.5, 0)).astype(dtype)
    low = _floor(position, size)
    fraction = np.clip(position - low.astype(dtype), 0, 1)
    high = low if output_size == size else np.minimum(low + 1, size - 1)
    return [(low, 1 - fraction), (high, fraction)]


def _floor(position: np.ndarray, size: int) -> np.ndarray:
    return np.minimum(np.floor(position.astype(np.float32)).astype(np.intp), size - 1)


def _resize(x: np.ndarray, output_size: Pair, taps: list[Taps]) -> np.ndarray:
    out = channels_last_empty((*x.shape[:2], *output_size), x.dtype)
    images, resized = x.transpose(0, 2, 3, 1), out.transpose(0, 2, 3, 1)

    def work(n: int) -> None:
        rows = _gather(images[n], taps[0], axis=0)  # (OH, W, C)
        resized[n] = _gather(rows, taps[1], axis=1)

    _for_each_image(x, work)
    return out


def _resize_backward(grad: np.ndarray, input_size: Pair, taps: list[Taps]) -> np.ndarray:
    out = channels_last_empty((*grad.shape[:2], *input_size), grad.dtype)
    grads, images = grad.transpose(0, 2, 3, 1), out.transpose(0, 2, 3, 1)

    def work(n: int) -> None:
        values = grads[n].astype(compute_dtype(grad.dtype), copy=False)
        columns = _scatter(values.swapaxes(0, 1), taps[1], input_size[1])  # (W, OH, C)
        images[n] = _scatter(columns.swapaxes(0, 1), taps[0], input_size[0])

    _for_each_image(grad, work)
    return out


def _gather(image: np.ndarray, taps: Taps, axis: int) -> np.ndarray:
    """The weighted sum of the taps along ``axis`` of ``image`` (H, W, C)."""
    shape = (-1, 1, 1) if axis == 0 else (-1, 1)
    summands = []
    for pixels, weights in taps:
        values = image.take(pixels, axis)
        summands.append(values if weights is None else values * weights.reshape(shape))
    return sum(summands[1:], start=summands[0])


def _scatter(grad: np.ndarray, taps: Taps, size: int) -> np.ndarray:
    """The transpose of :func:`_gather` along axis 0: gradients of ``size`` input pixels."""
    out = np.zeros((size, *grad.shape[1:]), grad.dtype)
    for pixels, weights in taps:
        values = grad if weights is None else grad * weights[:, None, None]
        for pixel, value in zip(pixels, values, strict=True):
            out[pixel] += value
    return out


def _for_each_image(images: np.ndarray, work: Callable[[int], None]) -> None:
    def run(start: int, stop: int) -> None:
        for n in range(start, stop):
            work(n)

    for_each_slice(len(images), run)
