"""Streams, events and captured graphs; everything else is done when its call returns.

Operations of NCCL are not: a stream keeps them until another stream or the host waits for them. So
a program that does not wait finds no result, as it may happen on a GPU.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar

from ._memory import Allocation, MemoryPool, default_pool

if TYPE_CHECKING:
    from typing import Self

_local = threading.local()


class Event:
    """A moment in a stream."""

    def __init__(
        self, block: bool = False, disable_timing: bool = False, interprocess: bool = False
    ) -> None:
        self._time: float | None = None
        self._stream: Stream | None = None
        self._capture: Graph | None = None
        self._given = 0  # how much the stream had been given

    def record(self, stream: Stream | None = None) -> None:
        """Notes the time, and what the stream has to do before."""
        self._time = time.perf_counter()
        self._stream = stream or get_current_stream()
        self._capture, self._given = self._stream._capture, self._stream._given

    @property
    def done(self) -> bool:
        """Whether the stream has come here."""
        return self._stream is None or self._stream._did >= self._given

    def synchronize(self) -> None:
        """Waits, which a stream that is being captured cannot."""
        refuse("Event.synchronize")
        self._do_all_before()

    def _do_all_before(self) -> None:
        if self._capture is not None:
            raise RuntimeError("cudaErrorCapturedEvent: the event is a part of a graph")
        if self._stream is not None:
            self._stream._do(self._given)


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds between two recorded events."""
    if start_event._time is None or end_event._time is None:
        raise RuntimeError("cudaErrorInvalidResourceHandle: an event was not recorded")
    return (end_event._time - start_event._time) * 1e3


class Graph:
    """What a stream was given to do while it was captured."""

    def __init__(self) -> None:
        self._actions: list[Callable[[], None]] = []
        self._forks: set[Stream] = set()  # what waited for the captured stream
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
        Stream._launching += 1
        try:
            for action in self._actions:
                action()
        finally:
            Stream._launching -= 1

    def upload(self, stream: Stream | None = None) -> None:
        """Prepares the GPU for a launch, of which there is nothing to do here."""


class Stream:
    """A queue of work for the GPU, here emptied at once, but for the operations of NCCL."""

    null: Stream
    _by_address: ClassVar[weakref.WeakValueDictionary[int, Stream]] = weakref.WeakValueDictionary()
    _launching: ClassVar[int] = 0

    def __init__(
        self,
        null: bool = False,
        non_blocking: bool = False,
        ptds: bool = False,
        priority: int | None = None,
    ) -> None:
        self._capture: Graph | None = None
        self._queue: list[Callable[[], None]] = []
        self._given = self._did = 0
        self._joined = 0  # how much of it another stream waited for, while both are captured
        self.ptr = 0 if null else id(self)
        Stream._by_address[self.ptr] = self

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

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self._queue and not Stream._launching

    def _give(self, action: Callable[[], None], memory: list[Allocation]) -> None:
        """Lets something be done later: when somebody waits, or when the graph is launched.

        Raises:
            RuntimeError: then, if memory it works on was given back before.
        """
        self._given += 1
        if self._capture is not None:
            self._did = self._given
            self._capture._add(action, memory)
            return
        pieces = [weakref.ref(piece) for piece in memory]

        def checked() -> None:
            if any(piece() is None for piece in pieces):
                raise RuntimeError("memory was given back before the stream came to its use")
            action()

        self._queue.append(checked)

    def _do(self, until: int) -> None:
        while self._did < until and self._queue:
            action = self._queue.pop(0)
            action()
            self._did += 1

    def synchronize(self) -> None:
        """Waits, which a stream that is being captured cannot."""
        refuse("Stream.synchronize")
        self._do(self._given)

    def record(self, event: Event | None = None) -> Event:
        """Notes the time in an event, a new one unless given."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Waits for an event; for one of a captured stream, this one is captured, too."""
        if event._capture is None or event._stream is None:
            if self._capture is not None and event._given:
                raise RuntimeError("cudaErrorStreamCaptureIsolation: the event is not in the graph")
            event._do_all_before()
        elif self._capture is None and event._stream._capture is event._capture:
            self._capture = event._capture
            self._joined = -1
            event._capture._forks.add(self)
        elif self._capture is event._capture:
            event._stream._joined = event._given
        else:
            event._do_all_before()

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
        unjoined = [stream for stream in graph._forks if stream._joined != stream._given]
        for stream in graph._forks:
            stream._capture = None
        if unjoined:
            raise RuntimeError("cudaErrorStreamCaptureUnjoined: nobody waits for another stream")
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
