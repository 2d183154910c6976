"""Recording: what ran when, in which thread, within what."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .. import cuda
from ..autograd import Function, engine
from ..optim.optimizer import Optimizer
from . import report
from .work import Shape, bytes_of, bytes_of_step, flops_of, shapes_of

if TYPE_CHECKING:
    from typing import Self


@dataclass(eq=False)
class Event:
    """Something that ran once.

    Attributes:
        name: the class of an operation (``Conv2d``), ``Conv2d.backward`` for its gradients,
            ``backward`` for a whole walk back, ``SGD.step``, or what ``record_function`` was given.
        category: ``operation``, ``backward``, ``optimizer`` or ``user``.
        input_shapes: of the tensors it was given, None for other arguments; of ``X.backward`` the
            gradients it was given, then those it was to compute.
        start, end: nanoseconds on the clock of ``time.perf_counter_ns``.
        nested: nanoseconds of the events directly within it.
        flops, bytes: its work, with that of the events within it.
        thread: index of the thread it ran in, in the order in which they were met.
    """

    name: str
    category: str
    thread: int
    input_shapes: tuple[Shape | None, ...] = ()
    start: int = 0
    end: int = 0
    nested: int = 0
    flops: int = 0
    bytes: int = 0

    @property
    def total(self) -> int:
        """Nanoseconds from start to end."""
        return self.end - self.start

    @property
    def self_time(self) -> int:
        """Nanoseconds outside of the events within it."""
        return self.total - self.nested


@dataclass
class _Thread(threading.local):
    """What a profile knows of the running thread."""

    index: int = -1
    open: list[Event] = field(default_factory=list)  # the innermost last


class profile:
    """Records every operation, gradient and optimizer step within its ``with`` block.

    Operations of all threads are recorded, those of a loader's worker processes are not. Time is
    wall time; the recording takes some microseconds for each event, most of which count for the
    event around it. Outside of the block there is no cost at all: only within it do recording
    functions stand in for ``Function.apply`` (which the block must therefore look up itself), the
    engine's calls of ``backward`` and ``Optimizer.apply_gradients``.

    With a GPU in use, it is waited for at both ends of each event, so that each gets the time of
    its own kernels; the whole is therefore slower than without a profile. A step captured as a CUDA
    graph cannot be looked into: its replay is no event, and capturing it within the block fails.

    A block that is entered again adds to what was recorded.

    Attributes:
        events: an :class:`Event` for everything that has ended, in the order of the ends.
        seconds: what was spent within the block.

    Raises:
        RuntimeError: on entry, if a profile is running already.

    As ``torch.profiler.profile``, with shapes, FLOPs and bytes always recorded, and without its
    schedules.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.seconds = 0.0
        self._entered = 0.0
        self._thread = _Thread()
        self._threads = 0

    def __enter__(self) -> Self:
        global _running
        with _lock:
            if _running is not None:
                raise RuntimeError("a profile is running already, and two cannot run at a time")
            _running = self
            for place, name, recording in _RECORDING:
                setattr(place, name, recording)
        self._entered = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        global _running
        self.seconds += time.perf_counter() - self._entered
        with _lock:
            _running = None
            for place, name, original in _ORIGINAL:
                setattr(place, name, original)

    def key_averages(self, group_by_input_shape: bool = False) -> list[report.EventSummary]:
        """Sums over the events of one name (and, if asked, of one ``input_shapes``)."""
        return report.summaries(self.events, group_by_input_shape)

    def table(
        self,
        sort_by: str = "self_time",
        row_limit: int | None = None,
        group_by_input_shape: bool = False,
    ) -> str:
        """A table with a row for each name: calls, time, work and bytes.

        The self time of an event is its time without that of events within it; it adds up to the
        time of all that was recorded, in all threads. All else (total time, FLOPs, bytes, and their
        ratios) is with the events within it. FLOPs are those of convolutions and matrix products,
        counted as direct sums, whichever algorithm runs; one that saves multiplications, as
        Winograd's does, may show more per second than the machine can do. Bytes are those of
        arguments and results, each counted once.

        Args:
            sort_by: ``self_time``, ``total_time``, ``calls``, ``flops`` or ``bytes``, with the
                largest first, or ``name``.
            row_limit: the number of rows; None: all.
            group_by_input_shape: a row for each name and each ``input_shapes`` of an event.

        Raises:
            ValueError: for another ``sort_by``.
        """
        rows = self.key_averages(group_by_input_shape)
        return report.table(rows, sort_by, row_limit, self.seconds)

    def export_chrome_trace(self, path: str | Path) -> None:
        """Writes all events for a trace viewer: ``chrome://tracing`` or https://ui.perfetto.dev."""
        report.write_chrome_trace(self.events, Path(path))

    @contextlib.contextmanager
    def _event(self, name: str, category: str, shapes: tuple[Any, ...] = ()) -> Iterator[Event]:
        """Times its block; what the block fills in of ``flops`` and ``bytes`` is its own work."""
        here = self._thread
        if here.index < 0:
            with _lock:
                here.index, self._threads = self._threads, self._threads + 1
        event = Event(name, category, here.index, shapes)
        open_events = here.open
        around = open_events[-1] if open_events else None
        _wait_for_gpu()
        open_events.append(event)
        event.start = time.perf_counter_ns()
        try:
            yield event
        finally:
            open_events.remove(event)  # not always the last: a generator may hold a block open
            _wait_for_gpu()
            event.end = time.perf_counter_ns()
            if around is not None:
                around.nested += event.total
                around.flops += event.flops
                around.bytes += event.bytes
            if _running is self:  # else the profile ended before this thread's event did
                self.events.append(event)


_running: profile | None = None
_lock = threading.Lock()


@contextlib.contextmanager
def record_function(name: str) -> Iterator[None]:
    """Makes the ``with`` block, or the decorated function, an event of the running profile.

    As ``torch.profiler.record_function``.
    """
    if _running is None:
        yield
    else:
        with _running._event(name, "user"):
            yield


def _apply(operation: type[Function], *inputs: Any, **options: Any) -> Any:
    """In the place of ``Function.apply``."""
    if (running := _running) is None:  # the profile ended between the look-up and the call
        return _function_apply(operation, *inputs, **options)
    with running._event(operation.__name__, "operation", shapes_of(inputs)) as event:
        outputs = _function_apply(operation, *inputs, **options)
        results = outputs if isinstance(outputs, tuple) else (outputs,)
        event.flops += flops_of(operation, inputs, results)
        event.bytes += bytes_of(inputs, results)
    return outputs


def _differentiate(walk: Any, node: Function, *rest: Any) -> Any:
    """In the place of the engine's call of ``node.backward``."""
    if (running := _running) is None:
        return _engine_differentiate(walk, node, *rest)
    given = tuple(shape for shape, _ in node._outputs)
    wanted = tuple(kept and kept[0] for kept in node._inputs)
    with running._event(f"{type(node).__name__}.backward", "backward", given + wanted):
        return _engine_differentiate(walk, node, *rest)


def _walk(*args: Any, **options: Any) -> Any:
    """In the place of a whole walk back, whose self time is the engine's."""
    if (running := _running) is None:
        return _engine_walk(*args, **options)
    with running._event("backward", "backward"):
        return _engine_walk(*args, **options)


def _apply_gradients(optimizer: Optimizer, *args: Any, **options: Any) -> None:
    """In the place of an optimizer's step."""
    if (running := _running) is None:
        return _optimizer_apply_gradients(optimizer, *args, **options)
    with running._event(f"{type(optimizer).__name__}.step", "optimizer") as event:
        _optimizer_apply_gradients(optimizer, *args, **options)
        event.bytes += bytes_of_step(optimizer)
    return None


def _wait_for_gpu() -> None:
    if "cupy" in sys.modules and cuda.is_available():  # else nothing can be running there
        cuda.synchronize()


_function_apply: Callable[..., Any] = vars(Function)["apply"].__func__
_engine_differentiate: Callable[..., Any] = engine._Walk._differentiate
_engine_walk: Callable[..., Any] = engine._walk
_optimizer_apply_gradients: Callable[..., Any] = Optimizer.apply_gradients

_RECORDING: Sequence[tuple[Any, str, Any]] = (
    (Function, "apply", classmethod(_apply)),
    (engine._Walk, "_differentiate", _differentiate),
    (engine, "_walk", _walk),
    (Optimizer, "apply_gradients", _apply_gradients),
)
_ORIGINAL = tuple((place, name, vars(place)[name]) for place, name, _ in _RECORDING)
