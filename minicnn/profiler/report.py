"""Reports on recorded events: sums by name, a table, a trace."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..io.atomic import replacing
from .work import Shape

if TYPE_CHECKING:
    from .profile import Event

_TITLES: tuple[str, ...] = (
    "name", "calls", "self ms", "self %", "total ms", "GFLOP", "GFLOP/s", "MB", "GB/s",
)  # fmt: skip
_ORDERS = {
    "self_time": "self_seconds",
    "total_time": "total_seconds",
    "calls": "calls",
    "flops": "flops",
    "bytes": "bytes",
    "name": "name",
}


@dataclass
class EventSummary:
    """Sums over all events of one name.

    Attributes:
        input_shapes: the events' common input shapes, if they were grouped by them.
        calls: number of events.
        self_seconds: time without the events within them.
        total_seconds, flops, bytes: including the events within them.
    """

    name: str
    input_shapes: tuple[Shape | None, ...] | None = None
    calls: int = 0
    self_seconds: float = 0.0
    total_seconds: float = 0.0
    flops: int = 0
    bytes: int = 0

    @property
    def key(self) -> str:
        """The name."""
        return self.name

    @property
    def count(self) -> int:
        """The number of events."""
        return self.calls

    @property
    def cpu_time_total(self) -> float:
        """Microseconds, including the events within them."""
        return self.total_seconds * 1e6

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds without the events within them."""
        return self.self_seconds * 1e6


class Averages(list[EventSummary]):
    """What ``profile.key_averages`` returns: summaries, and torch's way to print them."""

    def __init__(self, rows: Iterable[EventSummary], seconds: float) -> None:
        super().__init__(rows)
        self._seconds = seconds

    def table(self, sort_by: str | None = None, row_limit: int = 100, **layout: Any) -> str:
        """The table of :meth:`profile.table`.

        Args:
            sort_by: one of its orders, or of torch's, such as ``"self_cpu_time_total"``; None is
                the order in which the names appeared.
            row_limit: the number of rows; -1 shows all.
            layout: widths and so on, without effect.
        """
        limit = row_limit if row_limit >= 0 else None
        return table(self, sort_by and _order(sort_by), limit, self._seconds)

    def total_average(self) -> EventSummary:
        """The sum of all rows."""
        total = EventSummary("Total")
        for row in self:
            total.calls += row.calls
            total.self_seconds += row.self_seconds
            total.total_seconds += row.total_seconds
            total.flops += row.flops
            total.bytes += row.bytes
        return total


def _order(name: str) -> str:
    """The order that comes nearest to one of torch's."""
    if "time" in name and name not in _ORDERS:
        return "self_time" if name.startswith("self") else "total_time"
    return "bytes" if "memory" in name else "calls" if name == "count" else name


def summaries(events: Iterable[Event], group_by_input_shape: bool) -> list[EventSummary]:
    """One :class:`EventSummary` for each name, or for each name and ``input_shapes``."""
    found: dict[Any, EventSummary] = {}
    for event in events:
        shapes = event.input_shapes if group_by_input_shape else None
        row = found.setdefault((event.name, shapes), EventSummary(event.name, shapes))
        row.calls += 1
        row.self_seconds += event.self_time / 1e9
        row.total_seconds += event.total / 1e9
        row.flops += event.flops
        row.bytes += event.bytes
    return list(found.values())


def table(
    rows: Sequence[EventSummary], sort_by: str | None, row_limit: int | None, seconds: float
) -> str:
    """The table that :meth:`profile.table` describes; without ``sort_by``, the rows as they are."""
    if sort_by is not None and sort_by not in _ORDERS:
        raise ValueError(f"sort_by must be one of {', '.join(_ORDERS)}, got {sort_by!r}")
    recorded = sum(row.self_seconds for row in rows)
    if sort_by is not None:
        rows = sorted(rows, key=attrgetter(_ORDERS[sort_by]), reverse=sort_by != "name")
    shown = rows[:row_limit]
    titles, lines = _TITLES, [_cells(row, recorded) for row in shown]
    if any(row.input_shapes is not None for row in rows):
        titles = (*titles, "input shapes")
        lines = [(*line, _listed(row.input_shapes or ())) for line, row in zip(lines, shown)]
    widths = [max(map(len, column)) for column in zip(titles, *lines)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    last = f"recorded: {recorded * 1e3:.1f} ms in {seconds * 1e3:.1f} ms"
    return "\n".join(
        [_line(titles, widths), rule, *(_line(line, widths) for line in lines), rule, last]
    )


def write_chrome_trace(events: Iterable[Event], path: Path) -> None:
    """Writes Chrome's trace event format: one complete event ("X") each, in microseconds."""
    events = sorted(events, key=lambda event: (event.start, -event.end))
    origin = events[0].start if events else 0
    process = {"pid": os.getpid()}
    trace: list[dict[str, Any]] = [
        {"name": "process_name", "ph": "M", **process, "args": {"name": "minicnn"}}
    ]
    for thread in sorted({event.thread for event in events}):
        label = {"name": f"thread {thread}"}
        trace.append({"name": "thread_name", "ph": "M", **process, "tid": thread, "args": label})
    trace += [
        {
            "name": event.name,
            "cat": event.category,
            "ph": "X",
            "ts": (event.start - origin) / 1000,
            "dur": event.total / 1000,
            **process,
            "tid": event.thread,
            "args": {
                "input shapes": _listed(event.input_shapes),
                "flops": event.flops,
                "bytes": event.bytes,
            },
        }
        for event in events
    ]
    with replacing(path) as file:
        file.write(json.dumps({"traceEvents": trace, "displayTimeUnit": "ms"}).encode())


def tensorboard_trace_handler(
    dir_name: str | Path, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[Any], None]:
    """For ``profile(on_trace_ready=…)``: writes each trace into a folder, uncompressed.

    As ``torch.profiler.tensorboard_trace_handler``.
    """

    def handler(profile: Any) -> None:
        Path(dir_name).mkdir(parents=True, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        profile.export_chrome_trace(Path(dir_name) / f"{worker}.{time.time_ns()}.pt.trace.json")

    return handler


def _cells(row: EventSummary, recorded: float) -> tuple[str, ...]:
    return (
        row.name,
        str(row.calls),
        f"{row.self_seconds * 1e3:.2f}",
        f"{100 * row.self_seconds / (recorded or 1):.1f}",
        f"{row.total_seconds * 1e3:.2f}",
        *_amount_and_rate(row.flops / 1e9, row.total_seconds, 2),
        *_amount_and_rate(row.bytes / 1e6, 1000 * row.total_seconds, 1),
    )


def _amount_and_rate(amount: float, time: float, digits: int) -> tuple[str, str]:
    return (f"{amount:.{digits}f}", f"{amount / time:.1f}") if amount and time else ("", "")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One row, with numbers aligned right, the name and the shapes aligned left."""
    numbers = range(1, len(_TITLES))
    padded = (
        cell.rjust(width) if i in numbers else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(padded).rstrip()


def _listed(shapes: Iterable[Shape | None]) -> str:
    return ", ".join("x".join(map(str, shape)) or "()" for shape in shapes if shape is not None)
