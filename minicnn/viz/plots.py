"""Pictures of a run as PNG files: learning curves, predictions, a confusion matrix.

Needs matplotlib (``pip install matplotlib``), which is imported when something is drawn. No
window is opened and no global state of matplotlib is touched, so it works without a display.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL import Image

TRAIN, VALIDATION = "#9aa5b1", "#d1495b"
INK, FAINT = "#1f2933", "#e4e7eb"
RIGHT, WRONG = "#2f9e6e", "#d1495b"  # colours of a prediction whose truth is known
BY_CLASS = ("#3572a5", "#c0762b", "#6a5aa0", "#4d8b7a")  # and of one whose truth is not
BLUES = ("#f5f8fb", "#0b4f8a")  # of the confusion matrix: none … all of a class
PathLike = str | os.PathLike[str]


def plot_curves(epochs: Sequence[dict[str, Any]], path: PathLike, title: str = "") -> None:
    """Draw loss and accuracy over the epochs.

    Args:
        epochs: one dict an epoch with ``epoch`` (from 1), ``train_loss``, ``val_loss``,
            ``train_accuracy`` and ``val_accuracy`` (0 to 1).
        path: the PNG file to write.
        title: a line above both panels.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if there is no epoch.
    """
    if not epochs:
        raise ValueError("plot_curves needs at least one epoch, got none")
    from matplotlib.ticker import MaxNLocator

    figure = _figure(10, 4)
    numbers = [row["epoch"] for row in epochs]
    for place, quantity, scale in ((1, "loss", 1), (2, "accuracy", 100)):
        axes = figure.add_subplot(1, 2, place)
        for part, colour, label in (
            ("train", TRAIN, "training"),
            ("val", VALIDATION, "validation"),
        ):
            values = [scale * row[f"{part}_{quantity}"] for row in epochs]
            axes.plot(
                numbers,
                values,
                color=colour,
                marker="o",
                markersize=4,
                lw=2,
                label=label,
            )
        axes.set_title("Loss" if scale == 1 else "Accuracy in %", loc="left", color=INK)
        axes.set_xlabel("epoch", color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.margins(y=0.12)
        _quiet(axes)
        axes.grid(axis="y", color=FAINT)
        if scale == 100:
            best = int(np.argmax(values))  # of the validation curve, drawn last
            axes.annotate(
                f"{values[best]:.1f} %",
                (numbers[best], values[best]),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                color=VALIDATION,
                fontweight="bold",
            )
        axes.legend(frameon=False, labelcolor=INK, loc="best")
    _save(figure, path, title)


def plot_predictions(
    images: Sequence[Image.Image],
    probabilities: np.ndarray,
    class_names: Sequence[str],
    path: PathLike,
    captions: Sequence[str] | None = None,
    truth: Sequence[int] | None = None,
    title: str = "",
) -> None:
    """Draw pictures in rows of five, under each its predicted class and probability.

    Args:
        images: PIL pictures of any size; shown as the square in their middle.
        probabilities: (len(images), classes).
        class_names: one name a class.
        path: the PNG file to write.
        captions: a small line above each picture, such as its file name.
        truth: the right class of each, if known: right predictions are then green, wrong
            ones red; without it, each class has its colour.
        title: a line above all.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if there is no picture, or not one row of probabilities for each.
    """
    if not images or len(images) != len(probabilities):
        raise ValueError(
            "plot_predictions needs at least one picture and a row of probabilities for each, got "
            f"{len(images)} pictures and {len(probabilities)} rows"
        )
    columns = min(5, len(images))
    rows = -(-len(images) // columns)
    figure = _figure(2.3 * columns, 2.75 * rows + (0.4 if title else 0))
    for number, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, number + 1)
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        axes.imshow(image.crop((left, top, left + side, top + side)), extent=(0, 1, 0, 1))
        predicted = int(np.argmax(probabilities[number]))
        share = float(probabilities[number][predicted])
        wrong = truth is not None and truth[number] != predicted
        colour = WRONG if wrong else RIGHT
        if truth is None:
            colour = BY_CLASS[predicted % len(BY_CLASS)]
        # the probability as a bar below the picture
        for width, shade in ((1.0, FAINT), (share, colour)):
            axes.barh(-0.045, width, height=0.05, color=shade, align="center")
        answer = f"{class_names[predicted]}  {100 * share:.1f} %"
        if wrong and truth is not None:
            answer += f"   (is a {class_names[truth[number]]})"
        axes.text(0.5, -0.1, answer, ha="center", va="top", color=colour, fontweight="bold")
        if captions:
            axes.set_title(captions[number], fontsize=8, color=INK, pad=3)
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.22, 1)
        axes.set_aspect("equal")
        axes.axis("off")
    _save(figure, path, title)


def plot_confusion(
    matrix: np.ndarray, class_names: Sequence[str], path: PathLike, title: str = ""
) -> None:
    """Draw how often each class (row) was taken for each (column), as counts and shares of a row.

    Args:
        matrix: counts (classes, classes), row = true class.
        class_names: one name a class.
        path: the PNG file to write.
        title: a line above it.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    from matplotlib.colors import LinearSegmentedColormap

    n = len(class_names)
    figure = _figure(2.2 + 1.3 * n, 1.8 + 1.3 * n)
    axes = figure.add_subplot()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shades = LinearSegmentedColormap.from_list("share", BLUES)
    axes.imshow(shares, cmap=shades, vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        share = shares[row, column]
        colour = "white" if share > 0.5 else INK
        axes.text(column, row - 0.06, f"{count:,}", ha="center", fontsize=15, color=colour)
        axes.text(column, row + 0.2, f"{100 * share:.1f} %", ha="center", color=colour)
    axes.set_xticks(range(n), class_names)
    axes.set_yticks(range(n), class_names)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("is", color=INK)
    _quiet(axes)
    _save(figure, path, title)


def _figure(width: float, height: float) -> Figure:
    """A figure of its own, in inches, that belongs to no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    FigureCanvasAgg(figure)
    return figure


def _quiet(axes: Axes) -> None:
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelcolor=INK)


def _save(figure: Figure, path: PathLike, title: str) -> None:
    if title:
        figure.suptitle(title, color=INK, fontweight="bold")
    figure.savefig(path, dpi=120, facecolor="white")
