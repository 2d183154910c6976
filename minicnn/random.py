"""Random numbers: one seeded generator for initialisation, shuffling, augmentation and dropout."""

from __future__ import annotations

import os
from typing import Any, overload

import numpy as np

from .typing import Array

Size = int | tuple[int, ...]


class Generator:
    """A seeded stream of random numbers, drawn on the CPU, for tensors on any device.

    Args:
        seed: any non-negative integer; from the operating system when left out.

    As ``torch.Generator``, but NumPy's PCG64 draws the numbers, so they differ from torch's.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.manual_seed(int.from_bytes(os.urandom(8), "little") >> 1 if seed is None else seed)

    def manual_seed(self, seed: int) -> Generator:
        """Restarts the stream from ``seed`` and returns the generator."""
        if seed < 0:
            raise ValueError(f"seed must be non-negative, got {seed}")
        self._seed = int(seed)
        self._numpy = np.random.Generator(np.random.PCG64(self._seed))
        self._philox_offset = 0
        return self

    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        return self._seed

    def philox(self) -> tuple[int, int]:
        """A (seed, offset) pair for one counter-based draw, different on each call.

        Kernels compute random bits from it (Philox4x32-10). They are the same on every device, and
        the backward pass can compute them again instead of storing them.
        """
        self._philox_offset += 1
        return self._seed & (2**64 - 1), self._philox_offset

    @overload
    def normal(self, size: None = None, dtype: Any = np.float32) -> float: ...
    @overload
    def normal(self, size: Size, dtype: Any = np.float32) -> Array: ...
    def normal(self, size: Size | None = None, dtype: Any = np.float32) -> Array | float:
        """Numbers from N(0, 1): an array of ``size``, or a single one."""
        return self._numpy.standard_normal(size, dtype=dtype)

    @overload
    def random(self, size: None = None, dtype: Any = np.float32) -> float: ...
    @overload
    def random(self, size: Size, dtype: Any = np.float32) -> Array: ...
    def random(self, size: Size | None = None, dtype: Any = np.float32) -> Array | float:
        """Numbers uniform in [0, 1): an array of ``size``, or a single one."""
        return self._numpy.random(size, dtype=dtype)

    @overload
    def integers(self, low: int, high: int, size: None = None) -> int: ...
    @overload
    def integers(self, low: int, high: int, size: Size) -> Array: ...
    def integers(self, low: int, high: int, size: Size | None = None) -> Array | int:
        """Integers uniform in [low, high): an array of ``size``, or a single one."""
        return self._numpy.integers(low, high, size)

    def permutation(self, n: int) -> Array:
        """The numbers 0 … n - 1 in random order."""
        return self._numpy.permutation(n)

    def choice(self, n: int, size: int, replace: bool, p: Array | None = None) -> Array:
        """``size`` of the numbers 0 … n - 1, with probabilities ``p``."""
        return self._numpy.choice(n, size, replace, p)

    def get_state(self) -> dict[str, Any]:
        """What is needed to continue the stream, as plain numbers and strings."""
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
    """Seeds the default generator, which all random numbers in minicnn come from."""
    return default_generator.manual_seed(seed)
