"""Means per sample, summed on the device so that a training step never waits for the GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import no_grad
from ..dtypes import float64
from ..tensor import Tensor


class ClassificationMeter:
    """Mean loss and accuracy per sample of everything it has seen.

    A batch counts by its size, so a short last batch does not weigh more. The sums stay tensors on
    the device of the loss; only ``compute`` fetches them. They are float64: 25,000 float32 losses
    added one by one lose digits.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.samples = 0
        self._loss: Any = 0.0
        self._correct: Any = 0.0

    def update(self, loss: Tensor, logits: Tensor, target: Tensor) -> None:
        """Add a batch: its mean ``loss`` (a scalar), ``logits`` (N, classes), ``target`` (N,)."""
        n = target.shape[0]
        with no_grad():
            correct = (logits.argmax(dim=1) == target).sum()
            self._loss = loss.detach().to(float64) * n + self._loss
            self._correct = correct.to(float64) + self._correct
        self.samples += n

    def compute(self) -> tuple[float, float]:
        """(mean loss, accuracy between 0 and 1); waits for the device. NaN before any sample."""
        if not self.samples:
            return float("nan"), float("nan")
        return float(self._loss) / self.samples, float(self._correct) / self.samples

    def __str__(self) -> str:
        loss, accuracy = self.compute()
        return f"loss {loss:.3f}  accuracy {100 * accuracy:.1f} %"

    def state_dict(self) -> dict[str, Any]:
        return {
            "samples": self.samples,
            "loss": float(self._loss),
            "correct": float(self._correct),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.samples = state["samples"]
        self._loss, self._correct = state["loss"], state["correct"]


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts (num_classes, num_classes): row = true class, column = predicted class."""
    cells = np.bincount(truth * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)
