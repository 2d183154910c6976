"""Cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import INF, Cases, float32, normal

LOGITS, TARGET = 5 * normal(7, 5), np.array([0, 1, -100, 3, 4, 4, -100])
CLASS_WEIGHT = float32([0.5, 2, 1, 0, 1.5])
# 1, 2, 4, 8 and 32 threads per row on a GPU; rows that do and do not fill a warp
CLASSIFICATIONS = [(3, 2), (70, 10), (45, 21), (9, 60), (3, 300)]


def cross_entropy_cases(shape: tuple[int, int]) -> dict[str, tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    logits, target = 3 * normal(*shape) + 50, rng.integers(0, shape[1], shape[0])
    target[1] = -7
    weight = float32(rng.random(shape[1]))
    return {
        f"{smoothing}, {'weights' if each is weight else 'no weights'}": (
            logits, target, each, -7, smoothing
        )
        for smoothing in (0.0, 0.2, 1.0)
        for each in (weight, None)
    }  # fmt: skip


CASES: Cases = {
    "cross-entropy": ("softmax_cross_entropy", (LOGITS, TARGET, None, -100, 0.0)),
    "cross-entropy, weight": ("softmax_cross_entropy", (LOGITS, TARGET, CLASS_WEIGHT, -100, 0.0)),
    "cross-entropy, smoothing": ("softmax_cross_entropy", (LOGITS, TARGET, None, -100, 0.1)),
    "cross-entropy, everything": (
        "softmax_cross_entropy",
        (LOGITS, np.where(TARGET == -100, 4, TARGET), CLASS_WEIGHT, 4, 0.1),
    ),
    **{
        f"cross-entropy, {shape}, {name}": ("softmax_cross_entropy", each)
        for shape in CLASSIFICATIONS
        for name, each in cross_entropy_cases(shape).items()
    },
    "cross-entropy, large": (
        "softmax_cross_entropy",
        (np.array([[1e4, 0, -1e4], [-3e4] * 3]), np.array([1, 2]), None, -100, 0.0),
    ),
    "cross-entropy, impossible class": (
        "softmax_cross_entropy",
        (np.array([[0, -INF, 0]]), np.array([0]), None, -100, 0.0),
    ),
    "cross-entropy, no rows": ("softmax_cross_entropy", (LOGITS[:0], TARGET[:0], None, -100, 0.1)),
}
