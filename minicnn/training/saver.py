"""Writes the checkpoints of a run; those of a network on a GPU while the training goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..io.atomic import replacing
from ..io.checkpoint import checkpoint_writer
from ..nn import Module
from ..tensor import Tensor

__all__ = ["Saver"]


class Saver:
    """Writes checkpoints, one after the other."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()  # of the next two
        self._waiting: dict[Path, Callable[[IO[bytes]], None]] = {}
        self._is_writing = False
        self._writing: Future[None] | None = None

    @contextmanager
    def in_background(self, net: Module) -> Iterator[None]:
        """A context in which a thread writes the checkpoints, if the network is on a GPU.

        AlexNet with AdamW's state has 700 MB. A GPU hands them over in a fraction of a second, and a
        disk takes seconds, in which a fast GPU would train another epoch or several. Checkpoints that
        have to wait until a newer one comes for the same file are left out. All others are written
        when the context ends. On the CPU the weights would have to be copied before they change.

        Raises:
            OSError: at the end, if something could not be written.
        """
        if all(parameter.device.type != "cuda" for parameter in net.parameters()):
            yield
            return
        with ThreadPoolExecutor(max_workers=1) as self._thread:
            try:
                yield
                if self._writing is not None:
                    self._writing.result()
            finally:
                self._thread = self._writing = None

    def save(self, obj: object, path: Path) -> None:
        """Writes ``obj`` as it is now.

        Raises:
            OSError: if it cannot be written; in the background, if one before could not be.
        """
        if self._thread is None:
            _write(checkpoint_writer(obj), path)
            return
        write, earlier = checkpoint_writer(_as_it_is(obj)), None
        with self._lock:
            self._waiting[path] = write  # in the place of an older one: the order stays
            if not self._is_writing:
                self._is_writing, earlier = True, self._writing
                self._writing = self._thread.submit(self._write_all)
        if earlier is not None:
            earlier.result()

    def _write_all(self) -> None:
        try:
            while (found := self._next()) is not None:
                _write(*found)
        except BaseException:
            with self._lock:
                self._is_writing = False
            raise

    def _next(self) -> tuple[Callable[[IO[bytes]], None], Path] | None:
        with self._lock:
            if not self._waiting:
                self._is_writing = False
                return None
            path = next(iter(self._waiting))
            return self._waiting.pop(path), path


def _as_it_is(value: Any) -> Any:
    """A checkpoint in which what lies on the CPU is a copy; the rest, from a GPU, will be one."""
    if isinstance(value, dict):
        items = value.copy()  # of its own type, such as Counter
        for key, item in value.items():
            items[key] = _as_it_is(item)
        return items
    if isinstance(value, list | tuple):
        return type(value)(map(_as_it_is, value))
    if isinstance(value, Tensor) and value.device.type == "cpu":
        return value.detach().clone()
    return value.copy() if isinstance(value, np.ndarray) else value


def _write(write: Callable[[IO[bytes]], None], path: Path) -> None:
    with replacing(path) as file:
        write(file)
