"""The update rules of the optimizers on the CPU, in place.

Each rule is a chain of elementwise passes. The whole chain runs over one block of every array before
the next block, so only its first pass reads from memory, and only its last pass writes to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from .runtime.layout import flatten, unflatten
from .runtime.threads import for_each_slice, scratch

__all__ = ["adam_step", "rmsprop_step", "sgd_step"]

# Elements. With smaller blocks threads wait for the interpreter lock; larger ones leave the cache.
_BLOCK = 1 << 18

# Elements. Shorter parameters, as those of batch norm, are updated together: for each alone, the calls
# of a rule take longer than a copy there and back.
_SHORT = 1 << 10

Arrays = Sequence[np.ndarray]
Hyperparameters = Callable[[], Sequence[Any]]
HalfCopies = Sequence[np.ndarray | None]
Scaling = tuple[np.ndarray, np.ndarray]
Flat = tuple[np.ndarray, list[np.ndarray], np.ndarray | None]  # gradient, updated, half copy


def sgd_step(
    params: Arrays,
    grads: Arrays,
    momenta: Arrays | None,
    hyperparameters: Hyperparameters,
    nesterov: bool,
    half_copies: HalfCopies | None = None,
    scaling: Scaling | None = None,
) -> None:
    """One step of gradient descent, as ``torch.optim.SGD``.

    Args:
        params, grads, momenta: arrays of equal shapes; params and momenta are updated. ``momenta``
            is None without momentum, and zeros before the first step.
        hyperparameters: returns (lr, momentum, dampening, weight_decay). The momentum gets
            1 - dampening times the gradient; the caller passes 0 in the first step, as in torch.
        nesterov: whether to use Nesterov's momentum.
        half_copies: copies of the weights in half precision, which are updated, too; or None.
        scaling: (inverse_scale, found_inf) or None. Gradients are multiplied by the first; if the
            second is not 0, nothing is updated.
    """
    lr, momentum, dampening, weight_decay = hyperparameters()

    def update(p: np.ndarray, g: np.ndarray, buffer: np.ndarray | None = None) -> None:
        step = _scratch("step", p)
        if weight_decay:
            g = _decayed(g, p, weight_decay)
        if buffer is not None:
            buffer *= momentum
            if dampening:
                np.multiply(g, 1 - dampening, out=step)
                buffer += step
            else:
                buffer += g
            if nesterov:
                np.multiply(buffer, momentum, out=step)
                g = np.add(step, g, out=step)
            else:
                g = buffer
        p -= np.multiply(g, lr, out=step)

    states = [] if momenta is None else [momenta]
    _for_each_block(update, grads, params, states, half_copies, scaling)


def adam_step(
    params: Arrays,
    grads: Arrays,
    means: Arrays,
    squares: Arrays,
    hyperparameters: Hyperparameters,
    decoupled: bool,
    half_copies: HalfCopies | None = None,
    scaling: Scaling | None = None,
    maxima: Arrays | None = None,
) -> None:
    """One step of Adam, as ``torch.optim.Adam``, or as ``AdamW`` if ``decoupled``.

    Args:
        params, grads, means, squares, maxima: arrays of equal shapes; all but grads are updated.
            ``means`` and ``squares`` are running averages of the gradient and of its square,
            ``maxima`` the largest ``squares`` so far (AMSGrad), or None.
        hyperparameters: returns (step, lr, beta1, beta2, eps, weight_decay); the first step is 1.
        decoupled: whether to multiply the weights by 1 - lr * weight_decay, instead of adding
            weight_decay times the weights to the gradient.
        half_copies, scaling: as for :func:`sgd_step`.
    """
    step, lr, beta1, beta2, eps, weight_decay = hyperparameters()
    # With c = sqrt(1 - beta2^step), the update m / (1 - beta1^step) / (sqrt(v) / c + eps) equals
    # c / (1 - beta1^step) * m / (sqrt(v) + c * eps), which saves a pass.
    correction = math.sqrt(1 - beta2**step)
    rate = lr * correction / (1 - beta1**step)

    def update(
        p: np.ndarray, g: np.ndarray, mean: np.ndarray, square: np.ndarray, *rest: np.ndarray
    ) -> None:
        t = _scratch("step", p)
        if weight_decay and decoupled:
            p *= 1 - lr * weight_decay
        elif weight_decay:
            g = _decayed(g, p, weight_decay)
        _move(mean, g, 1 - beta1, t)
        _average_square(square, g, beta2, t)
        if rest:
            square = np.maximum(rest[0], square, out=rest[0])
        np.sqrt(square, out=t)
        t += eps * correction
        np.divide(mean, t, out=t)
        t *= rate
        p -= t

    states = [means, squares] if maxima is None else [means, squares, maxima]
    _for_each_block(update, grads, params, states, half_copies, scaling)


def rmsprop_step(
    params: Arrays,
    grads: Arrays,
    squares: Arrays,
    momenta: Arrays | None,
    averages: Arrays | None,
    hyperparameters: Hyperparameters,
    half_copies: HalfCopies | None = None,
    scaling: Scaling | None = None,
) -> None:
    """One step of RMSprop, as ``torch.optim.RMSprop``.

    Args:
        params, grads, squares, momenta, averages: arrays of equal shapes; all but grads are
            updated. ``squares`` are running averages of the squared gradient, ``averages`` of the
            gradient (None unless centered); ``momenta`` is None without momentum.
        hyperparameters: returns (lr, alpha, eps, momentum, weight_decay).
        half_copies, scaling: as for :func:`sgd_step`.
    """
    lr, alpha, eps, momentum, weight_decay = hyperparameters()
    states = [squares, *(each for each in (momenta, averages) if each is not None)]

    def update(p: np.ndarray, g: np.ndarray, square: np.ndarray, *rest: np.ndarray) -> None:
        t = _scratch("step", p)
        if weight_decay:
            g = _decayed(g, p, weight_decay)
        _average_square(square, g, alpha, t)
        if averages is not None:
            average = rest[-1]
            _move(average, g, 1 - alpha, t)
            np.multiply(average, average, out=t)
            np.subtract(square, t, out=t)
            np.sqrt(t, out=t)
        else:
            np.sqrt(square, out=t)
        t += eps
        np.divide(g, t, out=t)
        if momenta is not None:
            buffer = rest[0]
            buffer *= momentum
            buffer += t
            np.multiply(buffer, lr, out=t)
        else:
            t *= lr
        p -= t

    _for_each_block(update, grads, params, states, half_copies, scaling)


def _scratch(name: str, like: np.ndarray) -> np.ndarray:
    return scratch(f"optim.{name}", like.shape, like.dtype)


def _decayed(g: np.ndarray, p: np.ndarray, weight_decay: float) -> np.ndarray:
    """g + weight_decay * p, in scratch memory."""
    decayed = np.multiply(p, weight_decay, out=_scratch("decayed", p))
    return np.add(decayed, g, out=decayed)


def _move(average: np.ndarray, g: np.ndarray, share: float, scratch: np.ndarray) -> None:
    """average += share * (g - average)"""
    np.subtract(g, average, out=scratch)
    scratch *= share
    average += scratch


def _average_square(square: np.ndarray, g: np.ndarray, beta: float, scratch: np.ndarray) -> None:
    """square = beta * square + (1 - beta) * g^2"""
    square *= beta
    np.multiply(g, g, out=scratch)
    scratch *= 1 - beta
    square += scratch


def _for_each_block(
    update: Callable[..., None],
    grads: Arrays,
    params: Arrays,
    states: Sequence[Arrays],
    half_copies: HalfCopies | None,
    scaling: Scaling | None,
) -> None:
    """Call ``update(param, grad, *states)`` for 1-D blocks of all parameters, on all threads.

    Every array is read in the memory order of its parameter. An array with another memory order is
    copied, updated, and written back.
    """
    inverse_scale, found_inf = scaling or (None, False)
    if found_inf:
        return
    flats, copies = _flattened(grads, params, states, half_copies)
    blocks = _blocks(flats)

    def work(start: int, stop: int) -> None:
        for (g, written, half), at in chain.from_iterable(blocks[start:stop]):
            p, *rest = (array[at] for array in written)
            if inverse_scale is None and g.dtype == p.dtype and p.itemsize > 2:
                update(p, g[at], *rest)
            else:
                _update_converted(update, p, g[at], rest, inverse_scale)
            if half is not None:
                half[at] = p

    for_each_slice(len(blocks), work)
    for array, updated in copies:
        array[...] = updated


def _blocks(flats: list[Flat]) -> list[list[tuple[Flat, slice]]]:
    """Blocks of about equally many elements: a part of one parameter, or several small ones."""
    blocks: list[list[tuple[Flat, slice]]] = [[]]
    count = 0
    for flat in flats:
        for start in range(0, flat[0].size, _BLOCK):
            part = slice(start, min(start + _BLOCK, flat[0].size))
            if count + part.stop - start > _BLOCK:
                blocks.append([])
                count = 0
            blocks[-1].append((flat, part))
            count += part.stop - start
    return blocks


def _flattened(
    grads: Arrays, params: Arrays, states: Sequence[Arrays], half_copies: HalfCopies | None
) -> tuple[list[Flat], list[tuple[np.ndarray, np.ndarray]]]:
    """The arrays of each parameter in 1-D, and pairs of an array and the updated copy of it."""
    flats, copies = [], []
    short: list[tuple[np.ndarray, ...]] = []
    for p, g, half, *rest in zip(
        params, grads, half_copies or [None] * len(params), *states, strict=True
    ):
        if half is None and _is_short(p, g, *rest):
            short.append((g, p, *rest))
            continue
        written = [p, *rest] if half is None else [p, *rest, half]
        flat_p, flat_g, *flat_rest = flatten(p, g, *written[1:])
        copies += [
            (array, unflatten(view, p))
            for array, view in zip(written, [flat_p, *flat_rest])
            if not np.may_share_memory(array, view)
        ]
        flat_half = None if half is None else flat_rest.pop()
        flats.append((flat_g, [flat_p, *flat_rest], flat_half))
    if short:
        joined_g, *joined = map(np.concatenate, zip(*short, strict=True))
        flats.append((joined_g, joined, None))
        stops = np.cumsum([len(g) for g, *_ in short]).tolist()
        for (_, *written), start, stop in zip(short, [0, *stops], stops):
            copies += [(array, whole[start:stop]) for array, whole in zip(written, joined)]
    return flats, copies


def _is_short(p: np.ndarray, *others: np.ndarray) -> bool:
    """Whether a parameter is to be updated together with others."""
    return (
        p.ndim == 1
        and p.size <= _SHORT
        and p.dtype == np.float32
        and all(each.dtype == p.dtype for each in others)
    )


def _update_converted(
    update: Callable[..., None],
    p: np.ndarray,
    g: np.ndarray,
    states: Arrays,
    inverse_scale: np.ndarray | None,
) -> None:
    """``update`` with the unscaled gradient, in the dtype of the weights, but at least float32."""
    dtype = p.dtype if p.itemsize > 2 else np.dtype(np.float32)
    grad = scratch("optim.grad", g.shape, dtype)
    grad[...] = g
    if inverse_scale is not None:
        grad *= dtype.type(inverse_scale)
    if dtype == p.dtype:
        update(p, grad, *states)
        return
    written = [p, *states]
    converted = [scratch(f"optim.{i}", p.shape, dtype) for i in range(len(written))]
    for wide, array in zip(converted, written):
        wide[...] = array
    update(converted[0], grad, *converted[1:])
    for wide, array in zip(converted, written):
        array[...] = wide
