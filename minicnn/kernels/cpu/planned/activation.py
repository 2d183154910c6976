"""Steps of smooth activations, and those with a hard gate, in blocks that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..runtime.gates import write_gelu
from .elementwise import by_blocks
from .step import Call, Step

__all__ = ["ACTIVATIONS", "activation"]

_BLOCK_VALUES = 1 << 17  # threads wait for the interpreter lock between shorter passes

_MANY_PASSES = {"GELU": 1 << 19}  # waiting costs more there than leaving the second-level cache


def activation(name: str, x: np.ndarray, out: np.ndarray, threads: int = 1) -> Step:
    """``out`` = the activation of ``x``, of any equal shape, in other memory.

    Args:
        name: one of ``ACTIVATIONS``, of the operation in ``ops/``.
        x, out: arrays.
        threads: the number of parts.
    """
    calls, values = ACTIVATIONS[name], _MANY_PASSES.get(name, _BLOCK_VALUES)
    return by_blocks(name, x, threads, lambda at: calls(x[at], out[at]), values=values)


def _sigmoid(x: np.ndarray, out: np.ndarray) -> list[Call]:
    """1 / (1 + exp(-x)); infinity, where exp overflows, gives 0."""
    return [*_one_and_decay(x, out), partial(np.divide, 1, out, out)]


def _silu(x: np.ndarray, out: np.ndarray) -> list[Call]:
    return [*_one_and_decay(x, out), partial(np.divide, x, out, out)]


def _one_and_decay(x: np.ndarray, out: np.ndarray) -> list[Call]:
    """1 + exp(-x)"""
    return [
        partial(np.negative, x, out),
        partial(np.exp, out, out),
        partial(np.add, out, 1, out),
    ]


def _hardsigmoid(x: np.ndarray, out: np.ndarray) -> list[Call]:
    """min(max(x + 3, 0), 6) / 6"""
    return [
        partial(np.add, x, 3, out),
        partial(np.clip, out, 0, 6, out),
        partial(np.divide, out, 6, out),
    ]


def _hardswish(x: np.ndarray, out: np.ndarray) -> list[Call]:
    return [*_hardsigmoid(x, out), partial(np.multiply, x, out, out)]


def _gelu(x: np.ndarray, out: np.ndarray) -> list[Call]:
    return [partial(write_gelu, x, out)]


ACTIVATIONS: dict[str, Callable[[np.ndarray, np.ndarray], list[Call]]] = {
    "GELU": _gelu,
    "Hardsigmoid": _hardsigmoid,
    "Hardswish": _hardswish,
    "SiLU": _silu,
    "Sigmoid": _sigmoid,
}
