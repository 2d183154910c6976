"""Normalisation on the CPU: batch normalisation by channel, and local response normalisation.

Batch normalisation treats its input as a matrix with one row for each line of pixels: see
:mod:`.runtime.rows`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...memory import empty
from .runtime.gates import ACTIVATIONS, Write
from .runtime.masking import clip_negative, pass_through_relu
from .runtime.precision import compute_dtype
from .runtime.rows import (
    as_rows,
    channel_sums,
    for_each_row_block,
    from_rows,
    is_one_block,
    tile_channels,
)
from .runtime.threads import scratch

__all__ = [
    "batch_norm",
    "batch_norm_activation",
    "batch_norm_activation_backward",
    "batch_norm_backward",
    "batch_norm_relu",
    "batch_norm_relu_backward",
    "channel_affine",
    "channel_affine_relu",
    "local_response_norm",
    "local_response_norm_backward",
    "running_average_step",
]

_SAMPLED_PIXELS = 64  # for a number near the mean

Normalized = tuple[np.ndarray, np.ndarray, np.ndarray]  # the output, mean and variance
Gradients = tuple[np.ndarray, np.ndarray, np.ndarray]  # of x, weight and bias


def batch_norm(
    x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None, eps: float
) -> Normalized:
    """(x - mean) / sqrt(variance + eps) * weight + bias, with the statistics of each channel.

    As ``torch.nn.functional.batch_norm`` in training.

    Args:
        x: (N, C), (N, C, L) or (N, C, H, W).
        weight, bias: (C,), or None for ones and zeros.
        eps: added to the variance.

    Returns:
        The output, and the mean and the (biased) variance, (C,) in float32 or better.
    """
    return _batch_norm(x, weight, bias, eps)


def batch_norm_relu(
    x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None, eps: float
) -> Normalized:
    """:func:`batch_norm`, then ReLU while the results are still in the cache."""
    return _batch_norm(x, weight, bias, eps, clip_negative)


def batch_norm_activation(
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    eps: float,
    activation: str,
) -> Normalized:
    """:func:`batch_norm`, then an activation while the results are still in the cache.

    Args:
        x, weight, bias, eps: as for :func:`batch_norm`; x is float32 or float64.
        activation: one of ``ACTIVATIONS``.
    """
    return _batch_norm(x, weight, bias, eps, ACTIVATIONS[activation].write)


def _batch_norm(
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    eps: float,
    activation: Write | None = None,
) -> Normalized:
    rows = as_rows(x)
    out = empty(rows.shape, rows.dtype)
    mean, variance = _statistics(rows, x.shape, out)
    scale, shift = _scale_and_shift(mean, variance, weight, bias, eps)
    return _affine(rows, out, x.shape, scale, shift, activation), *_rounded(x, mean, variance)


def _statistics(
    rows: np.ndarray, shape: tuple[int, ...], out: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The mean and variance (C,) of each channel, in float64, of an array of ``shape``, as rows.

    Both come from the distances to a number near the mean, in one pass over memory. So the variance
    is accurate for large means, too. The distances are written to ``out`` where that is all in the
    cache, as it is written next.
    """
    dtype, count = compute_dtype(rows.dtype), rows.size // shape[1]
    near_mean = _mean_of_some_pixels(rows.reshape(-1, shape[1]), dtype)
    center = tile_channels(near_mean, rows, dtype)
    in_out = out.dtype == dtype and is_one_block(rows)

    def distances(at: slice) -> np.ndarray:
        return np.subtract(rows[at], center, out=distances_at(at))

    def squares(at: slice) -> np.ndarray:
        distance = distances_at(at)
        return np.multiply(distance, distance, out=distance)

    def distances_at(at: slice) -> np.ndarray:
        return out if in_out else scratch("batch_norm.distance", rows[at].shape, dtype)

    offset, mean_square = channel_sums(rows, shape, distances, squares) / count
    return near_mean + offset, np.maximum(mean_square - offset * offset, 0)


def _mean_of_some_pixels(pixels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The mean of each channel (C,), in ``dtype``, over pixels (M, C) from the whole batch."""
    # an odd step, as the width of most images is even: not all in one column
    some = pixels[:: len(pixels) // _SAMPLED_PIXELS | 1]
    return np.add.reduce(some, axis=0, dtype=dtype) / max(1, len(some))


def _scale_and_shift(
    mean: np.ndarray,
    variance: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    eps: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Batch normalisation as x * scale + shift."""
    scale = 1 / np.sqrt(variance + eps)
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    return scale, shift if bias is None else bias + shift


def _rounded(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in the dtype that statistics of ``x`` and gradients of its weights have."""
    dtype = compute_dtype(x.dtype)
    return a.astype(dtype), b.astype(dtype)


def batch_norm_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    eps: float,
) -> Gradients:
    """The gradients of x, weight and bias in :func:`batch_norm`.

    Args:
        grad: gradient of the output, of the shape of ``x``.
        x, weight, eps: as given to :func:`batch_norm`.
        mean, variance: (C,), as returned by it.

    Returns:
        The gradients of x, and of weight and bias (C,), in float32 or better, even if they are None.
    """
    grads = as_rows(grad)
    out = empty(grads.shape, x.dtype)
    return _backward(grads, lambda at: grads[at], out, x, weight, mean, variance, eps)


def batch_norm_relu_backward(
    grad: np.ndarray,
    out: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    eps: float,
) -> Gradients:
    """The gradients of x, weight and bias in :func:`batch_norm_relu`.

    Takes the arguments of :func:`batch_norm_backward`, and the output ``out``: the gradient passes
    where it is not 0.
    """
    grads, outs = as_rows(grad), as_rows(out)
    passed = empty(grads.shape, x.dtype)

    def pass_on(at: slice) -> np.ndarray:
        pass_through_relu(grads[at], outs[at], out=passed[at])
        return passed[at]

    return _backward(passed, pass_on, passed, x, weight, mean, variance, eps)


def batch_norm_activation_backward(
    grad: np.ndarray,
    out: np.ndarray | None,
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    eps: float,
    activation: str,
) -> Gradients:
    """The gradients of x, weight and bias in :func:`batch_norm_activation`.

    Takes the arguments of :func:`batch_norm_backward`, and the others of the operation. With the
    output ``out``, which relu6 allows, the gradient of the activation follows from it. Otherwise what
    the activation was given is computed again, which takes less time than to keep and read it.
    """
    write_gradient = ACTIVATIONS[activation].write_gradient
    grads, rows = as_rows(grad), as_rows(x)
    passed = empty(grads.shape, x.dtype)
    if out is not None:
        outs = as_rows(out)

        def pass_through(at: slice) -> np.ndarray:
            write_gradient(grads[at], outs[at], passed[at])
            return passed[at]

        return _backward(passed, pass_through, passed, x, weight, mean, variance, eps)

    scale, shift = (
        tile_channels(each, rows, x.dtype)
        for each in _scale_and_shift(mean, variance, weight, bias, eps)
    )

    def pass_on(at: slice) -> np.ndarray:
        normalised = scratch("batch_norm.distance", rows[at].shape, x.dtype)
        np.multiply(rows[at], scale, out=normalised)
        normalised += shift
        write_gradient(grads[at], normalised, passed[at])
        return passed[at]

    return _backward(passed, pass_on, passed, x, weight, mean, variance, eps)


def _backward(
    grads: np.ndarray,
    first_read: Callable[[slice], np.ndarray],
    out: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    eps: float,
) -> Gradients:
    """The gradients of x, weight and bias in batch normalisation.

    Args:
        grads: the gradient of the output, as rows.
        first_read: returns a block of ``grads``, which it may have to write first.
        out: rows for the gradient of x; may be ``grads``.
        x, weight, mean, variance, eps: as for :func:`batch_norm_backward`.
    """
    rows, dtype, count = as_rows(x), compute_dtype(x.dtype), x.size // x.shape[1]
    center = tile_channels(mean, rows, dtype)

    def products(at: slice) -> np.ndarray:
        distance = scratch("batch_norm.distance", rows[at].shape, dtype)
        np.subtract(rows[at], center, out=distance)
        return np.multiply(distance, grads[at], out=distance)

    sums = channel_sums(rows, x.shape, first_read, products)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + eps)  # of the standard deviation
    bias_grad, weight_grad = sums[0], sums[1] * inverse

    # With h = (x - mean) * inverse the gradient of x is
    #     weight * inverse * (grad - mean(grad) - h * mean(grad * h))
    # which is factor * (grad - (x * slope - shift)), with numbers for each channel. For large means
    # the inner difference comes first, as both of its parts are large, too.
    factor = inverse if weight is None else inverse * weight
    mean_grad, mean_product = sums / count
    slope = mean_product * inverse * inverse
    shift = mean * slope - mean_grad
    factor, slope, shift = (tile_channels(each, rows, dtype) for each in (factor, slope, shift))

    def differentiate(at: slice) -> None:
        block = scratch("batch_norm.distance", rows[at].shape, dtype)
        np.multiply(rows[at], slope, out=block)
        block -= shift
        np.subtract(grads[at], block, out=block)
        np.multiply(block, factor, out=out[at], casting="same_kind")

    for_each_row_block(rows, differentiate)
    return from_rows(out, x.shape), *_rounded(x, weight_grad, bias_grad)


def running_average_step(
    running: np.ndarray, batch: np.ndarray, momentum: float, factor: float
) -> None:
    """Moves running statistics to those of a batch.

    Args:
        running: any shape, written in place.
        batch: of the same shape.
        momentum: the share of the way that they move.
        factor: of the batch's statistics.
    """
    kept, values = (each.astype(compute_dtype(each.dtype), copy=False) for each in (running, batch))
    running[...] = kept * (1 - momentum) + values * factor * momentum


def channel_affine(
    x: np.ndarray, scale: np.ndarray, shift: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """x * scale + shift.

    Args:
        x: (N, C, ...).
        scale, shift: (C,), along axis 1 of ``x``.
        out: where to write the result, perhaps ``x``; by default a new array.
    """
    return _channel_affine(x, scale, shift, out)


def channel_affine_relu(
    x: np.ndarray, scale: np.ndarray, shift: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """:func:`channel_affine`, then ReLU while the results are still in the cache."""
    return _channel_affine(x, scale, shift, out, clip_negative)


def _channel_affine(
    x: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    out: np.ndarray | None,
    activation: Write | None = None,
) -> np.ndarray:
    rows = as_rows(x)
    target = empty(rows.shape, rows.dtype) if out is None else as_rows(out)
    result = _affine(rows, target, x.shape, scale, shift, activation)
    if out is None:
        return result
    if not np.may_share_memory(target, out):  # which is not channels-last
        out[...] = result
    return out


def _affine(
    rows: np.ndarray,
    out: np.ndarray,
    shape: tuple[int, ...],
    scale: np.ndarray,
    shift: np.ndarray,
    activation: Write | None,
) -> np.ndarray:
    """rows * scale + shift, written to ``out``: a view of it of ``shape``."""
    dtype = compute_dtype(rows.dtype)
    scale, shift = (tile_channels(each, rows, dtype) for each in (scale, shift))

    def work(at: slice) -> None:
        # results of 16 bits are computed in scratch memory and rounded at the end
        is_exact = out.dtype == dtype
        block = out[at] if is_exact else scratch("channel_affine.block", rows[at].shape, dtype)
        np.multiply(rows[at], scale, out=block)
        block += shift
        if activation is not None:
            activation(block, block)
        if not is_exact:
            out[at] = block

    for_each_row_block(rows, work)
    return from_rows(out, shape)


def local_response_norm(
    x: np.ndarray, size: int, alpha: float, beta: float, k: float
) -> np.ndarray:
    """x / (k + alpha / size * s)^beta, s the sum of squares over ``size`` neighbouring channels.

    Args:
        x: (N, C, ...).
        size: channel c is normalised by the channels c - size // 2 to c + (size - 1) // 2.
        alpha, beta, k: as in the formula.

    As ``torch.nn.functional.local_response_norm``, which divides ``alpha`` by ``size``; Krizhevsky
    et al. (2012) do not.
    """
    rows, out = _pixels(x), _empty_pixels(x)

    def work(at: slice) -> None:
        block = rows[at].astype(compute_dtype(x.dtype), copy=False)
        out[at] = block * _response(block, size, alpha, k) ** -beta

    for_each_row_block(rows, work)
    return from_rows(out, x.shape)


def local_response_norm_backward(
    grad: np.ndarray, x: np.ndarray, size: int, alpha: float, beta: float, k: float
) -> np.ndarray:
    """The gradient of ``x`` in :func:`local_response_norm`, given ``grad`` of the output."""
    rows, grads, out = _pixels(x), _pixels(grad), _empty_pixels(x)

    def work(at: slice) -> None:
        block = rows[at].astype(compute_dtype(x.dtype), copy=False)
        response = _response(block, size, alpha, k)
        scaled = grads[at] * response**-beta
        # Channel c takes part in the sums of all channels that have c as a neighbour, which is the
        # mirrored window.
        shared = _window_sums(scaled * block / response, (size - 1) // 2, size // 2)
        out[at] = scaled - (2 * alpha * beta / size) * block * shared

    for_each_row_block(rows, work)
    return from_rows(out, x.shape)


def _response(x: np.ndarray, size: int, alpha: float, k: float) -> np.ndarray:
    """k + alpha / size * s, of pixels (M, C)."""
    response = _window_sums(x * x, size // 2, (size - 1) // 2)
    response *= alpha / size
    response += k
    return response


def _window_sums(x: np.ndarray, before: int, after: int) -> np.ndarray:
    """For each channel of ``x`` (M, C) the sum from ``before`` channels before it to ``after`` it."""
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
