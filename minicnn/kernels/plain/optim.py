"""The update rules of the optimizers. Params, states and half-precision copies are written to."""

from collections.abc import Callable, Sequence

import numpy as np

from ...typing import Array
from .arrays import widen

Arrays = Sequence[Array]
Hyperparameters = Callable[[], Sequence[float]]
HalfCopies = Sequence[Array | None]
Scaling = tuple[Array, Array]  # inverse_scale, found_inf


def sgd_step(
    params: Arrays, grads: Arrays, momenta: Arrays | None, hyperparameters: Hyperparameters,
    nesterov: bool, half_copies: HalfCopies | None = None, scaling: Scaling | None = None,
) -> None:  # fmt: skip
    """One step of gradient descent, with momentum if there are momenta."""
    lr, momentum, dampening, weight_decay = hyperparameters()

    def update(p, g, buffer):
        g = g + weight_decay * p
        if buffer is None:
            return p - lr * g, None
        buffer = momentum * buffer + (1 - dampening) * g
        return p - lr * (g + momentum * buffer if nesterov else buffer), buffer

    _update_all(update, params, grads, [momenta], half_copies, scaling)


def adam_step(
    params: Arrays, grads: Arrays, means: Arrays, squares: Arrays, hyperparameters: Hyperparameters,
    decoupled: bool, half_copies: HalfCopies | None = None, scaling: Scaling | None = None,
    maxima: Arrays | None = None,
) -> None:  # fmt: skip
    """One step of Adam, or of AdamW if weight decay is decoupled; AMSGrad if there are maxima."""
    step, lr, beta1, beta2, eps, weight_decay = hyperparameters()

    def update(p, g, mean, square, largest):
        if decoupled:
            p = p - lr * weight_decay * p
        else:
            g = g + weight_decay * p
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g**2
        largest = square if largest is None else np.maximum(largest, square)
        unbiased_mean = mean / (1 - beta1**step)  # the averages started at 0
        unbiased_square = largest / (1 - beta2**step)
        return p - lr * unbiased_mean / (np.sqrt(unbiased_square) + eps), mean, square, largest

    _update_all(update, params, grads, [means, squares, maxima], half_copies, scaling)


def rmsprop_step(
    params: Arrays, grads: Arrays, squares: Arrays, momenta: Arrays | None, averages: Arrays | None,
    hyperparameters: Hyperparameters, half_copies: HalfCopies | None = None,
    scaling: Scaling | None = None,
) -> None:  # fmt: skip
    """One step of RMSprop, with momentum if there are momenta, centered if there are averages."""
    lr, alpha, eps, momentum, weight_decay = hyperparameters()

    def update(p, g, square, buffer, average):
        g = g + weight_decay * p
        square = variance = alpha * square + (1 - alpha) * g**2
        if average is not None:
            average = alpha * average + (1 - alpha) * g
            variance = square - average**2
        step = g / (np.sqrt(variance) + eps)
        if buffer is not None:
            step = buffer = momentum * buffer + step
        return p - lr * step, square, buffer, average

    _update_all(update, params, grads, [squares, momenta, averages], half_copies, scaling)


def _update_all(update, params, grads, states, half_copies, scaling):
    """Writes ``update(param, grad, *states)`` to each param and its states (None if not used)."""
    inverse_scale, found_inf = scaling or (1, False)
    if found_inf:
        return
    lists = [each or [None] * len(params) for each in (half_copies, *states)]
    for p, g, half_copy, *state in zip(params, grads, *lists, strict=True):
        wide_p, *wide = (None if array is None else widen(array) for array in (p, *state))
        updated = update(wide_p, g.astype(wide_p.dtype) * inverse_scale, *wide)
        for array, new in zip((p, *state), updated, strict=True):
            if array is not None:
                array[...] = new
        if half_copy is not None:
            half_copy[...] = p
