"""Writes the checkpoints of a run; those of a network on a GPU while the training goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..io.atomic import replacing
from ..io.checkpoint import checkpoint_writer
from ..nn import Module

__all__ = ["Saver"]


class Saver:
    """Writes checkpoints, one after the other."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._written: dict[Path, Future[None]] = {}

    @contextmanager
    def in_background(self, net: Module) -> Iterator[None]:
        """A context in which a thread writes the checkpoints, if the network is on a GPU.

        AlexNet with AdamW's state are 700 MB: a GPU hands them over in a fraction of a second, and a
        disk takes seconds, in which a fast GPU would train another epoch. On the CPU the weights would
        have to be copied before they change. All is written when the context ends.

        Raises:
            OSError: at the end, if something could not be written.
        """
        if all(parameter.device.type != "cuda" for parameter in net.parameters()):
            yield
            return
        with ThreadPoolExecutor(max_workers=1) as self._thread:
            try:
                yield
                for written in self._written.values():
                    written.result()
            finally:
                self._thread = None
                self._written.clear()

    def save(self, obj: object, path: Path) -> None:
        """Writes ``obj`` as it is now, after what was to be written to ``path`` before.

        Raises:
            OSError: if it cannot be written; in background, if the one before could not be.
        """
        write = checkpoint_writer(obj)
        if self._thread is None:
            _write(write, path)
            return
        if path in self._written:
            self._written.pop(path).result()
        self._written[path] = self._thread.submit(_write, write, path)


def _write(write: Callable[[IO[bytes]], None], path: Path) -> None:
    with replacing(path) as file:
        write(file)
