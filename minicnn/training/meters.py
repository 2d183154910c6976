"""Loss, accuracy and IoU of a network, summed on the device so that no step waits for the GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import no_grad
from ..devices import CPU, current_device_of, to_device, xp_of
from ..distributed import get_world_size
from ..dtypes import float64
from ..tensor import Tensor
from ..typing import Array
from .ranks import summed


class ClassificationMeter:
    """Mean loss, and accuracy of samples or of their pixels, over all batches since the last reset.

    Where several processes train together, all of them update it, with their shares of a batch, and
    have the numbers of all.

    Batches are weighted by their size, so a short last batch does not count more. The sums stay on
    the device of the loss until ``compute`` fetches them. They are float64: 25,000 float32 losses
    added one by one lose digits.

    Args:
        ignore_index: label of pixels to leave out of the accuracy, if there is one.
    """

    def __init__(self, ignore_index: int | None = None) -> None:
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        """Sets all sums to 0."""
        self.samples = 0
        self._loss: Tensor | float = 0.0
        self._correct: Tensor | float = 0.0
        self._labels: Tensor | float = 0.0

    def update(self, loss: Tensor, logits: Tensor, target: Tensor) -> None:
        """Adds a batch: mean ``loss`` (a scalar), ``logits`` (N, classes, …), ``target`` (N, …)."""
        n = target.shape[0]
        with no_grad():
            correct = (logits.argmax(dim=1) == target).sum()
            labels: Any = target.numel()
            if self.ignore_index is not None:
                labels = (target != self.ignore_index).sum().to(float64)
            self._add(n, loss.detach().to(float64) * n, correct.to(float64), labels)

    def _add(self, n: int, *sums: Any) -> None:
        if get_world_size() > 1:
            n, *sums = summed([n, *map(float, sums)]).tolist()
        self.samples += int(n)
        loss, correct, labels = sums
        self._loss, self._correct = loss + self._loss, correct + self._correct
        self._labels = labels + self._labels

    def compute(self) -> tuple[float, float]:
        """(mean loss, accuracy between 0 and 1); waits for the device. NaN without any sample."""
        if not self.samples:
            return float("nan"), float("nan")
        return float(self._loss) / self.samples, float(self._correct) / max(float(self._labels), 1)

    def __str__(self) -> str:
        loss, accuracy = self.compute()
        return f"loss {loss:.3f}  accuracy {100 * accuracy:.1f} %"

    def state_dict(self) -> dict[str, Any]:
        """The sums, as plain numbers."""
        return {
            "samples": self.samples,
            "loss": float(self._loss),
            "correct": float(self._correct),
            "labels": float(self._labels),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the sums of :meth:`state_dict`."""
        self.samples = state["samples"]
        self._loss, self._correct = state["loss"], state["correct"]
        self._labels = state["labels"]


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts (num_classes, num_classes): row = true class, column = predicted class."""
    cells = np.bincount(truth * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


class SegmentationMeter:
    """Pixel accuracy and intersection over union, from a confusion matrix summed on the device.

    Where several processes validate together, its numbers are those of all; all ask for them.

    Args:
        num_classes: number of classes.
        ignore_index: label of pixels to leave out.
    """

    def __init__(self, num_classes: int, ignore_index: int = 255) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        """Sets all counts to 0."""
        # the flattened confusion matrix and one more cell, for ignored pixels; None if all are 0
        self._cells: Array | None = None

    def update(self, scores: Tensor, target: Tensor) -> None:
        """Adds a batch: ``scores`` (N, num_classes, H, W) and labels ``target`` (N, H, W)."""
        with current_device_of((target.array,)):
            self._count(scores, target)

    def _count(self, scores: Tensor, target: Tensor) -> None:
        xp = xp_of(target.array)
        truth = target.array.astype(np.int64)  # in 8 bits the indices of cells would overflow
        predicted = scores.detach().array.argmax(1)
        counts = truth != self.ignore_index
        # Ignored pixels are counted in a cell of their own: selecting the others would wait for the
        # GPU, and so would bincount.
        cells = xp.where(counts, truth * self.num_classes + predicted, self.num_classes**2)
        if self._cells is None:
            self._cells = xp.zeros(self.num_classes**2 + 1)  # float64 counts exactly to 2**53
        xp.add.at(self._cells, cells.ravel(), 1.0)

    def confusion(self) -> np.ndarray:
        """Pixel counts (num_classes, num_classes): row = true class, column = predicted class."""
        cells = np.zeros(self.num_classes**2 + 1)
        if self._cells is not None:
            cells = to_device(self._cells, CPU)
        cells = summed(cells).astype(np.int64)
        return cells[:-1].reshape(self.num_classes, self.num_classes)

    def iou(self) -> np.ndarray:
        """Intersection over union of each class; NaN if no pixel has or is given that class."""
        confusion = self.confusion().astype(np.float64)
        union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
        with np.errstate(invalid="ignore"):
            return confusion.diagonal() / union

    def compute(self) -> tuple[float, float]:
        """(pixel accuracy, mean IoU of the classes that occur), 0 to 1; NaN without any pixel."""
        confusion = self.confusion()
        if not confusion.sum():
            return float("nan"), float("nan")
        return float(confusion.trace() / confusion.sum()), float(np.nanmean(self.iou()))
