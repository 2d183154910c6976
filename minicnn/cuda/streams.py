"""Streams and events: the order of the work on a GPU, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..devices import Device, cupy

__all__ = ["Event", "Stream", "current_stream", "default_stream", "stream"]


class Event:
    """A point in the work of a GPU. As ``torch.cuda.Event``.

    Args:
        enable_timing: whether :meth:`elapsed_time` will be asked.

    Raises:
        RuntimeError: without a GPU.
    """

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        Device("cuda").check_computes()
        self.event = cupy().cuda.Event(block=blocking, disable_timing=not enable_timing)

    def record(self, stream: Stream | None = None) -> None:
        """Puts the event behind the work that a stream was given so far."""
        self.event.record((stream or current_stream()).stream)

    def wait(self, stream: Stream | None = None) -> None:
        """Lets later work of a stream wait for the event."""
        (stream or current_stream()).stream.wait_event(self.event)

    def query(self) -> bool:
        """Whether the GPU has come to the event."""
        return self.event.done

    def synchronize(self) -> None:
        """Waits until the GPU has come to the event."""
        self.event.synchronize()

    def elapsed_time(self, end_event: Event) -> float:
        """The milliseconds from this event to another."""
        return cupy().cuda.get_elapsed_time(self.event, end_event.event)


class Stream:
    """A queue of work for a GPU. As ``torch.cuda.Stream``.

    Raises:
        RuntimeError: without a GPU.
    """

    def __init__(self, device: Any = None, priority: int = 0, *, stream: Any = None) -> None:
        Device("cuda").check_computes()
        self.stream = cupy().cuda.Stream(non_blocking=True) if stream is None else stream

    def synchronize(self) -> None:
        """Waits until all its work is done."""
        self.stream.synchronize()

    def query(self) -> bool:
        """Whether all its work is done."""
        return self.stream.done

    def record_event(self, event: Event | None = None) -> Event:
        """An event behind the work that it was given so far."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Lets later work wait for an event."""
        event.wait(self)

    def wait_stream(self, stream: Stream) -> None:
        """Lets later work wait for the work that another stream was given so far."""
        self.wait_event(stream.record_event())


def current_stream(device: Any = None) -> Stream:
    """The stream that gets the work at present."""
    Device("cuda").check_computes()
    return Stream(stream=cupy().cuda.get_current_stream())


def default_stream(device: Any = None) -> Stream:
    """The stream that gets the work outside of all ``with`` blocks."""
    Device("cuda").check_computes()
    return Stream(stream=cupy().cuda.Stream.null)


@contextmanager
def stream(stream: Stream | None) -> Iterator[None]:
    """Gives the work inside a ``with`` block to a stream; None changes nothing."""
    if stream is None:
        yield
        return
    with stream.stream:
        yield
