"""Writes the checkpoints of a run; those of a network on a GPU while the training goes on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

from ..io.atomic import replacing
from ..io.checkpoint import checkpoint_writer
from ..nn import Module

__all__ = ["Saver"]


class Saver:
    """Writes checkpoints, one after the other.

    AlexNet with AdamW's state are 700 MB: a GPU hands them over in a fraction of a second, and a disk
    takes seconds, in which a fast GPU would train another epoch. So a thread writes them. On the CPU,
    where that thread would have to copy the weights before they change, nothing is gained.

    Args:
        net: the network that is trained.
    """

    def __init__(self, net: Module) -> None:
        on_gpu = any(parameter.device.type == "cuda" for parameter in net.parameters())
        self._thread = ThreadPoolExecutor(max_workers=1) if on_gpu else None
        self._written: dict[Path, Future[None]] = {}

    def save(self, obj: object, path: Path) -> None:
        """Writes ``obj`` as it is now, once the last file at ``path`` is written.

        Raises:
            OSError: if it cannot be written, or the one before could not be.
        """
        if self._thread is None:
            _write(checkpoint_writer(obj), path)
            return
        if path in self._written:
            self._written.pop(path).result()
        self._written[path] = self._thread.submit(_write, checkpoint_writer(obj), path)

    def wait(self) -> None:
        """Waits until all is written.

        Raises:
            OSError: if something could not be.
        """
        while self._written:
            self._written.popitem()[1].result()


def _write(write: Callable[[IO[bytes]], None], path: Path) -> None:
    with replacing(path) as file:
        write(file)
