"""Random numbers, drawn one by one as torchvision draws them with torch and with Python."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import gamma_draws
from ..data.seeding import current_generator
from ..random import default_generator
from ..typing import Array


def chance(p: float) -> bool:
    """True with probability ``p``, which is compared in float32: ``torch.rand(1) < p``."""
    return bool(current_generator().random() < np.float32(p))


def uniform(low: float, high: float) -> float:
    """A number uniform in [low, high): ``torch.empty(1).uniform_(low, high).item()``.

    Raises:
        RuntimeError: unless low <= high.
    """
    if low > high:
        raise RuntimeError(f"expected bounds (min, max), got ({low}, {high})")
    first, last = np.float32(low), np.float32(high)
    # multiplied and added with one rounding, as processors do it
    product = current_generator().random() * float(last - first)
    number = np.float32(product + float(first))
    return float(first if number == last else number)


def log_uniform(low: float, high: float) -> float:
    """A number in [low, high) whose logarithm is uniform, computed in float32."""
    logs = [math.log(np.float32(bound)) for bound in (low, high)]
    return float(np.float32(math.exp(uniform(logs[0], logs[1]))))


def integer(low: int, high: int) -> int:
    """An integer uniform in [low, high): ``torch.randint(low, high, (1,)).item()``."""
    return current_generator().integers(low, high)


def permutation(n: int) -> list[int]:
    """The numbers 0 … n - 1 in random order: ``torch.randperm(n).tolist()``."""
    return [int(number) for number in current_generator().permutation(n)]


def dirichlet(alpha: float, *shape: int) -> Array:
    """Rows of float32 numbers from the distribution Dirichlet(alpha, alpha, …)."""
    return gamma_draws.dirichlet(np.full(shape, alpha, np.float32), current_generator())


def shuffled(n: int) -> list[int]:
    """The numbers 0 … n - 1 in random order, by Python's ``random.shuffle``."""
    order = list(range(n))
    _python_random().shuffle(order)
    return order


def choice(n: int, weights: Sequence[float] | None) -> int:
    """One of the numbers 0 … n - 1, by Python's ``random.choices``."""
    chosen: int = _python_random().choices(range(n), weights=weights)[0]
    return chosen


def _python_random() -> Any:
    """Python's generator, which torchvision draws some numbers with.

    Where a loader has given the sample a generator of its own, this is one that is seeded from it,
    so the sample does not depend on the number of workers.
    """
    generator = current_generator()
    return random if generator is default_generator else random.Random(generator.random_())
