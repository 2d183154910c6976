"""What a dataset can ask about the worker that loads its samples."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

_local = threading.local()


class WorkerInfo(NamedTuple):
    """A loader's worker.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        seed: where its stream of random numbers starts, as in torch.
        dataset: its dataset; in a process, and for iterable datasets, a copy of its own.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


def get_worker_info() -> WorkerInfo | None:
    """The worker that this code runs in; None outside of workers.

    As ``torch.utils.data.get_worker_info``.
    """
    return getattr(_local, "info", None)


def set_worker_info(info: WorkerInfo) -> None:
    """Says which worker this thread is."""
    _local.info = info
