"""What the tables are made of: sizes, dtypes, arrays, and ways to name many cases at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

NAN, INF = float("nan"), float("inf")
FLOAT16, FLOAT32, FLOAT64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
N, C, O = 2, 4, 6

# by name: a kernel and its arguments
Cases = dict[str, tuple[str, tuple[Any, ...]]]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def float32(value: Any) -> np.ndarray:
    return np.array(value, np.float32)


FEATURES = normal(5, 7)
IMAGES = normal(N, C, 5, 3)
SPECIAL = np.array([[[[NAN, -INF, INF, 0.0, -0.0, 1.0, -1.0, 1e-3]]]]).repeat(N, 0)
WITH_NAN = np.random.default_rng(0).choice([NAN, INF, -INF, -INF, 1.0], (N, C, 9, 8))
FEW_SPECIAL = np.where(np.random.default_rng(1).random((N, C, 9, 8)) < 0.02, WITH_NAN, 0.5)
TIES = np.random.default_rng(0).integers(-4, 0, (N, C, 9, 8)).astype(np.float64)
# 24 channels are whole vectors of 16 bytes on a GPU, of all dtypes, and 5 are not. (2, 520) has a
# block of channels in several parts there, (40, 24, 7, 9) more rows than a block reads at a time.
SUMS = [
    *[(2, 24, 3, 5), (3, 5, 2, 4), (7, 24), (700, 5)],
    *[(40, 24, 7, 9), (2, 520), (0, 24, 3, 5), (0, 5)],
]


def tabled(
    rows: dict[str, tuple[Any, ...]],
    cases: Callable[..., dict[str, tuple[Any, ...]]],
    then: str = "",
) -> Cases:
    """What ``cases`` makes of each row of a table, under the row's name and ``then``."""
    made = {}
    for name, row in rows.items():
        made |= named(name + then, cases(*row))
    return made


def named(name: str, cases: dict[str, tuple[Any, ...]]) -> Cases:
    return {f"{function}, {name}": (function, each) for function, each in cases.items()}
