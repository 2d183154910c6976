"""``LiveCurve``: curves below a notebook's cell that grow while the cell runs."""

from __future__ import annotations

import base64
import io
import math
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..notebook import Output, is_running
from .figures import FAINT, INK, TRAIN, VALIDATION, PathLike, new_figure, remove_frame, save_figure

if TYPE_CHECKING:
    from typing import Self  # Python 3.11, not needed to run

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LiveCurve"]

_LINES = {"train": ("training", TRAIN), "val": ("validation", VALIDATION)}
_MARKED = 30  # points at most that get a marker each


class LiveCurve:
    """Curves of a training, drawn again in the same place of a notebook as numbers come in.

    ::

        with viz.LiveCurve("epoch") as curve:
            for epoch in range(1, 11):
                …
                curve.add(epoch, train_loss=loss, val_loss=val_loss, val_accuracy=accuracy)

    ``train_loss`` and ``val_loss`` share a panel; a quantity with another name has its own. The lines
    need not have the same points. Outside a notebook nothing is drawn, so the same loop runs in a
    script, and :meth:`save` works everywhere.

    Args:
        x: what the curves run over, such as ``step`` or ``epoch``.
        every: seconds between two drawings at least; the one at the end is never left out.

    Raises:
        ImportError: when something is drawn, if matplotlib is not installed.
    """

    def __init__(self, x: str = "step", every: float = 2.0) -> None:
        self.x, self.every = x, every
        self._output = Output()
        self._next = 0.0
        # by panel and line: the points
        self._panels: dict[str, dict[str, list[tuple[float, float]]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.draw()

    def add(self, x: float, **values: Any) -> None:
        """Adds a point to each curve that is named, and draws if it is time to.

        Args:
            x: where, such as the number of the step.
            values: numbers or scalar tensors by their names; None and NaN leave a gap.
        """
        for name, value in values.items():
            line, _, quantity = name.partition("_")
            panel, line = (quantity, line) if line in _LINES and quantity else (name, name)
            points = self._panels.setdefault(panel, {}).setdefault(line, [])
            points.append((float(x), math.nan if value is None else float(value)))
        if time.monotonic() >= self._next:
            self.draw()

    def draw(self) -> None:
        """Draws all points so far."""
        if not self._panels or not is_running():
            return
        picture = io.BytesIO()
        self.figure().savefig(picture, dpi=80, facecolor="white")
        self._output.show({"image/png": base64.b64encode(picture.getvalue()).decode()})
        self._next = time.monotonic() + self.every

    def save(self, path: PathLike, title: str = "") -> None:
        """Writes the curves to a PNG file, with a title above them."""
        save_figure(self.figure(), path, title)

    def figure(self) -> Figure:
        """The curves as a figure of matplotlib, without a window."""
        columns = len(self._panels)
        figure = new_figure(5 * max(columns, 1), 3.5)
        for number, (title, lines) in enumerate(self._panels.items()):
            axes = figure.add_subplot(1, columns, number + 1)
            self._plot(axes, title, lines)
        return figure

    def _plot(self, axes: Axes, title: str, lines: dict[str, list[tuple[float, float]]]) -> None:
        from matplotlib.ticker import MaxNLocator

        for line, points in lines.items():
            label, color = _LINES.get(line, (line, VALIDATION))
            marker = "o" if len(points) <= _MARKED else ""
            x, y = zip(*points, strict=True)
            axes.plot(x, y, color=color, label=label, marker=marker, markersize=4, lw=2)
        axes.set_title(title.replace("_", " "), loc="left", color=INK)
        axes.set_xlabel(self.x, color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(axis="y", color=FAINT)
        remove_frame(axes)
        if set(lines) & set(_LINES):
            axes.legend(frameon=False, labelcolor=INK)
