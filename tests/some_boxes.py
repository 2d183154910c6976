"""Boxes whose coordinates are quarters, so that ties are ties in every dtype."""

from __future__ import annotations

import numpy as np

__all__ = ["boxes"]


def boxes(*shape: int, size: float = 10, seed: int = 0) -> np.ndarray:
    """x1, y1, x2, y2 of shape (*shape, 4), with sides of less than ``size``."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 40, (*shape, 2)) / 4
    return np.concatenate([corner, corner + rng.integers(1, 4 * size, (*shape, 2)) / 4], -1)
