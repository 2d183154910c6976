"""Random numbers: one seeded generator for initialisation, shuffling, augmentation and dropout."""

from __future__ import annotations

import os
from typing import Any

import numpy as np


class Generator:
    """A seeded stream of random numbers, drawn on the CPU whatever device they end on.

    Args:
        seed: any non-negative integer; taken from the operating system when left out.

    As ``torch.Generator``, with NumPy's PCG64 behind it, so the numbers differ from torch's.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.manual_seed(int.from_bytes(os.urandom(8), "little") >> 1 if seed is None else seed)

    def manual_seed(self, seed: int) -> Generator:
        """Starts the stream anew from ``seed`` and returns the generator."""
        if seed < 0:
            raise ValueError(f"seed must be non-negative, got {seed}")
        self._seed = int(seed)
        self._numpy = np.random.Generator(np.random.PCG64(self._seed))
        self._philox_offset = 0
        return self

    def initial_seed(self) -> int:
        """The seed that the stream began with."""
        return self._seed

    def philox(self) -> tuple[int, int]:
        """A (seed, offset) pair for one counter-based draw, never handed out twice.

        Kernels compute their random bits from it (Philox4x32-10), the same on every device, and
        can compute them again in the backward pass instead of storing them.
        """
        self._philox_offset += 1
        return self._seed & (2**64 - 1), self._philox_offset

    def normal(self, size: Any = None, dtype: Any = np.float32) -> Any:
        """Numbers from N(0, 1)."""
        return self._numpy.standard_normal(size, dtype=dtype)

    def random(self, size: Any = None, dtype: Any = np.float32) -> Any:
        """Numbers uniform in [0, 1)."""
        return self._numpy.random(size, dtype=dtype)

    def integers(self, low: int, high: int, size: Any = None) -> Any:
        """Integers uniform in [low, high)."""
        return self._numpy.integers(low, high, size)

    def permutation(self, n: int) -> np.ndarray:
        """The numbers 0 … n - 1 in random order."""
        return self._numpy.permutation(n)

    def choice(self, n: int, size: int, replace: bool, p: np.ndarray | None = None) -> np.ndarray:
        """``size`` of the numbers 0 … n - 1, with probabilities ``p``."""
        return self._numpy.choice(n, size, replace, p)

    def get_state(self) -> dict[str, Any]:
        """All that is needed to continue the stream, as plain numbers and strings."""
        return {
            "seed": self._seed,
            "philox_offset": self._philox_offset,
            "numpy": self._numpy.bit_generator.state,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Continues the stream from where :meth:`get_state` was called."""
        self.manual_seed(state["seed"])
        self._philox_offset = state["philox_offset"]
        self._numpy.bit_generator.state = state["numpy"]


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seeds the default generator, from which everything random in minicnn draws."""
    return default_generator.manual_seed(seed)
