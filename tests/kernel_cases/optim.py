"""Steps of optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from minicnn import bfloat16

from .arrays import NAN, Cases, float32, normal


def optimizer_arguments(*numbers: Any, states: int) -> tuple[Any, ...]:
    """Lists of three params, gradients, and ``states`` states, then the hyperparameters."""
    shapes = [(3, 4), (2, 3, 2, 2), ()]
    params, grads, averages = ([np.asarray(normal(*s, seed=i)) for s in shapes] for i in range(3))
    squares = [[np.asarray(9 + normal(*s, seed=3 + i)) for s in shapes] for i in range(2)]
    return params, grads, *[squares[0], squares[1], averages][:states], lambda: numbers


def half_copies() -> list[np.ndarray | None]:
    return [np.zeros((3, 4), np.float16), None, np.zeros((), bfloat16)]


def optimizer_cases() -> Cases:
    p, g, m, h = optimizer_arguments(0.1, 0.9, 0.3, 0.1, states=1)
    nesterov = optimizer_arguments(0.1, 0.9, 0.0, 0.1, states=1)
    adam = optimizer_arguments(3, 0.1, 0.8, 0.97, 1e-3, 0.1, states=2)
    # maxima that are smaller than the squares, that stay, and that are not a number
    maxima = [np.asarray(s + by) for s, by in zip(adam[3], (-9.0, 9.0, NAN), strict=True)]
    p2, g2, squares, momenta, averages, h2 = optimizer_arguments(0.1, 0.9, 1e-3, 0.9, 0.1, states=3)
    plain_sgd = optimizer_arguments(0.1, 0.0, 0.0, 0.0, states=0)
    scaling, overflow = (float32(0.25), float32(0)), (float32(0.25), float32(1))
    return {
        "SGD": ("sgd_step", (*plain_sgd[:2], None, plain_sgd[2], False)),
        "SGD, momentum": ("sgd_step", (p, g, m, h, False)),
        "SGD, Nesterov": ("sgd_step", (*nesterov, True)),
        "SGD, half copies": ("sgd_step", (p, g, m, h, False, half_copies(), scaling)),
        "SGD, overflow": ("sgd_step", (p, g, m, h, False, half_copies(), overflow)),
        "Adam": ("adam_step", (*adam, False)),
        "AdamW": ("adam_step", (*adam, True)),
        "AMSGrad": ("adam_step", (*adam, False, None, None, maxima)),
        "AMSGrad, half copies": ("adam_step", (*adam, True, half_copies(), scaling, maxima)),
        "AdamW, half copies": ("adam_step", (*adam, True, half_copies(), scaling)),
        "RMSprop": ("rmsprop_step", (p2, g2, squares, None, None, h2)),
        "RMSprop, momentum": ("rmsprop_step", (p2, g2, squares, momenta, None, h2)),
        "RMSprop, centered": ("rmsprop_step", (p2, g2, squares, None, averages, h2)),
        "RMSprop, half copies": (
            "rmsprop_step",
            (p2, g2, squares, momenta, averages, h2, half_copies(), scaling),
        ),
    }


CASES: Cases = optimizer_cases()
