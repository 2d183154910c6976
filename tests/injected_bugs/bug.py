"""One bug, and what the bugs' computations share: numbers, geometries, comparisons, complaints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cupy
import numpy as np

import minicnn
from minicnn.kernels import Geometry

BFLOAT16 = minicnn.bfloat16
SAME = Geometry((9, 9), (9, 9), (3, 3), padding=(1, 1))
HALVED = Geometry((10, 9), (5, 5), (3, 3), (2, 2), (1, 1))

WRONG = "wrong result"
NO_DATA = "uninitialised shared memory|before cp.async.wait_group|memory race"
OUTSIDE = "outside every array"


@dataclass(frozen=True)
class Bug:
    """``old``, which the file or its headers have exactly once, becomes ``new``."""

    name: str
    file: str
    run: Callable[[], bool]
    old: str
    new: str
    noticed: str  # a pattern of the complaint


def normal(*shape: int, dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    """Channels-last in memory, as the kernels want images."""
    values = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    if len(shape) < 4:
        return values
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def is_close(result: Any, expected: np.ndarray, tolerance: float = 1e-5) -> bool:
    result = cupy.asnumpy(result).astype(np.float64)
    return np.allclose(result, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())
