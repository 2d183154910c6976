"""Random permutations by R. A. Fisher and F. Yates' method, in PyTorch's order of steps."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .typing import Array

_FEW = 4000  # numbers, of which a loop in Python takes less time than blocks


def permutation(n: int, words: Callable[[int], Array]) -> Array:
    """The numbers 0 … n - 1 in random order, as int64.

    Step i swaps position i with one that is not before it, which a random word chooses.

    Args:
        n: how many.
        words: returns that many words of 32 bits.
    """
    if n <= _FEW:
        steps = enumerate(words(max(n - 1, 0)).tolist())
        return np.array(
            _swapped(list(range(n)), [i + word % (n - i) for i, word in steps]), np.int64
        )
    order = np.arange(n)
    targets = np.arange(n - 1) + words(n - 1) % np.arange(n, 1, -1, dtype=np.uint32)
    done = _swap_in_blocks(order, targets)
    order[done:] = _swapped(order[done:].tolist(), (targets[done:] - done).tolist())
    return order


def _swapped(order: list[int], targets: list[int]) -> list[int]:
    for i, target in enumerate(targets):
        order[i], order[target] = order[target], order[i]
    return order


def _swap_in_blocks(order: Array, targets: Array) -> int:
    """Does the steps until few numbers are left, many at a time, and returns how many it did.

    Steps can be done at once if they touch different positions. In a block that is short against
    what is left, nearly all do; the others are done one by one.
    """
    start, n = 0, len(order)
    last_step = np.empty(n, np.int64)  # of those in a block with this target
    while n - start > _FEW:
        stop = start + 2 * math.isqrt(n - start)
        steps, target = np.arange(start, stop), targets[start:stop]
        last_step[target] = steps
        shared = last_step[target] != steps
        inside = target < stop  # another step starts there
        clash = shared | inside
        clash[last_step[target[shared]] - start] = True
        clash[target[inside] - start] = True
        _swap(order, steps[~clash], target[~clash])
        for i, j in zip(steps[clash].tolist(), target[clash].tolist()):
            order[i], order[j] = order[j], order[i]
        start = stop
    return start


def _swap(order: Array, first: Array, second: Array) -> None:
    order[first], order[second] = order[second], order[first]
