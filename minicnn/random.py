"""Random numbers: seeded generators for initialisation, shuffling, augmentation and dropout.

The functions and their names are those of ``torch.random``.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, overload

import numpy as np

from . import draws
from .devices import Device
from .dtypes import float32, float64
from .permutation import permutation
from .tensor import Tensor
from .twister import STATE, Twister
from .typing import Array, DeviceLike, DTypeLike

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]

Size = int | tuple[int, ...]

_FIRST_SEED = 67280421310721  # of torch's generators


class Generator:
    """A seeded stream of random numbers, drawn on the CPU, for tensors on any device.

    Args:
        device: ``"cpu"``, or ``"cuda"`` for a generator whose state includes the Philox counter.

    A new generator is seeded with a fixed number. As ``torch.Generator``: the same seed gives the
    numbers that torch draws on a CPU, bit for bit, and normal ones to within rounding; states can be
    exchanged with torch's. Two things differ. On Intel's processors torch draws ``bernoulli_(p)``,
    ``exponential_`` and dropout from a stream of its own, so these agree elsewhere. On a GPU,
    dropout takes its bits from Philox4x32-10, and everything else is drawn as on the CPU.
    """

    def __init__(self, device: DeviceLike = "cpu") -> None:
        self.device = Device(device)
        self._twister = Twister()
        self.word, self._few = self._twister.word, self._twister.few
        self.words, self.words64 = self._twister.words, self._twister.words64
        self.skip = self._twister.skip
        self.manual_seed(_FIRST_SEED)

    # ------------------------------------------------------------------------ seeds and states

    def manual_seed(self, seed: int) -> Generator:
        """Restarts the stream from ``seed`` and returns the generator.

        Args:
            seed: from -2**63 to 2**64 - 1; of the numbers on the CPU, 32 bits decide.

        Raises:
            RuntimeError: for something other than an integer.
            ValueError: for one out of range.
        """
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise RuntimeError(  # noqa: TRY004  as torch
                f"manual_seed expects an integer, got {seed!r}"
            )
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed expects an integer from -2**63 to 2**64 - 1, got {seed}")
        return self._start(int(seed) % 2**64, int(seed) & 0xFFFFFFFF)

    def seed_with(self, *numbers: int) -> Generator:
        """Restarts the stream from several integers of up to 64 bits, and returns the generator."""
        words = [word for number in numbers for word in (number & 0xFFFFFFFF, number >> 32)]
        return self._start(numbers[0], np.array(words, np.uint32))

    def _start(self, seed: int, words: int | Array) -> Generator:
        self._seed = seed
        self._twister.seed(words)
        self._normal: float | None = None  # the second of two, for the next call
        self._philox_offset = 0
        return self

    def seed(self) -> int:
        """Restarts the stream from a number of the operating system, and returns it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        return self._seed

    def get_state(self) -> Tensor:
        """What is needed to continue the stream: uint8, as torch's, (5056,) on the CPU.

        On a GPU, 8 bytes for the Philox counter follow.
        """
        state = np.zeros((), STATE)
        state["seed"] = self._seed
        self._twister.write_to(state)
        if self._normal is not None:
            state["normal"], state["has_normal"] = self._normal, 1
        content = state.tobytes()
        if self.device.type == "cuda":
            content += self._philox_offset.to_bytes(8, "little")
        return Tensor.of(np.frombuffer(bytearray(content), np.uint8))

    def set_state(self, new_state: Tensor) -> None:
        """Continues the stream from where :meth:`get_state` was called, here or in torch.

        Raises:
            TypeError: for anything but a tensor of uint8.
            RuntimeError: for one of another size, or that is no state.
        """
        if not isinstance(new_state, Tensor) or new_state.dtype != np.uint8:
            kind = getattr(new_state, "dtype", type(new_state).__name__)
            raise TypeError(f"the state of a generator is a tensor of uint8, got {kind}")
        size = STATE.itemsize + (8 if self.device.type == "cuda" else 0)
        content = new_state.numpy_copy().tobytes()
        if len(content) != size:
            raise RuntimeError(f"the state of a generator has {size} bytes, got {len(content)}")
        state = np.frombuffer(content, STATE, 1)[0]
        if not (state["seeded"] and 1 <= state["left"] <= 624 and state["next"] <= 624):
            raise RuntimeError("set_state expects the state of a Mersenne twister, got other bytes")
        self._seed = int(state["seed"])
        self._twister.read_from(state)
        self._normal = float(state["normal"]) if state["has_normal"] else None
        self._philox_offset = int.from_bytes(content[STATE.itemsize :], "little")

    def clone_state(self) -> Generator:
        """Another generator with the same state."""
        twin = Generator(self.device)
        twin.set_state(self.get_state())
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return {"device": str(self.device), "state": self.get_state().numpy()}

    def __setstate__(self, content: dict[str, Any]) -> None:
        self.__init__(content["device"])  # type: ignore[misc]
        self.set_state(Tensor.of(content["state"]))

    def philox(self) -> tuple[int, int]:
        """A (seed, offset) pair for one counter-based draw, different on each call.

        Kernels on a GPU compute random bits from it (Philox4x32-10), and the backward pass can
        compute them again instead of storing them.
        """
        self._philox_offset += 1
        return self._seed, self._philox_offset

    # ------------------------------------------------------------------------ numbers

    @overload
    def random(self, size: None = None, dtype: DTypeLike = float32) -> float: ...
    @overload
    def random(self, size: Size, dtype: DTypeLike = float32) -> Array: ...
    def random(self, size: Size | None = None, dtype: DTypeLike = float32) -> Array | float:
        """Numbers uniform in [0, 1): an array of ``size``, or a single one."""
        if size is None:
            return self._uniform53() if dtype == float64 else (self.word() & 0xFFFFFF) * 2.0**-24
        out = np.empty(size, dtype)
        draws.uniform(out, 0.0, 1.0, self)
        return out

    @overload
    def normal(self, size: None = None, dtype: DTypeLike = float32) -> float: ...
    @overload
    def normal(self, size: Size, dtype: DTypeLike = float32) -> Array: ...
    def normal(self, size: Size | None = None, dtype: DTypeLike = float32) -> Array | float:
        """Numbers from N(0, 1): an array of ``size``, or a single one."""
        if size is None:
            return self._next_normal()
        out = np.empty(size, dtype)
        draws.normal(out, 0.0, 1.0, self)
        return out

    @overload
    def integers(self, low: int, high: int, size: None = None) -> int: ...
    @overload
    def integers(self, low: int, high: int, size: Size) -> Array: ...
    def integers(self, low: int, high: int, size: Size | None = None) -> Array | int:
        """Integers uniform in [low, high): an array of ``size``, or a single one."""
        if size is not None:
            out = np.empty(size, np.int64)
            draws.integers(out, low, high, self)
            return out
        if high - low < draws.LARGE_RANGE:
            return low + self.word() % (high - low)
        first, second = self._few(2).tolist()
        return low + (first << 32 | second) % (high - low)

    def random_(self) -> int:
        """A seed: an integer uniform in [0, 2^63), as ``torch.empty((), dtype=int64).random_()``."""
        return self.integers(0, 2**63)

    def permutation(self, n: int) -> Array:
        """The numbers 0 … n - 1 in random order, as int64."""
        return permutation(n, self.words)

    def choice(self, n: int, size: int, replace: bool, p: Array | None = None) -> Array:
        """``size`` of the numbers 0 … n - 1, with probabilities ``p``, as int64."""
        weights = np.ones((1, n)) if p is None else np.asarray(p)[None]
        return draws.multinomial(weights, size, replace, self)[0]

    def normals(self, n: int) -> Array:
        """``n`` numbers from N(0, 1) in float64, made in pairs.

        The second of an odd pair is kept for the next number.
        """
        if n < 16:
            return np.array([self._next_normal() for _ in range(n)])
        kept = [] if self._normal is None else [self._normal]
        pairs = (n - len(kept) + 1) // 2
        numbers = np.append(kept, draws.normal_pairs(self.words64(2 * pairs)))
        self._normal = None if numbers.size == n else float(numbers[-1])
        return numbers[:n]

    def _next_normal(self) -> float:
        if self._normal is not None:
            normal, self._normal = self._normal, None
            return normal
        angle, u = 2 * math.pi * self._uniform53(), self._uniform53()
        radius = math.sqrt(-2 * math.log1p(-u))
        self._normal = radius * math.sin(angle)
        return radius * math.cos(angle)

    def _uniform53(self) -> float:
        high, low = self._few(2).tolist()
        return ((high & 0x1FFFFF) << 32 | low) * 2.0**-53


# ---------------------------------------------------------------------------- the default ones

default_generator = Generator()
cuda_generator = Generator("cuda")  # of dropout on all GPUs
generators = (default_generator, cuda_generator)


def _fork_between_draws(lock: threading.Lock) -> None:
    """Lets forks wait for the lock: one that another thread holds stays locked in the child."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )


for _generator in generators:
    _fork_between_draws(_generator._twister.lock)


def manual_seed(seed: int) -> Generator:
    """Seeds the default generators of the CPU and the GPUs; returns the former."""
    for generator in generators:
        generator.manual_seed(int(seed))
    return default_generator


def seed() -> int:
    """Seeds the default generators with a number of the operating system, and returns it."""
    return manual_seed(int.from_bytes(os.urandom(8), "little")).initial_seed()


seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the CPU's default generator; see :meth:`Generator.get_state`."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Sets the state of the CPU's default generator; see :meth:`Generator.set_state`."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None, enabled: bool = True, device_type: str | None = None
) -> Iterator[None]:
    """Resets the default generators at the end of a ``with`` block, or of a decorated function.

    Args:
        devices: accepted for torch's scripts; all GPUs share a generator, which is reset, too.
        enabled: when false, nothing is reset.
        device_type: as ``devices``.

    As ``torch.random.fork_rng``.
    """
    states = [generator.get_state() for generator in generators] if enabled else []
    try:
        yield
    finally:
        for generator, state in zip(generators, states):
            generator.set_state(state)
