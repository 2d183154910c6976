"""Dropout on the CPU, from the counter-based random numbers of Philox4x32-10."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...memory import empty
from .runtime.layout import flatten, for_each_block, unflatten
from .runtime.masking import select
from .runtime.threads import scratch

__all__ = ["dropout", "dropout_backward", "philox4x32", "philox_state"]

# J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11.
_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
_KEY_STEPS = np.array([[0x9E3779B9], [0xBB67AE85]], np.uint64) << np.uint64(32)
_ROUNDS = 10
_LOW, _32 = np.uint64(2**32 - 1), np.uint64(32)

_COUNTERS = 1 << 15  # in a block; each counter gives four words


def philox_state(draw: Callable[[], tuple[int, int]]) -> tuple[int, int]:
    """The state that determines a mask: (seed, offset), as ``draw`` returns it."""
    return draw()


def dropout(x: np.ndarray, p: float, state: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Zero with probability ``p``, else x * (1 / (1 - p)), in the memory order of ``x``.

    Element i of ``x``, counted in row-major (N, C, H, W) order for any memory layout, gets a random
    32-bit word and is kept if the word is at least round(p * 2^32). It is word i % 4 of the four that
    Philox4x32-10 makes of the 128-bit counter (i // 4, offset), 64 bits each with the low word first,
    under the 64-bit key ``seed``, low word first. The factor 1 / (1 - p) is computed in double
    precision and rounded to the dtype of ``x``, but at least float32.

    Args:
        x: of any shape and floating dtype.
        p: in [0, 1].
        state: from :func:`philox_state`: (seed, offset), the key and the number of the mask under
            this key, both in [0, 2^64).

    Returns:
        The result and the mask: booleans of the shape of ``x``, True where an element was kept.
    """
    mask = _keep(x.size, round(p * 2**32), *state).reshape(x.shape)
    return _masked(x, mask, p), mask


def dropout_backward(grad: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    """The gradient of :func:`dropout`: grad * (1 / (1 - p)) where ``mask`` is True, else 0."""
    return _masked(grad, mask, p)


def _masked(x: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    """x * (1 / (1 - p)) where ``mask`` is True, else 0."""
    real = np.float64 if x.dtype == np.float64 else np.float32
    scale = real(1 / (1 - p)) if p < 1 else real(0)
    flat, flat_mask = flatten(x, mask)
    out = empty(flat.shape, flat.dtype)

    def work(start: int, stop: int) -> None:
        at = slice(start, stop)
        select(flat[at], flat_mask[at], out=out[at])
        np.multiply(out[at], scale, out=out[at], dtype=real, casting="unsafe")

    for_each_block(flat.size, work)
    return unflatten(out, x)


def _keep(size: int, threshold: int, seed: int, offset: int) -> np.ndarray:
    """(size,) booleans: whether the word of each element is at least ``threshold``."""
    counters = -(-size // 4)
    keep = empty((counters, 4), bool)

    def work(start: int, stop: int) -> None:
        for j, words in enumerate(philox4x32(start, stop, seed, offset)):
            np.greater_equal(words, np.uint64(threshold), out=keep[start:stop, j])

    for_each_block(counters, work, _COUNTERS)
    return keep.reshape(-1)[:size]


def philox4x32(start: int, stop: int, seed: int, offset: int) -> tuple[np.ndarray, ...]:
    """The four words of the counters (start, offset) to (stop - 1, offset) under the key ``seed``.

    Returns four arrays (stop - start,) of uint64 in scratch memory: they are this thread's until its
    next call.

    A state is two pairs of words, (c0, c1) and (c2, c3), each kept in 64 bits with its first word
    high. A round multiplies the first word of each pair by a constant, swaps the two products, and
    xors their high words with the second word of the pair and a key.
    """
    shape, dtype = (2, stop - start), np.dtype(np.uint64)
    pairs, products = (
        scratch(f"philox4x32.{name}", shape, dtype) for name in ("pairs", "products")
    )
    counters = np.arange(start, stop, dtype=dtype)
    np.left_shift(counters, _32, out=pairs[0])
    pairs[0] |= counters >> _32
    pairs[1] = (offset & int(_LOW)) << 32 | offset >> 32
    key = np.array([[seed & int(_LOW)], [seed >> 32]], dtype) << _32

    for _ in range(_ROUNDS):
        np.right_shift(pairs, _32, out=products)
        products *= _MULTIPLIERS
        pairs <<= _32
        pairs ^= key
        pairs ^= products[::-1]
        key += _KEY_STEPS  # modulo 2^64, which is modulo 2^32 for the words

    np.bitwise_and(pairs, _LOW, out=products)
    pairs >>= _32
    return pairs[0], products[0], pairs[1], products[1]
