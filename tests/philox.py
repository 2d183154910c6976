"""Philox4x32-10 (J. K. Salmon et al., SC11), and dropout with its bits, as a GPU has it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from minicnn.typing import Array

_LOW = 2**32 - 1  # number & _LOW is the low word of a 64-bit number, number >> 32 the high one


def generator(state: tuple[int, int]) -> Any:
    """A generator of which kernels get one state."""
    return SimpleNamespace(philox=lambda: state)


def dropout(x: Array, p: float, state: tuple[int, int]) -> tuple[Array, Array]:
    """0 with probability p, else x / (1 - p); and the mask, True where x is kept."""
    seed, offset = state
    counters = np.arange((x.size + 3) // 4, dtype=np.uint64)
    words = np.stack(philox4x32(counters, offset, seed), axis=1).reshape(-1)[: x.size]
    mask = (words >= round(p * 2**32)).reshape(x.shape)
    return dropout_backward(x, mask, p), mask


def dropout_backward(grad: Array, mask: Array, p: float) -> Array:
    """grad / (1 - p) where the mask is True, else 0."""
    scale = np.promote_types(grad.dtype, np.float32).type(1 / (1 - p) if p < 1 else 0)
    return np.where(mask, grad * scale, 0).astype(grad.dtype)


def philox4x32(counters: Array, offset: int, seed: int) -> list[Array]:
    """Four random 32-bit words for each counter: (counter, offset) encrypted under the key seed."""
    a, b = counters & _LOW, counters >> 32
    c, d = (np.full_like(counters, word) for word in (offset & _LOW, offset >> 32))
    key0, key1 = seed & _LOW, seed >> 32
    for _ in range(10):
        product0, product1 = a * 0xD2511F53, c * 0xCD9E8D57  # of 64 bits
        a, b = (product1 >> 32) ^ b ^ key0, product1 & _LOW
        c, d = (product0 >> 32) ^ d ^ key1, product0 & _LOW
        key0, key1 = (key0 + 0x9E3779B9) & _LOW, (key1 + 0xBB67AE85) & _LOW
    return [a, b, c, d]
