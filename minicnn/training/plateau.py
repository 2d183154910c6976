"""Detects a network that learns nothing: its loss stays at ln(number of classes)."""

from __future__ import annotations

import math

from ..tensor import Tensor
from .meters import ClassificationMeter

REMEDIES = (
    "try Kaiming-normal weights (with weights from N(0, 0.01) a signal fades within eight layers), "
    "a smaller learning rate with warm-up, AdamW instead of SGD, and check that the "
    "labels belong to the pictures"
)


class PlateauWatch:
    """Compares each window of steps with guessing, whose loss is ln(num_classes): 0.693 for two.

    A plateau is a mean loss within 1 % of that, and an accuracy less than 5 percentage points above
    1 / num_classes. The loss of a network that learns passes this value, too, but its accuracy is
    higher by then.

    Args:
        num_classes: number of classes.
        window: number of steps to average over, at least 1.

    Raises:
        ValueError: if ``window`` is smaller.
    """

    def __init__(self, num_classes: int, window: int) -> None:
        if window < 1:
            raise ValueError(f"window must be at least 1 step, got {window}")
        self.num_classes = num_classes
        self.window = window
        self._steps = 0
        self._meter = ClassificationMeter()

    def update(self, loss: Tensor, logits: Tensor, target: Tensor) -> str | None:
        """Adds a step, as to a meter; returns a warning at the end of a window on a plateau."""
        self._meter.update(loss, logits, target)
        self._steps += 1
        if self._steps < self.window:
            return None
        mean, accuracy = self._meter.compute()  # waits for the device, once a window
        self._steps = 0
        self._meter.reset()
        guess = math.log(self.num_classes)
        at_guess = abs(mean - guess) <= 0.01 * guess  # not where the mean is NaN
        if not at_guess or accuracy > 1 / self.num_classes + 0.05:
            return None
        return (
            f"over {self.window} steps the loss was {mean:.4f}, no better than guessing (ln "
            f"{self.num_classes} = {guess:.4f}), and the accuracy {100 * accuracy:.1f} %: {REMEDIES}"
        )
