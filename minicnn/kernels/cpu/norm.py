"""Normalisation on the CPU: batch normalisation by channel, and local response normalisation.

Batch normalisation sees its input as a matrix with one row per line of pixels, see :mod:`.rows`.
"""

from __future__ import annotations

import numpy as np

from ...memory import empty
from .runtime.masking import clip_negative, select_positive
from .runtime.precision import compute_type
from .runtime.rows import as_rows, channel_sums, for_each_row_block, from_rows, tile_channels
from .runtime.threads import scratch

__all__ = [
    "batch_norm",
    "batch_norm_backward",
    "channel_affine",
    "local_response_norm",
    "local_response_norm_backward",
]


def batch_norm(
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    eps: float,
    residual: np.ndarray | None = None,
    relu: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x - mean) / sqrt(variance + eps) * weight + bias, with the statistics of each channel.

    As ``torch.nn.functional.batch_norm`` in training. The variance is the mean squared distance
    from the mean, which stays accurate where the mean is large.

    Args:
        x: (N, C), (N, C, L) or (N, C, H, W).
        weight, bias: (C,), or None for ones and zeros.
        eps: added to the variance.
        residual: added to that, of the shape of ``x``; or None.
        relu: whether negative results become 0.

    Returns:
        The output, and the mean and the (biased) variance, (C,) in float32 or better.
    """
    dtype = compute_type(x)
    rows = as_rows(x)
    count = x.size // x.shape[1]

    (sums,) = channel_sums(rows, x.shape, lambda at: rows[at])
    mean = sums / count
    center = tile_channels(mean, rows, dtype)

    def squares(at: slice) -> np.ndarray:
        distance = scratch("batch_norm.distance", rows[at].shape, dtype)
        np.subtract(rows[at], center, out=distance)
        return np.multiply(distance, distance, out=distance)

    (sums,) = channel_sums(rows, x.shape, squares)
    variance = sums / count
    scale = 1 / np.sqrt(variance + eps)
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    out = channel_affine(x, scale, shift, residual, relu)
    return out, mean.astype(dtype), variance.astype(dtype)


def batch_norm_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    eps: float,
    out: np.ndarray | None = None,
    with_residual: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients of :func:`batch_norm`.

    Args:
        grad: gradient of the result, of the shape of ``x``.
        x, weight, eps: as given to :func:`batch_norm`.
        mean, variance: (C,), as returned by it.
        out: as returned by it if it had ``relu``: where it is 0 no gradient passes. Else None.
        with_residual: whether the gradient of the residual is wanted, too.

    Returns:
        The gradients of x, of weight and bias (C,), and of the residual (or None).
    """
    dtype = compute_type(x)
    rows, grads = as_rows(x), as_rows(grad)
    outs = None if out is None else as_rows(out)
    count = x.size // x.shape[1]
    center = tile_channels(mean, rows, dtype)
    passed = grads if outs is None else empty(rows.shape, x.dtype)  # what the ReLU lets through

    def gradients(at: slice) -> np.ndarray:
        if outs is not None:
            select_positive(grads[at], outs[at], out=passed[at])
        return passed[at]

    def products(at: slice) -> np.ndarray:
        distance = scratch("batch_norm.distance", rows[at].shape, dtype)
        np.subtract(rows[at], center, out=distance)
        return np.multiply(distance, passed[at], out=distance)

    bias_grad, product_sum = channel_sums(rows, x.shape, gradients, products)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + eps)  # of the standard deviation
    weight_grad = product_sum * inverse

    # With h = (x - mean) * inverse the gradient of x is
    # weight * inverse * (grad - mean(grad) - h * mean(grad * h)).
    factor = inverse if weight is None else inverse * weight
    slope = -inverse * weight_grad / count
    shift = tile_channels(-bias_grad / count - mean * slope, rows, dtype)
    slope = tile_channels(slope, rows, dtype)
    factor = tile_channels(factor, rows, dtype)
    is_free = outs is not None and not with_residual  # what the ReLU let through, after its use
    result = passed if is_free else empty(rows.shape, x.dtype)

    def differentiate(at: slice) -> None:
        block = scratch("batch_norm.distance", rows[at].shape, dtype)
        np.multiply(rows[at], slope, out=block)
        block += shift
        block += passed[at]
        np.multiply(block, factor, out=result[at], casting="same_kind")

    for_each_row_block(rows, differentiate)
    return (
        from_rows(result, x.shape),
        weight_grad.astype(dtype),
        bias_grad.astype(dtype),
        from_rows(passed, x.shape) if with_residual else None,
    )


def channel_affine(
    x: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    residual: np.ndarray | None = None,
    relu: bool = False,
) -> np.ndarray:
    """x * scale + shift + residual, and with ``relu`` 0 where that is negative.

    Args:
        x: (N, C, ...).
        scale, shift: (C,), along axis 1 of ``x``.
        residual: of the shape of ``x``, or None.
        relu: whether negative results become 0.
    """
    rows, dtype = as_rows(x), compute_type(x)
    out = empty(rows.shape, x.dtype)
    residuals = None if residual is None else as_rows(residual)
    scale, shift = (tile_channels(each, rows, dtype) for each in (scale, shift))

    def work(at: slice) -> None:
        # the block stays in the cache until it is done; 16 bits are rounded at the end
        exact = out.dtype == dtype
        block = out[at] if exact else scratch("batch_norm.block", rows[at].shape, dtype)
        np.multiply(rows[at], scale, out=block)
        block += shift
        if residuals is not None:
            block += residuals[at]
        if relu:
            clip_negative(block, out=block)
        if not exact:
            out[at] = block

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
    return empty((x.size // x.shape[1], x.shape[1]), x.dtype)
