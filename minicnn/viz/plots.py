"""Plots of a run as PNG files: learning curves, predictions, a confusion matrix.

figures.py has what they share with the other plots.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..output import printable
from .figures import (
    BLUES,
    BY_CLASS,
    FAINT,
    INK,
    PLAIN,
    RIGHT,
    TRAIN,
    VALIDATION,
    WRONG,
    PathLike,
    new_figure,
    remove_frame,
    save_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL import Image

__all__ = [
    "caption_text",
    "check_texts",
    "describe_prediction",
    "plot_confusion",
    "plot_curves",
    "plot_predictions",
]


def plot_curves(epochs: Sequence[dict[str, Any]], path: PathLike, title: str = "") -> None:
    """Plots loss and accuracy over the epochs.

    Args:
        epochs: one dict for each epoch with ``epoch`` (from 1), ``train_loss``, ``val_loss``,
            ``train_accuracy`` and ``val_accuracy`` (0 to 1).
        path: the PNG file to write.
        title: a line above both panels.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if there is no epoch.
    """
    if not epochs:
        raise ValueError("plot_curves needs at least one epoch, got none")
    figure = new_figure(10, 4)
    numbers = [row["epoch"] for row in epochs]
    _plot_curve(figure.add_subplot(1, 2, 1), "Loss", numbers, *_columns(epochs, "loss"))
    train, val = ([100 * value for value in column] for column in _columns(epochs, "accuracy"))
    axes = figure.add_subplot(1, 2, 2)
    _plot_curve(axes, "Accuracy in %", numbers, train, val)
    best = int(np.argmax(np.nan_to_num(val)))
    axes.annotate(
        f"{val[best]:.1f} %",
        (numbers[best], val[best]),
        xytext=(0, -16 if train[best] > val[best] else 7),  # away from the other curve
        textcoords="offset points",
        ha="center",
        color=VALIDATION,
        fontweight="bold",
    )
    save_figure(figure, path, title)


def _columns(epochs: Sequence[dict[str, Any]], quantity: str) -> tuple[list[float], list[float]]:
    """A quantity of all epochs, in training and in validation."""
    keys = (f"train_{quantity}", f"val_{quantity}")
    # metrics.json has null for NaN
    train, val = ([math.nan if row[k] is None else row[k] for row in epochs] for k in keys)
    return train, val


def _plot_curve(
    axes: Axes, title: str, epochs: Sequence[int], train: list[float], val: list[float]
) -> None:
    from matplotlib.ticker import MaxNLocator

    style: dict[str, Any] = {"marker": "o", "markersize": 4, "lw": 2}
    axes.plot(epochs, train, color=TRAIN, label="training", **style)
    axes.plot(epochs, val, color=VALIDATION, label="validation", **style)
    axes.set_title(title, loc="left", color=INK)
    axes.set_xlabel("epoch", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(y=0.12)
    remove_frame(axes)
    axes.grid(axis="y", color=FAINT)
    axes.legend(frameon=False, labelcolor=INK, loc="best")


def plot_predictions(
    images: Sequence[Image.Image],
    probabilities: np.ndarray,
    class_names: Sequence[str],
    path: PathLike,
    captions: Sequence[str] | None = None,
    truth: Sequence[int] | None = None,
    title: str = "",
) -> None:
    """Shows pictures in rows of five, each above its predicted class and probability.

    Args:
        images: PIL images of any size, of which the central square is shown.
        probabilities: (len(images), classes).
        class_names: one name for each class.
        path: the PNG file to write.
        captions: a small line above each picture, such as its file name.
        truth: the true class of each picture, if known. Right predictions are then green, wrong
            ones red; otherwise each class has its own colour.
        title: a line above all.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if there is no picture, or not one row of probabilities for each, and for too few
            names, captions or true classes.
    """
    if not images or len(images) != len(probabilities):
        raise ValueError(
            "plot_predictions needs at least one picture and a row of probabilities for each, got "
            f"{len(images)} pictures and {len(probabilities)} rows"
        )
    check_texts(probabilities, class_names, captions, truth)
    columns = min(5, len(images))
    rows = -(-len(images) // columns)
    answers = [
        describe_prediction(row, class_names, None if truth is None else truth[number])
        for number, row in enumerate(probabilities)
    ]
    lines = max(text.count("\n") for text, _ in answers) + bool(captions)  # beside the first
    figure = new_figure(2.3 * columns, (2.75 + 0.15 * lines) * rows + (0.4 if title else 0))
    for number, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, number + 1)
        _plot_prediction(axes, image, float(probabilities[number].max()), *answers[number])
        if captions:
            axes.set_title(caption_text(captions[number]), fontsize=8, color=INK, pad=3, **PLAIN)
    save_figure(figure, path, title)


def check_texts(
    probabilities: np.ndarray,
    class_names: Sequence[str],
    captions: Sequence[str] | None,
    truth: Sequence[int] | None,
) -> None:
    """Checks that there is a name for each class, and a caption and a true class for each picture.

    Raises:
        ValueError: if there is not.
    """
    count, classes = len(probabilities), len(probabilities[0])
    if len(class_names) < classes:
        raise ValueError(
            f"class_names must have a name for each of {classes} classes, got {len(class_names)}"
        )
    for name, entries in (("captions", captions), ("truth", truth)):
        if entries is not None and len(entries) != count:
            raise ValueError(
                f"{name} must have an entry for each of {count} pictures, got {len(entries)}"
            )
    if truth is not None and not all(0 <= label < classes for label in truth):
        raise ValueError(f"truth must have classes from 0 to {classes - 1}, got {list(truth)}")


def caption_text(text: str) -> str:
    """A text that is no wider than a picture, without its middle if it is long."""
    text = printable(text)
    return text if len(text) <= 36 else f"{text[:18]}…{text[-17:]}"


def _plot_prediction(
    axes: Axes, image: Image.Image, probability: float, answer: str, colour: str
) -> None:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    axes.imshow(image.crop((left, top, left + side, top + side)), extent=(0, 1, 0, 1))
    # the probability as a bar below the picture
    for width, shade in ((1.0, FAINT), (probability, colour)):
        axes.barh(-0.045, width, height=0.05, color=shade, align="center")
    style: dict[str, Any] = {"ha": "center", "va": "top", "fontweight": "bold", **PLAIN}
    axes.text(0.5, -0.1, answer, color=colour, **style)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.22, 1)
    axes.set_aspect("equal")
    axes.axis("off")


def describe_prediction(
    probabilities: np.ndarray, class_names: Sequence[str], true_class: int | None
) -> tuple[str, str]:
    """The predicted class with its probability, in lines as wide as a picture, and its colour."""
    predicted = int(np.argmax(probabilities))
    answer = f"{class_names[predicted]}  {100 * float(probabilities[predicted]):.1f} %"
    if true_class is None:
        colour = BY_CLASS[predicted % len(BY_CLASS)]
    elif true_class == predicted:
        colour = RIGHT
    else:
        colour = WRONG
        answer += f"   (is a {class_names[true_class]})"
    return textwrap.fill(printable(answer), 26), colour


def plot_confusion(
    matrix: np.ndarray, class_names: Sequence[str], path: PathLike, title: str = ""
) -> None:
    """Plots a confusion matrix: shares of a row as shades, for up to 20 classes also as numbers.

    Args:
        matrix: counts (classes, classes), row = true class, column = predicted class.
        class_names: one name for each class.
        path: the PNG file to write.
        title: a line above it.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    n = len(class_names)
    has_numbers = n <= 20  # those of more classes would make it metres large
    cell = 1.3 if has_numbers else 0.25  # inches
    figure = new_figure(2.2 + cell * n, 1.8 + cell * n)
    from matplotlib.colors import LinearSegmentedColormap  # after new_figure, whose error helps

    axes = figure.add_subplot()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shades = LinearSegmentedColormap.from_list("share", BLUES)
    axes.imshow(shares, cmap=shades, vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix) if has_numbers else ():
        share = shares[row, column]
        colour = "white" if share > 0.5 else INK
        axes.text(column, row - 0.06, f"{count:,}", ha="center", fontsize=15, color=colour)
        axes.text(column, row + 0.2, f"{100 * share:.1f} %", ha="center", color=colour)
    names = [printable(name) for name in class_names]
    axes.set_xticks(range(n), names, rotation=0 if has_numbers else 90, **PLAIN)
    axes.set_yticks(range(n), names, **PLAIN)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("is", color=INK)
    remove_frame(axes)
    save_figure(figure, path, title)
