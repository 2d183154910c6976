"""A progress bar on a terminal or in a notebook; in a log file, a line for each tenth of an epoch."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from tqdm import tqdm

from .. import notebook

if TYPE_CHECKING:
    from typing import Self  # Python 3.11, not needed to run


class Progress:
    """Shows the progress of an epoch: its share of the images, images per second, time left, stats.

    Args:
        title: printed first.
        total: images in the epoch.
        done: images before this run, if it was resumed; images per second do not count them.
        file: where to; when left out the standard output, or a bar below the cell of a notebook.
        lines: number of lines in an epoch, where ``file`` is not a terminal.
    """

    def __init__(
        self,
        title: str,
        total: int,
        done: int = 0,
        file: TextIO | None = None,
        lines: int = 10,
    ) -> None:
        self.title, self.total, self.done = title, total, done
        self.file = file or sys.stdout
        self._first = done
        self._start = time.perf_counter()
        self._line_every = max(1, total // lines)
        self._next_line = (done // self._line_every + 1) * self._line_every
        self._next_refresh = 0.0
        self._bar: tqdm | None = None
        self._output = notebook.Output() if file is None and notebook.is_running() else None
        if self.file.isatty():
            self._bar = tqdm(
                total=total,
                initial=done,
                desc=title,
                file=self.file,
                leave=False,
                dynamic_ncols=True,
                bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {postfix} "
                "{remaining} left",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._output is not None:
            self._output.show({"text/html": "", "text/plain": ""})

    @property
    def seconds(self) -> float:
        """Time since the start, in seconds."""
        return time.perf_counter() - self._start

    @property
    def images_per_second(self) -> float:
        """Images of this run per second."""
        return (self.done - self._first) / max(self.seconds, 1e-9)

    def update(self, images: int, stats: Callable[[], str]) -> None:
        """Counts ``images`` more, and prints when it is time to.

        ``stats`` returns text such as ``loss 0.412  accuracy 81.2 %``. It may wait for the GPU, so
        it is called only to print: twice a second on a terminal or in a notebook, ``lines`` times
        in a log file.
        """
        self.done += images
        if self._bar is not None or self._output is not None:
            if self._bar is not None:
                self._bar.n = self.done
            if self.seconds >= self._next_refresh:
                self._next_refresh = self.seconds + 0.5
                self._refresh(f"{stats()}  {self.images_per_second:.0f} images/s")
        elif self.done >= self._next_line:
            self._next_line += self._line_every
            self.write(
                f"{self.title} {100 * self.done / self.total:3.0f}%  {stats()}  "
                f"{self.images_per_second:.0f} images/s  {duration(self._seconds_left())} left"
            )

    def _refresh(self, text: str) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(text)
        elif self._output is not None:
            text = f"{self.done}/{self.total}  {text}  {duration(self._seconds_left())} left"
            bar = f'<progress value="{self.done}" max="{self.total}"></progress>'
            content = f"{html.escape(self.title)} {bar} {html.escape(text)}"
            self._output.show({"text/html": content, "text/plain": f"{self.title} {text}"})

    def _seconds_left(self) -> float:
        return (self.total - self.done) / max(self.images_per_second, 1e-9)

    def write(self, line: str) -> None:
        """Prints a line without disturbing the bar."""
        if self._bar is not None:
            self._bar.write(line, file=self.file)
        else:
            print(line, file=self.file, flush=True)


def duration(seconds: float) -> str:
    """``45 s``, ``3:20 min`` or ``1:05 h``."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d} min"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d} h"
