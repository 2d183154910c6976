"""Dropout, from a generator that draws the same words at every call."""

from __future__ import annotations

import numpy as np

from minicnn import Generator

from .arrays import IMAGES, INF, C, Cases, N, normal


class Seeded:
    """A generator that draws the same words at every call."""

    seed = 5

    def words64(self, n: int) -> np.ndarray:
        return Generator().manual_seed(self.seed).words64(n)


SEEDED = Seeded()
MASK = normal(N, C, 5, 3) > 0

CASES: Cases = {
    "dropout": ("dropout", (normal(3, 5, 7), 0.3, SEEDED)),
    "dropout, infinities": ("dropout", (np.full((11,), INF), 0.5, SEEDED)),
    "dropout, p = 0": ("dropout", (IMAGES, 0.0, SEEDED)),
    "dropout, p = 1": ("dropout", (IMAGES, 1.0, SEEDED)),
    "dropout, nothing": ("dropout", (IMAGES[:0], 0.5, SEEDED)),
    "dropout_backward": ("dropout_backward", (IMAGES, MASK, 0.3)),
    "dropout_backward, p = 1": ("dropout_backward", (IMAGES, np.zeros_like(MASK), 1.0)),
}
