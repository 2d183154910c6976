"""Figures as all plots have them: without a window, in the same colours, written whole or not at all.

They need matplotlib (``pip install matplotlib``), which is imported when something is drawn. They
change no global state of matplotlib, so they work without a display.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..io.atomic import replacing
from ..output import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLUES",
    "BY_CLASS",
    "FAINT",
    "INK",
    "PLAIN",
    "RIGHT",
    "TRAIN",
    "VALIDATION",
    "WRONG",
    "PathLike",
    "new_figure",
    "remove_frame",
    "save_figure",
]

TRAIN, VALIDATION = "#9aa5b1", "#d1495b"
INK, FAINT = "#1f2933", "#e4e7eb"
RIGHT, WRONG = "#2f9e6e", "#d1495b"  # colours of predictions where the true class is known
BY_CLASS = ("#3572a5", "#c0762b", "#6a5aa0", "#4d8b7a")  # and where it is not
BLUES = ("#f5f8fb", "#0b4f8a")  # of the confusion matrix: none … all of a row
PLAIN: dict[str, Any] = {"parse_math": False}  # of text in which $ is a dollar
PathLike = str | os.PathLike[str]


def new_figure(width: float, height: float) -> Figure:
    """A figure without a window; sizes are in inches.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "figures need matplotlib, which is not installed: pip install matplotlib"
        ) from error

    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    FigureCanvasAgg(figure)
    return figure


def remove_frame(axes: Axes) -> None:
    """Removes the lines around a plot and the ticks on them."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelcolor=INK)


def save_figure(figure: Figure, path: PathLike, title: str) -> None:
    """Writes a figure, with a title above it, as a PNG file or what the name of the file ends in."""
    if title:
        figure.suptitle(printable(title), color=INK, fontweight="bold", **PLAIN)
    with replacing(path) as file:
        figure.savefig(file, format=Path(path).suffix[1:] or "png", dpi=120, facecolor="white")
