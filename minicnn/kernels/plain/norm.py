"""Batch normalisation by channel, and local response normalisation across channels."""

import numpy as np

from ...typing import Array
from .arrays import widen


def batch_norm(
    x: Array, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array]:
    """(x - mean) / sqrt(variance + eps) * weight + bias, the mean and the biased variance (C,)."""
    images, axes = widen(x), (0, *range(2, x.ndim))
    mean, variance = images.mean(axes, dtype=np.float64), images.var(axes, dtype=np.float64)
    variance = variance.astype(images.dtype)
    scale = (1 if weight is None else weight) / np.sqrt(variance.astype(np.float64) + eps)
    out = (images - _by_channel(mean, x)) * _by_channel(scale, x)
    if bias is not None:
        out = out + _by_channel(bias, x)
    return out.astype(x.dtype), mean.astype(images.dtype), variance


def batch_norm_backward(
    grad: Array, x: Array, weight: Array | None, mean: Array, variance: Array, eps: float
) -> tuple[Array, Array, Array]:
    """grad (N, C, ...) -> the gradients of x (N, C, ...), weight (C,) and bias (C,).

    h is the normalised x. Mean and variance depend on x, too, so the gradient of x is
    weight / sqrt(variance + eps) * (grad - mean(grad) - h * mean(grad * h)).
    """
    images, axes, count = widen(x), (0, *range(2, x.ndim)), x.size // x.shape[1]
    inverse = 1 / np.sqrt(variance.astype(np.float64) + eps)
    h = (images - _by_channel(mean, x)) * _by_channel(inverse, x)
    weight_grad, bias_grad = (grad * h).sum(axes), grad.sum(axes, dtype=np.float64)
    centered = grad - _by_channel(bias_grad / count, x) - h * _by_channel(weight_grad / count, x)
    x_grad = centered * _by_channel(inverse if weight is None else inverse * weight, x)
    return x_grad.astype(x.dtype), weight_grad.astype(images.dtype), bias_grad.astype(images.dtype)


def running_average_step(running: Array, batch: Array, momentum: float, factor: float) -> None:
    """running = (1 - momentum) * running + momentum * factor * batch, in place."""
    running[...] = widen(running) * (1 - momentum) + widen(batch) * factor * momentum


def channel_affine(x: Array, scale: Array, shift: Array, out: Array | None = None) -> Array:
    """x * scale + shift, with scale and shift (C,), written to ``out`` if given."""
    result = (widen(x) * _by_channel(scale, x) + _by_channel(shift, x)).astype(x.dtype)
    return result if out is None else np.positive(result, out=out)


def local_response_norm(x: Array, size: int, alpha: float, beta: float, k: float) -> Array:
    """x / r^beta, where r = k + alpha / size * (sum of x^2 over ``size`` neighbouring channels)."""
    images = widen(x)
    r = k + alpha / size * _neighbour_sum(images**2, size // 2, (size - 1) // 2)
    return (images * r**-beta).astype(x.dtype)


def local_response_norm_backward(
    grad: Array, x: Array, size: int, alpha: float, beta: float, k: float
) -> Array:
    """grad (N, C, ...) -> the gradient of x, which also enters the r of its neighbours."""
    images = widen(x)
    r = k + alpha / size * _neighbour_sum(images**2, size // 2, (size - 1) // 2)
    direct = grad * r**-beta
    through_r = _neighbour_sum(direct * images / r, (size - 1) // 2, size // 2)
    return (direct - 2 * alpha * beta / size * images * through_r).astype(x.dtype)


def _by_channel(values: Array, x: Array) -> Array:
    """(C,) -> (C, 1, ...), which broadcasts to x (N, C, ...)."""
    return values.reshape(-1, *(1 for _ in x.shape[2:]))


def _neighbour_sum(x: Array, before: int, after: int) -> Array:
    """The sum of each channel, ``before`` channels before it and ``after`` channels after it."""
    padded = np.pad(x, [(0, 0), (before, after), *((0, 0) for _ in x.shape[2:])])
    neighbours = [padded[:, i : i + x.shape[1]] for i in range(before + 1 + after)]
    return np.sum(neighbours, axis=0)
