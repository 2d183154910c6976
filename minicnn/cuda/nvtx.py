"""Named ranges in the timeline of NVIDIA's profilers. As ``torch.cuda.nvtx``; they need a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..devices import Device, cupy


def _nvtx() -> Any:
    Device("cuda").check_computes()
    return cupy().cuda.nvtx


def mark(msg: str) -> None:
    """Marks a point in time."""
    _nvtx().Mark(msg)


def range_push(msg: str) -> None:
    """Begins a range inside the present one."""
    _nvtx().RangePush(msg)


def range_pop() -> None:
    """Ends the present range."""
    _nvtx().RangePop()


@contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """A range for a ``with`` block; its name is ``msg.format(*args, **kwargs)``."""
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
