"""Optimizer steps on the GPU, one kernel launch per parameter; arrays are updated in place."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import cupy

from .module import FLOATS, CudaFile

__all__ = ["adam_step", "rmsprop_step", "sgd_step"]

Arrays = Sequence[cupy.ndarray]

cuda_file = CudaFile("optim.cu")
_sgd = cuda_file.kernel("sgd_step", FLOATS)
_adam = cuda_file.kernel("adam_step", FLOATS)
_rmsprop = cuda_file.kernel("rmsprop_step", FLOATS)


def sgd_step(
    params: Arrays,
    grads: Arrays,
    momenta: Arrays | None,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
) -> None:
    """One step of ``torch.optim.SGD``.

    Args:
        params: the weights, written in place.
        grads: their gradients.
        momenta: momentum buffers, written in place, or None without momentum; zeros before the
            first step, whose dampening the caller sets to 0.
        lr, momentum, dampening, weight_decay, nesterov: as in torch.
    """
    numbers = float(lr), float(momentum), 1.0 - dampening, float(weight_decay)
    for param, grad, buffer in zip(params, grads, _or_none(momenta, params), strict=True):
        with _in_place(param, buffer) as (p, b):
            _sgd[param.dtype](p.size, p, cupy.ascontiguousarray(grad), b, *numbers, nesterov)


def adam_step(
    params: Arrays,
    grads: Arrays,
    means: Arrays,
    squares: Arrays,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    """One step of ``torch.optim.Adam``, or of ``AdamW`` if ``decoupled``.

    Args:
        params: the weights, written in place.
        grads: their gradients.
        means, squares: running averages of gradient and squared gradient, written in place.
        step: the number of this step, from 1 on.
        lr, beta1, beta2, eps, weight_decay: as in torch.
        decoupled: whether weights decay by themselves instead of through the gradient.
    """
    numbers = (
        float(lr),
        lr / (1.0 - beta1**step),
        math.sqrt(1.0 - beta2**step),
        float(beta1),
        1.0 - beta1,
        float(beta2),
        1.0 - beta2,
        float(eps),
        float(weight_decay),
    )
    for param, grad, mean, square in zip(params, grads, means, squares, strict=True):
        with _in_place(param, mean, square) as (p, m, s):
            _adam[param.dtype](p.size, p, cupy.ascontiguousarray(grad), m, s, *numbers, decoupled)


def rmsprop_step(
    params: Arrays,
    grads: Arrays,
    squares: Arrays,
    momenta: Arrays | None,
    averages: Arrays | None,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
    weight_decay: float,
) -> None:
    """One step of ``torch.optim.RMSprop``.

    Args:
        params: the weights, written in place.
        grads: their gradients.
        squares: running averages of the squared gradient, written in place.
        momenta: momentum buffers, written in place, or None without momentum.
        averages: running averages of the gradient, written in place, or None unless centered.
        lr, alpha, eps, momentum, weight_decay: as in torch.
    """
    numbers = float(lr), float(alpha), 1.0 - alpha, float(eps), float(momentum), float(weight_decay)
    buffers, means = _or_none(momenta, params), _or_none(averages, params)
    for param, grad, square, buffer, mean in zip(
        params, grads, squares, buffers, means, strict=True
    ):
        with _in_place(param, square, buffer, mean) as (p, s, b, m):
            _rmsprop[param.dtype](p.size, p, cupy.ascontiguousarray(grad), s, b, m, *numbers)


def _or_none(arrays: Arrays | None, params: Arrays) -> Sequence[cupy.ndarray | None]:
    return [None] * len(params) if arrays is None else arrays


@contextlib.contextmanager
def _in_place(*arrays: cupy.ndarray | None) -> Iterator[list[Any]]:
    """The arrays for a kernel to write into; those that are not dense as copies, written back."""
    written = [
        array if array is None or array.flags.c_contiguous else cupy.ascontiguousarray(array)
        for array in arrays
    ]
    yield written
    for array, copy in zip(arrays, written, strict=True):
        if array is not None and copy is not array:
            array[...] = copy
