"""Precision and recall of each class."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..output import in_a_cell, printable
from .arrays import to_array, to_classes
from .figures import BY_CLASS, FAINT, INK, PLAIN, PathLike, new_figure, remove_frame, save_figure

__all__ = ["PrecisionRecall", "plot_precision_recall", "precision_recall"]

PRECISION, RECALL = BY_CLASS[:2]  # colours


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Measures of each class, arrays (classes,); ``str`` gives a table.

    Attributes:
        precision: of the pictures predicted as the class, the share that are of it.
        recall: of the pictures of the class, the share that are predicted as it.
        f1: the harmonic mean of both.
        support: the number of pictures of the class.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray

    def table(self, class_names: Sequence[str] | None = None) -> str:
        """The measures in percent, a line for each class, and their mean over the classes."""
        names = [in_a_cell(str(name)) for name in class_names or map(str, range(len(self.support)))]
        if len(names) != len(self.support):
            raise ValueError(f"there must be {len(self.support)} class names, got {len(names)}")
        width = max(map(len, (*names, "class")))
        rows = [*zip(names, self.precision, self.recall, self.f1, self.support, strict=True)]
        means = (measure.mean() for measure in (self.precision, self.recall, self.f1))
        rows.append(("mean", *means, self.support.sum()))
        head = f"{'class':{width}}  precision  recall     F1  pictures"
        return "\n".join(
            [head]
            + [
                f"{name:{width}}  {100 * precision:9.1f}  {100 * recall:6.1f}  {100 * f1:5.1f}  "
                f"{support:8,}"
                for name, precision, recall, f1, support in rows
            ]
        )

    def __str__(self) -> str:
        return self.table()


def precision_recall(predictions: Any, labels: Any = None) -> PrecisionRecall:
    """Precision, recall and F1 of each class; 0 where the denominator is 0.

    Args:
        predictions: a confusion matrix (classes, classes) of counts, row = true class, without
            ``labels``; with them the predicted classes (N,), or scores (N, classes).
        labels: the true classes (N,).

    Returns:
        Measures from 0 to 1. The classes are those of the matrix or of the scores, or otherwise go up
        to the highest class in ``predictions`` and ``labels``.

    Raises:
        ValueError: for shapes that do not fit, negative classes, and if there is nothing.

    As ``sklearn.metrics.precision_recall_fscore_support`` with ``zero_division=0``.
    """
    matrix = _confusion(to_array(predictions), None if labels is None else to_classes(labels))
    right = matrix.diagonal().astype(np.float64)
    predicted, support = matrix.sum(0), matrix.sum(1)
    return PrecisionRecall(
        _ratio(right, predicted),
        _ratio(right, support),
        _ratio(2 * right, predicted + support),
        support,
    )


def _confusion(predictions: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """Counts (classes, classes), row = true class."""
    if labels is None:
        if predictions.ndim != 2 or len(set(predictions.shape)) != 1 or not predictions.size:
            raise ValueError(
                "precision_recall expects a confusion matrix (classes, classes) if there are no "
                f"labels, got shape {predictions.shape}"
            )
        return predictions
    classes = predictions.shape[1] if predictions.ndim == 2 else 0
    predicted = predictions.argmax(1) if classes else to_classes(predictions)
    if classes == 1 or predicted.ndim != 1 or predicted.shape != labels.shape or not labels.size:
        raise ValueError(
            "precision_recall expects predicted classes (N,) or scores (N, classes) of at least two "
            f"classes, and labels (N,), got shapes {predictions.shape} and {labels.shape}"
        )
    lowest, highest = min(predicted.min(), labels.min()), max(predicted.max(), labels.max())
    if lowest < 0:
        raise ValueError(f"classes must be 0 or above, got {lowest}")
    if classes and highest >= classes:
        raise ValueError(f"labels must be below {classes}, the number of scores, got {highest}")
    classes = classes or int(highest) + 1
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, and 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def plot_precision_recall(
    measures: PrecisionRecall, class_names: Sequence[str], path: PathLike, title: str = ""
) -> None:
    """Plots precision and recall of each class as bars, with their values.

    Args:
        measures: of :func:`precision_recall`.
        class_names: one name for each class.
        path: the PNG file to write.
        title: a line above it.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if there is not one name for each class.
    """
    count = len(measures.support)
    if len(class_names) != count:
        raise ValueError(f"there must be {count} class names, got {len(class_names)}")
    figure = new_figure(7, 1.2 + 0.6 * count)
    axes = figure.add_subplot()
    places = np.arange(count)
    bars = (("precision", measures.precision, PRECISION), ("recall", measures.recall, RECALL))
    for number, (name, values, colour) in enumerate(bars):
        at = places + 0.4 * number - 0.2
        axes.barh(at, 100 * values, height=0.36, color=colour, label=name)
        for place, value in zip(at, 100 * values, strict=True):
            axes.text(value + 1, place, f"{value:.1f}", va="center", fontsize=8, color=INK)
    names = [
        textwrap.fill(f"{printable(name)}  ({support:,})", 40)
        for name, support in zip(class_names, measures.support, strict=True)
    ]
    axes.set_yticks(places, names, **PLAIN)
    axes.set_ylim(count - 0.5, -0.5)  # the first class at the top
    axes.set_xlim(0, 108)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("%", color=INK)
    axes.grid(axis="x", color=FAINT)
    axes.set_axisbelow(True)
    remove_frame(axes)
    figure.legend(frameon=False, labelcolor=INK, loc="outside lower center", ncols=2)
    save_figure(figure, path, title)
