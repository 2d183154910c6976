"""The stream of random words behind a generator: the Mersenne twister, as PyTorch has it."""

from __future__ import annotations

import threading

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from .typing import Array

WORDS = 624  # of a state; when all are used, they are mixed to the next 624

# How torch keeps a state in bytes. ``next`` is the number of used words and ``left`` counts down
# with it; a new stream has used none, but has to be mixed first, which ``left`` of 1 says.
STATE = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("words", "<u8", WORDS),
        ("normal_x", "<f8"),
        ("normal", "<f8"),
        ("normal_rho", "<f8"),
        ("has_normal", "<i4"),
        ("padding", "<i4"),
        ("float_normal", "<f4"),
        ("has_float_normal", "<i4"),
    ]
)

_FEW = 2000  # up to which NumPy converts words faster than it checks the arguments of randint


class _NoSeed(ISeedSequence):
    """Zeros for a state that is seeded afterwards; NumPy would ask the operating system."""

    def generate_state(self, n_words: int, dtype: object = np.uint32) -> Array:
        return np.zeros(n_words, np.uint32)


class Twister:
    """MT19937 (Matsumoto and Nishimura, 1998), computed by NumPy.

    ``word()`` is the next word as a Python integer, and ``few(n)`` the next ``n`` of them as uint64.
    """

    def __init__(self) -> None:
        self._bits = np.random.MT19937(_NoSeed())  # type: ignore[arg-type]
        self._numpy = np.random.RandomState(self._bits)
        self.word = self.few = self._bits.random_raw

    @property
    def lock(self) -> threading.Lock:
        """What NumPy holds while it draws."""
        return self._bits.lock

    def seed(self, seed: int | Array) -> None:
        """Restarts the stream from a word, or from an array of words."""
        self._numpy.seed(seed)

    def words(self, n: int) -> Array:
        """The next ``n`` words, as uint32."""
        if n <= _FEW:
            return self.few(n).astype(np.uint32)
        return self._numpy.randint(0, 2**32, n, np.uint32)

    def words64(self, n: int) -> Array:
        """``n`` words of 64 bits, as uint64: of two words of 32 bits the first is the high one."""
        if n <= _FEW:
            pairs = self.few(2 * n)
            return pairs[::2] << np.uint64(32) | pairs[1::2]
        return self._numpy.randint(0, 2**64, n, np.uint64)

    def skip(self, n: int) -> None:
        """Passes over ``n`` words of 32 bits."""
        self._bits.random_raw(n, False)

    def write_to(self, state: Array) -> None:
        """Fills the words and counts of a ``STATE``, whose seed is known."""
        own = self._bits.state["state"]
        used = own["pos"]
        is_new = used == WORDS and own["key"][0] == state["seed"] & 0xFFFFFFFF
        state["words"] = own["key"]
        state["seeded"] = 1
        state["left"], state["next"] = WORDS + 1 - used, 0 if is_new else used

    def read_from(self, state: Array) -> None:
        """Goes on from a ``STATE``."""
        used = WORDS if state["left"] == 1 else int(state["next"])
        words = state["words"].astype(np.uint32)
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": words, "pos": used}}
