"""Reports on recorded events: sums by name, a table, a trace."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
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

_ORDERS_IN_TORCH = {
    **{f"self_{kind}_time_total": "self_time" for kind in ("cpu", "cuda", "device")},
    **{f"{kind}_time_total": "total_time" for kind in ("cpu", "cuda", "device")},
    **{f"{kind}_time": "total_time" for kind in ("cpu", "cuda", "device")},
    **{f"{own}{kind}_memory_usage": "bytes" for own in ("", "self_") for kind in ("cpu", "cuda")},
    "count": "calls",
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
        """The name, as torch calls it."""
        return self.name

    @property
    def count(self) -> int:
        """The calls, as torch calls them."""
        return self.calls

    @property
    def cpu_time_total(self) -> float:
        """Microseconds, including the events within them."""
        return self.total_seconds * 1e6

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds, without the events within them."""
        return self.self_seconds * 1e6


class Summaries(list[EventSummary]):
    """The summaries of a profile, and the seconds that it ran."""

    seconds = 0.0

    def table(self, sort_by: str | None = None, row_limit: int | None = 100, **options: Any) -> str:
        """The table that :meth:`profile.table` describes; torch's other arguments have no effect."""
        return table(self, sort_by or "self_time", row_limit, self.seconds)


def summaries(events: Iterable[Event], group_by_input_shape: bool, seconds: float) -> Summaries:
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
    rows = Summaries(found.values())
    rows.seconds = seconds
    return rows


def table(rows: Sequence[EventSummary], sort_by: str, row_limit: int | None, seconds: float) -> str:
    """The table that :meth:`profile.table` describes."""
    sort_by = _ORDERS_IN_TORCH.get(sort_by, sort_by)
    if sort_by not in _ORDERS:
        raise ValueError(f"sort_by must be one of {', '.join(_ORDERS)}, got {sort_by!r}")
    recorded = sum(row.self_seconds for row in rows)
    ordered = sorted(rows, key=attrgetter(_ORDERS[sort_by]), reverse=sort_by != "name")
    shown = ordered[:row_limit]
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
