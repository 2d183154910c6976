"""Stops a training that has not become better for some time."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """Counts how many times in a row a number was no better than the best one before.

    ::

        stopping = training.EarlyStopping(patience=5)
        for epoch in range(100):
            …
            if stopping.update(accuracy):
                break
            if stopping.is_best:
                mc.save(net.state_dict(), "best.ckpt")

    Args:
        patience: how many numbers without an improvement stop the training, at least 1.
        min_delta: by how much a number must be better than the best one to count as an improvement.
        mode: ``max`` if a higher number is better, as of an accuracy, ``min`` for a loss.

    Attributes:
        best: the best number so far; None before the first.
        is_best: whether the last number was an improvement.
        waited: how many numbers came since the best one.

    Raises:
        ValueError: for arguments out of range.
    """

    def __init__(self, patience: int, min_delta: float = 0.0, mode: str = "max") -> None:
        if patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}")
        if min_delta < 0:
            raise ValueError(f"min_delta must not be negative, got {min_delta}")
        if mode not in ("max", "min"):
            raise ValueError(f"mode must be 'max' or 'min', got {mode!r}")
        self.patience, self.min_delta, self.mode = patience, min_delta, mode
        self.best: float | None = None
        self.is_best = False
        self.waited = 0

    def update(self, value: float) -> bool:
        """Adds a number, a NaN being no improvement; returns whether to stop."""
        value = float(value)
        sign = 1 if self.mode == "max" else -1
        if self.best is None:
            self.is_best = not math.isnan(value)
        else:
            self.is_best = sign * (value - self.best) > self.min_delta
        if self.is_best:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.waited >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on, as plain numbers."""
        return {"best": self.best, "is_best": self.is_best, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a :meth:`state_dict`; patience, min_delta and mode stay."""
        self.best, self.is_best = state["best"], state["is_best"]
        self.waited = state["waited"]
