"""The worst mistakes of a network on pictures whose classes are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import to_array, to_classes
from .figures import PathLike
from .pixels import Numbers, to_picture
from .plots import plot_predictions

__all__ = ["Mistake", "plot_mistakes", "worst_mistakes"]


@dataclass(frozen=True)
class Mistake:
    """One picture that a network takes for another class.

    Attributes:
        index: of the picture.
        label: its true class.
        predicted: the class with the highest probability.
        probability: of the predicted class.
        loss: -log of the probability of the true class.
    """

    index: int
    label: int
    predicted: int
    probability: float
    loss: float


def worst_mistakes(probabilities: Any, labels: Any, count: int = 10) -> list[Mistake]:
    """The wrong answers with the highest losses, the worst first.

    With two classes they are the most confident wrong answers, too.

    Args:
        probabilities: (N, classes), an array or a tensor.
        labels: the true classes (N,).
        count: the most to return; there are fewer if fewer answers are wrong.

    Raises:
        ValueError: for shapes that do not fit, scores that are no probabilities, and labels that are
            no classes.
    """
    rows, classes = to_array(probabilities), to_classes(labels)
    if rows.ndim != 2 or rows.shape[1] < 2 or classes.shape != rows.shape[:1]:
        raise ValueError(
            "worst_mistakes expects probabilities (N, classes) of at least two classes, and labels "
            f"(N,), got shapes {rows.shape} and {classes.shape}"
        )
    if not ((rows >= 0) & (rows <= 1.001)).all():  # the softmax of half precision may exceed 1
        raise ValueError(
            "probabilities must be from 0 to 1, as softmax gives them, got "
            f"{rows.min()} to {rows.max()}"
        )
    if classes.size and not (0 <= classes.min() and classes.max() < rows.shape[1]):
        raise ValueError(
            f"labels must be from 0 to {rows.shape[1] - 1}, got {classes.min()} to {classes.max()}"
        )
    predicted = rows.argmax(1)
    numbers = np.arange(len(rows))
    with np.errstate(divide="ignore"):  # a probability of 0 is an infinite loss
        losses = -np.log(rows[numbers, classes].astype(np.float64))
    wrong = numbers[predicted != classes]
    confidence = rows[numbers, predicted]
    # of equal losses, such as infinite ones, the most confident first
    worst = wrong[np.lexsort((-confidence[wrong], -losses[wrong]))][:count]
    return [
        Mistake(int(i), int(classes[i]), int(predicted[i]), float(confidence[i]), float(losses[i]))
        for i in worst
    ]


def plot_mistakes(
    pictures: Any,
    probabilities: Any,
    labels: Any,
    class_names: Sequence[str],
    path: PathLike,
    count: int = 10,
    mean: Numbers = None,
    std: Numbers = None,
    captions: Sequence[str] | None = None,
    title: str = "",
) -> None:
    """Shows the worst mistakes in rows of five, the worst first, as :func:`plot_predictions` does.

    Args:
        pictures: as many as labels, a dataset, a list or a tensor (N, C, H, W); ``pictures[index]`` is
            read of those alone that are shown: a PIL image, a tensor, or a sample with one of them as
            its first entry.
        probabilities: (N, classes).
        labels: the true classes (N,).
        class_names: one name for each class.
        path: the PNG file to write.
        count: the most to show.
        mean, std: what tensors of floats were normalised with, to be undone.
        captions: a small line for each of the N pictures, such as its file name.
        title: a line above all.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: as :func:`worst_mistakes`, and if there is no mistake.
    """
    mistakes = worst_mistakes(probabilities, labels, count)
    if not mistakes:
        raise ValueError("plot_mistakes needs at least one wrong answer, got none")
    numbers = [mistake.index for mistake in mistakes]
    plot_predictions(
        [to_picture(pictures[index], mean, std) for index in numbers],
        to_array(probabilities)[numbers],
        class_names,
        path,
        None if captions is None else [captions[index] for index in numbers],
        [mistake.label for mistake in mistakes],
        title,
    )
