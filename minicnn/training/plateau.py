"""Notices a network that has learned nothing: its loss sits at ln(number of classes)."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import no_grad
from ..tensor import Tensor

REMEDIES = (
    "try --init kaiming (the paper's N(0, 0.01) weights hardly pass a signal through eight "
    "layers), a smaller learning rate with warm-up, AdamW instead of SGD; and check that the "
    "labels belong to the pictures"
)


class PlateauWatch:
    """Compares the mean loss of every ``window`` steps with ln(num_classes), the loss of a guess.

    Within ``tolerance`` (relative) the network answers the same for every picture. With two
    classes a loss of 0.693 is half of all pictures right.
    """

    def __init__(self, num_classes: int, window: int, tolerance: float = 0.0075) -> None:
        if window < 1:
            raise ValueError(f"window must be at least 1 step, got {window}")
        self.guess = math.log(num_classes)
        self.window = window
        self.tolerance = tolerance
        self.steps = 0
        self._sum: Any = 0.0

    def update(self, loss: Tensor) -> str | None:
        """Add a step's loss; a warning with remedies when a whole window sat at the guess."""
        with no_grad():
            self._sum = loss.detach() + self._sum
        self.steps += 1
        if self.steps < self.window:
            return None
        mean = float(self._sum) / self.steps  # the one place that waits for the device
        self.steps, self._sum = 0, 0.0
        if abs(mean - self.guess) > self.tolerance * self.guess:
            return None
        return (
            f"the loss sits at {mean:.4f}, that of guessing (ln of the number of classes = "
            f"{self.guess:.4f}), for {self.window} steps: {REMEDIES}"
        )
