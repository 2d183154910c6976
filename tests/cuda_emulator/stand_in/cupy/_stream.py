"""Streams, events and captured graphs; everything else is done when its call returns."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from ._memory import Allocation, MemoryPool, default_pool

if TYPE_CHECKING:
    from typing import Self

_local = threading.local()


class Event:
    """A moment in a stream."""

    done = True

    def __init__(
        self, block: bool = False, disable_timing: bool = False, interprocess: bool = False
    ) -> None:
        self._time: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        """Notes the time."""
        self._time = time.perf_counter()

    def synchronize(self) -> None:
        """Waits, which a stream that is being captured cannot."""
        refuse("Event.synchronize")


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds between two recorded events."""
    if start_event._time is None or end_event._time is None:
        raise RuntimeError("cudaErrorInvalidResourceHandle: an event was not recorded")
    return (end_event._time - start_event._time) * 1e3


class Graph:
    """What a stream was given to do while it was captured."""

    def __init__(self) -> None:
        self._actions: list[Callable[[], None]] = []
        self._memory: list[tuple[weakref.ref[Allocation], weakref.ref[MemoryPool]]] = []

    def _add(self, action: Callable[[], None], memory: Iterable[Allocation]) -> None:
        self._actions.append(action)
        self._memory += [(weakref.ref(piece), piece.pool) for piece in memory]

    def launch(self, stream: Stream | None = None) -> None:
        """Does all of it, in order.

        Raises:
            RuntimeError: if memory it works on was given back. CuPy would not notice, and the graph
                would write into other arrays; a pool of its own, kept alive, prevents that.
        """
        for piece, pool in self._memory:
            if piece() is None and pool() in (None, default_pool):
                raise RuntimeError("the graph works on memory that was given back to its pool")
        for action in self._actions:
            action()

    def upload(self, stream: Stream | None = None) -> None:
        """Prepares the GPU for a launch, of which there is nothing to do here."""


class Stream:
    """A queue of work for the GPU, here emptied at once."""

    done = True
    null: Stream

    def __init__(
        self,
        null: bool = False,
        non_blocking: bool = False,
        ptds: bool = False,
        priority: int | None = None,
    ) -> None:
        self._capture: Graph | None = None
        self.ptr = 0 if null else id(self)

    def __enter__(self) -> Self:
        _stack().append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _stack().pop()

    def use(self) -> Stream:
        """Makes this the current stream."""
        _stack()[:] = [self]
        return self

    def synchronize(self) -> None:
        """Waits, which a stream that is being captured cannot."""
        refuse("Stream.synchronize")

    def record(self, event: Event | None = None) -> Event:
        """Notes the time in an event, a new one unless given."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Waits for an event, which is long over."""

    def begin_capture(self, mode: int | None = None) -> None:
        """Writes down what comes, instead of doing it."""
        if self is Stream.null:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if self._capture is not None:
            raise RuntimeError("the stream is being captured already")
        self._capture = Graph()

    def end_capture(self) -> Graph:
        """What was written down."""
        if self._capture is None:
            raise RuntimeError("the stream is not being captured")
        graph, self._capture = self._capture, None
        return graph

    def is_capturing(self) -> bool:
        """Whether work is written down at present."""
        return self._capture is not None


Stream.null = Stream(null=True)


def _stack() -> list[Stream]:
    if not hasattr(_local, "streams"):
        _local.streams = []
    return _local.streams


def get_current_stream(device_id: int = -1) -> Stream:
    """The stream of the innermost ``with``, else the default stream."""
    return _stack()[-1] if _stack() else Stream.null


def is_capturing() -> bool:
    """Whether work given to the current stream is written down instead of done."""
    return get_current_stream().is_capturing()


def perform(action: Callable[[], None], memory: Iterable[Allocation]) -> None:
    """Does something to memory now, or when the graph that is being captured is launched."""
    capture = get_current_stream()._capture
    if capture is None:
        action()
    else:
        capture._add(action, memory)


def refuse(what: str, error: type[RuntimeError] = RuntimeError) -> None:
    """Raises if the current stream is being captured."""
    if is_capturing():
        raise error(f"{what} cannot be captured: the current stream is capturing")
