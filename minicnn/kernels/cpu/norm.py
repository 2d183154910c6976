"""Normalisation on the CPU: batch normalisation by channel, and local response normalisation.

Batch normalisation sees its input as a matrix with one row per line of pixels, see :mod:`.rows`.
"""

from __future__ import annotations

import numpy as np

from .precision import compute_type
from .rows import as_rows, channel_sums, for_each_row_block, from_rows, tile_channels
from .threads import scratch

__all__ = [
    "batch_norm",
    "batch_norm_backward",
    "channel_affine",
    "local_response_norm",
    "local_response_norm_backward",
]


def batch_norm(
    x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x - mean) / sqrt(variance + eps) * weight + bias, with the statistics of each channel.

    As ``torch.nn.functional.batch_norm`` in training. The variance is the mean squared distance
    from the mean, which stays accurate where the mean is large.

    Args:
        x: (N, C), (N, C, L) or (N, C, H, W).
        weight, bias: (C,), or None for ones and zeros.
        eps: added to the variance.

    Returns:
        The output, and the mean and the (biased) variance, (C,) in float32 or better.
    """
    dtype = compute_type(x)
    rows = as_rows(x)
    count = x.size // x.shape[1]

    mean = channel_sums(rows, x.shape, lambda at: rows[at]) / count
    center = tile_channels(mean, rows, dtype)

    def squares(at: slice) -> np.ndarray:
        distance = _distance(rows[at], center)
        return np.multiply(distance, distance, out=distance)

    variance = channel_sums(rows, x.shape, squares) / count
    scale = 1 / np.sqrt(variance + eps)
    scale = tile_channels(scale if weight is None else scale * weight, rows, dtype)
    shift = None if bias is None else tile_channels(bias, rows, dtype)
    out = np.empty(rows.shape, x.dtype)

    def normalise(at: slice) -> None:
        distance = _distance(rows[at], center)
        distance *= scale
        if shift is not None:
            distance += shift
        out[at] = distance

    for_each_row_block(rows, normalise)
    return from_rows(out, x.shape), mean.astype(dtype), variance.astype(dtype)


def batch_norm_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    eps: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of x, weight and bias (the last two (C,)) of :func:`batch_norm`."""
    dtype = compute_type(x)
    rows, grads = as_rows(x), as_rows(grad)
    count = x.size // x.shape[1]
    center = tile_channels(mean, rows, dtype)

    def products(at: slice) -> np.ndarray:
        distance = _distance(rows[at], center)
        return np.multiply(distance, grads[at], out=distance)

    bias_grad = channel_sums(grads, x.shape, lambda at: grads[at])
    product_sum = channel_sums(rows, x.shape, products)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + eps)  # of the standard deviation
    weight_grad = product_sum * inverse

    # With h = (x - mean) * inverse the gradient of x is
    # weight * inverse * (grad - mean(grad) - h * mean(grad * h)).
    factor = inverse if weight is None else inverse * weight
    slope = tile_channels(-factor * inverse * weight_grad / count, rows, dtype)
    shift = tile_channels(-factor * bias_grad / count, rows, dtype)
    factor = tile_channels(factor, rows, dtype)
    out = np.empty(rows.shape, x.dtype)

    def differentiate(at: slice) -> None:
        distance = _distance(rows[at], center)
        distance *= slope
        distance += shift
        scaled = scratch("batch_norm.scaled", distance.shape, dtype)
        np.multiply(grads[at], factor, out=scaled)
        distance += scaled
        out[at] = distance

    for_each_row_block(rows, differentiate)
    return from_rows(out, x.shape), weight_grad.astype(dtype), bias_grad.astype(dtype)


def channel_affine(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """x * scale + shift, with ``scale`` and ``shift`` (C,) along axis 1 of ``x``."""
    rows, dtype = as_rows(x), compute_type(x)
    out = np.empty(rows.shape, x.dtype)
    wide_scale, wide_shift = tile_channels(scale, rows, dtype), tile_channels(shift, rows, dtype)

    def work(at: slice) -> None:
        scaled = scratch("batch_norm.scaled", rows[at].shape, dtype)
        np.multiply(rows[at], wide_scale, out=scaled)
        np.add(scaled, wide_shift, out=out[at], casting="same_kind")

    for_each_row_block(rows, work)
    return from_rows(out, x.shape)


def local_response_norm(
    x: np.ndarray, size: int, alpha: float, beta: float, k: float
) -> np.ndarray:
    """x / (k + alpha / size * s)^beta, s the sum of squares over ``size`` neighbouring channels.

    Args:
        x: (N, C, ...).
        size: channel c is divided by the squares of c - size // 2 to c + (size - 1) // 2.

    As ``torch.nn.functional.local_response_norm``, which divides ``alpha`` by ``size``; Krizhevsky
    et al. (2012) do not.
    """
    rows, out = _pixels(x), _empty_pixels(x)

    def work(at: slice) -> None:
        block = rows[at].astype(compute_type(x), copy=False)
        out[at] = block * _response(block, size, alpha, k) ** -beta

    for_each_row_block(rows, work)
    return from_rows(out, x.shape)


def local_response_norm_backward(
    grad: np.ndarray, x: np.ndarray, size: int, alpha: float, beta: float, k: float
) -> np.ndarray:
    """The gradient of x of :func:`local_response_norm`, given ``grad`` of the output."""
    rows, grads, out = _pixels(x), _pixels(grad), _empty_pixels(x)

    def work(at: slice) -> None:
        block = rows[at].astype(compute_type(x), copy=False)
        response = _response(block, size, alpha, k)
        scaled = grads[at] * response**-beta
        # Channel c divides those that have c among their neighbours: the window mirrored.
        shared = _window_sums(scaled * block / response, (size - 1) // 2, size // 2)
        out[at] = scaled - (2 * alpha * beta / size) * block * shared

    for_each_row_block(rows, work)
    return from_rows(out, x.shape)


def _response(x: np.ndarray, size: int, alpha: float, k: float) -> np.ndarray:
    response = _window_sums(x * x, size // 2, (size - 1) // 2)
    response *= alpha / size
    response += k
    return response


def _window_sums(x: np.ndarray, before: int, after: int) -> np.ndarray:
    """The sum of each channel of ``x`` (M, C) and those up to ``before`` and ``after`` it."""
    C = x.shape[1]
    sums = x.copy()
    for shift in range(1, min(before, C - 1) + 1):
        sums[:, shift:] += x[:, :-shift]
    for shift in range(1, min(after, C - 1) + 1):
        sums[:, :-shift] += x[:, shift:]
    return sums


def _pixels(x: np.ndarray) -> np.ndarray:
    """(N, C, ...) -> (M, C)"""
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def _empty_pixels(x: np.ndarray) -> np.ndarray:
    return np.empty((x.size // x.shape[1], x.shape[1]), x.dtype)


def _distance(rows: np.ndarray, center: np.ndarray) -> np.ndarray:
    """rows - center, in scratch memory."""
    distance = scratch("batch_norm.distance", rows.shape, center.dtype)
    return np.subtract(rows, center, out=distance)
