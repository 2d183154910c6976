"""Recording events: what ran, when, in which thread, and inside which other event."""

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
from .schedule import ProfilerAction
from .work import Shape, bytes_of, bytes_of_step, flops_of, shapes_of

if TYPE_CHECKING:
    from typing import Self


@dataclass(eq=False)
class Event:
    """Something that ran once.

    Attributes:
        name: the class of an operation (``Conv2d``), ``Conv2d.backward`` for its gradients,
            ``backward`` for a whole backward pass, ``SGD.step``, or the name given to
            ``record_function``.
        category: ``operation``, ``backward``, ``optimizer`` or ``user``.
        input_shapes: shapes of its tensor arguments, None for other arguments. For ``X.backward``:
            shapes of the incoming gradients, followed by those of the gradients to compute.
        start, end: nanoseconds on the clock of ``time.perf_counter_ns``.
        nested: nanoseconds of the events directly within it.
        flops, bytes: its work, including the events within it.
        thread: index of the thread it ran in; threads are numbered as they appear.
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
        """Nanoseconds from start to end, without the events within it."""
        return self.total - self.nested


@dataclass
class _Thread(threading.local):
    """A profile's state for the current thread."""

    index: int = -1
    open: list[Event] = field(default_factory=list)  # the innermost last


class profile:
    """Records every operation, gradient and optimizer step within its ``with`` block.

    It records the operations of all threads, but not those of a loader's worker processes. Times are
    wall time. Recording takes a few microseconds per event, most of which count for the event around
    it. Outside the block there is no cost: the block replaces ``Function.apply``, the engine's calls
    of ``backward`` and ``Optimizer.apply_gradients`` by recording functions, and restores them at
    its end. A reference to ``Function.apply`` taken before the block is not recorded.

    If a GPU is in use, each event waits for it at its start and end, so that each event gets the
    time of its own kernels. This makes the program slower than without a profile. The inside of a
    step captured as a CUDA graph is invisible: its replay is no event, and capturing it within the
    block fails.

    Entering the block again adds to the recorded events.

    Args:
        enabled: whether to record at all.
        schedule: a plan made by :func:`~minicnn.profiler.schedule`, or a function of the step; the
            loop calls :meth:`step` at the end of each. Without one, the whole block is recorded.
        on_trace_ready: called with the profile whenever a recording is complete.
        options: torch's others (``activities``, ``record_shapes``, ``profile_memory``,
            ``with_stack``, ``use_cuda`` and so on), without effect.

    Attributes:
        events: an :class:`Event` for everything that has ended, in the order of the ends.
        seconds: time spent within the block.
        step_num: how often :meth:`step` was called.

    Raises:
        RuntimeError: on entry, if a profile is running already.

    As ``torch.profiler.profile``, except that shapes, FLOPs and bytes are always recorded.
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        **options: Any,
    ) -> None:
        self._plan = schedule or (lambda step: _ALWAYS if enabled else ProfilerAction.NONE)
        self._on_trace_ready = on_trace_ready
        self._action = ProfilerAction.NONE
        self.step_num = 0
        self.events: list[Event] = []
        self.seconds = 0.0
        self._entered = 0.0
        self._thread = _Thread()
        self._threads = 0

    def __enter__(self) -> Self:
        self._turn(self._plan(self.step_num))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._turn(ProfilerAction.NONE)

    def step(self) -> None:
        """Tells the schedule that a step of the loop has ended."""
        self.step_num += 1
        self._turn(self._plan(self.step_num))

    def _turn(self, action: ProfilerAction) -> None:
        """Goes on with another action, and hands over what is complete."""
        before, self._action = self._action, action
        saved = before is ProfilerAction.RECORD_AND_SAVE
        if before in _RECORDS and (saved or action not in _RECORDS):
            self._stop()
            if self._on_trace_ready is not None:
                self._on_trace_ready(self)
        if action in _RECORDS and (saved or before not in _RECORDS):
            if self.step_num:
                self.events = []
            self._start()

    def _start(self) -> None:
        global _running
        with _lock:
            if _running is not None:
                raise RuntimeError("a profile is running already, and two cannot run at a time")
            _running = self
            for owner, name, recording in _RECORDING:
                setattr(owner, name, recording)
        self._entered = time.perf_counter()

    def _stop(self) -> None:
        global _running
        self.seconds += time.perf_counter() - self._entered
        with _lock:
            _running = None
            for owner, name, original in _ORIGINAL:
                setattr(owner, name, original)

    def key_averages(self, group_by_input_shape: bool = False) -> report.Averages:
        """Sums over all events with the same name (if asked, also with the same ``input_shapes``)."""
        return report.Averages(report.summaries(self.events, group_by_input_shape), self.seconds)

    def table(
        self,
        sort_by: str = "self_time",
        row_limit: int | None = None,
        group_by_input_shape: bool = False,
    ) -> str:
        """A table with a row for each name: calls, time, work and bytes.

        The self time of an event excludes the events within it; all self times together are the
        recorded time of all threads. The other columns (total time, FLOPs, bytes, and their ratios)
        include the events within it. FLOPs are counted for convolutions and matrix products, as
        direct sums, whichever algorithm runs. An algorithm that saves multiplications, such as
        Winograd's, may therefore show more FLOP/s than the machine's peak. Bytes are the sizes of
        arguments and results, each counted once.

        Args:
            sort_by: ``self_time``, ``total_time``, ``calls``, ``flops`` or ``bytes``, largest first;
                or ``name``.
            row_limit: the number of rows; None shows all.
            group_by_input_shape: whether to make a row for each name and ``input_shapes``.

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
        """Times its block; the block adds its own work to the event's ``flops`` and ``bytes``."""
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
            open_events.remove(event)  # not always the last: a generator may keep its block open
            _wait_for_gpu()
            event.end = time.perf_counter_ns()
            if around is not None:
                around.nested += event.total
                around.flops += event.flops
                around.bytes += event.bytes
            if _running is self:  # else the profile ended before this thread's event did
                self.events.append(event)


_ALWAYS = ProfilerAction.RECORD
_RECORDS = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
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
    """Replaces ``Function.apply``."""
    if (running := _running) is None:  # the profile ended between the look-up and the call
        return _function_apply(operation, *inputs, **options)
    with running._event(operation.__name__, "operation", shapes_of(inputs)) as event:
        outputs = _function_apply(operation, *inputs, **options)
        results = outputs if isinstance(outputs, tuple) else (outputs,)
        event.flops += flops_of(operation, inputs, results)
        event.bytes += bytes_of(inputs, results)
    return outputs


def _differentiate(walk: Any, node: Function, *rest: Any) -> Any:
    """Replaces the engine's call of ``node.backward``."""
    if (running := _running) is None:
        return _engine_differentiate(walk, node, *rest)
    given = tuple(shape for shape, _ in node._outputs)
    wanted = tuple(kept and kept[0] for kept in node._inputs)
    with running._event(f"{type(node).__name__}.backward", "backward", given + wanted):
        return _engine_differentiate(walk, node, *rest)


def _walk(*args: Any, **options: Any) -> Any:
    """Replaces the engine's whole backward pass; its self time is the engine's own."""
    if (running := _running) is None:
        return _engine_walk(*args, **options)
    with running._event("backward", "backward"):
        return _engine_walk(*args, **options)


def _apply_gradients(optimizer: Optimizer, *args: Any, **options: Any) -> None:
    """Replaces ``Optimizer.apply_gradients``."""
    if (running := _running) is None:
        return _optimizer_apply_gradients(optimizer, *args, **options)
    with running._event(f"{type(optimizer).__name__}.step", "optimizer") as event:
        _optimizer_apply_gradients(optimizer, *args, **options)
        event.bytes += bytes_of_step(optimizer, options.get("params"))
    return None


def _wait_for_gpu() -> None:
    if "cupy" in sys.modules and cuda.is_available():  # otherwise nothing can be running on it
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
_ORIGINAL = tuple((owner, name, vars(owner)[name]) for owner, name, _ in _RECORDING)
