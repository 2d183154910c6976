"""The curve of a trial run in which the learning rate grew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .figures import FAINT, INK, TRAIN, VALIDATION, PathLike, new_figure, remove_frame, save_figure

if TYPE_CHECKING:
    from ..training import LearningRates

__all__ = ["plot_learning_rates"]


def plot_learning_rates(result: LearningRates, path: PathLike, title: str = "") -> None:
    """Plots the loss over the learning rate, and marks the suggestion.

    Args:
        result: of :func:`minicnn.training.find_learning_rate`.
        path: the PNG file to write.
        title: a line above it.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    figure = new_figure(6, 4)
    axes = figure.add_subplot()
    smoothed = result.smoothed
    axes.plot(result.rates, result.losses, color=FAINT, lw=1)
    axes.plot(result.rates, smoothed, color=TRAIN, lw=2)
    loss = float(np.interp(result.suggestion, result.rates, smoothed))
    axes.plot([result.suggestion], [loss], "o", color=VALIDATION)
    axes.annotate(
        f"{result.suggestion:.1e}",
        (result.suggestion, loss),
        xytext=(7, 5),
        textcoords="offset points",
        color=VALIDATION,
        fontweight="bold",
    )
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xlabel("learning rate", color=INK)
    room = 0.1 * (max(smoothed) - min(smoothed))
    axes.set_ylim(min(smoothed) - room, max(smoothed) + room)  # single losses may lie outside
    axes.set_title("Loss, smoothed", loc="left", color=INK)
    axes.grid(axis="y", color=FAINT)
    remove_frame(axes)
    save_figure(figure, path, title)
