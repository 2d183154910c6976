"""Splitting a kernel's work over threads, each of which calls BLAS with a single thread.

NumPy releases the interpreter lock during copies, elementwise loops and matrix products, so Python's
threads can run them in parallel. One thread for each slice of the batch, with its own small matrix
products, is faster than a BLAS with many threads, because the copies between the products run in
parallel, too.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from queue import SimpleQueue
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

__all__ = ["for_each_slice", "num_threads", "scratch", "set_num_threads"]

Task = Callable[[], None]


def num_threads() -> int:
    """The number of threads a kernel uses: by default one for each CPU this process may run on.

    ``OMP_NUM_THREADS`` can lower the default, :func:`set_num_threads` replaces it.
    """
    return _state.num_threads or _default_num_threads()


def set_num_threads(n: int) -> None:
    """Set the number of threads for kernels, and for NumPy's matrix products outside of them.

    Args:
        n: at least 1.

    Raises:
        ValueError: if ``n`` is below 1.
        RuntimeError: while a kernel runs.
    """
    if n < 1:
        raise ValueError(f"set_num_threads expects at least 1 thread, got {n}")
    with _state.lock:
        if _state.regions:
            raise RuntimeError("set_num_threads cannot be called while a kernel runs")
        _set_blas_threads([n] * len(_blas_libraries()))
        if _state.tasks is not None:
            for _ in range(num_threads() - 1):
                _state.tasks.put(None)
        _state.num_threads = n
        _state.tasks = None


def for_each_slice(count: int, work: Callable[[int, int], Any]) -> None:
    """Call ``work(start, stop)`` for contiguous slices that cover ``range(count)``, in parallel.

    Each thread gets one slice, which is not empty. So results are the same in every run with this
    number of threads. BLAS uses one thread inside ``work``. A single slice, and any call from within
    another ``work``, runs in the calling thread.

    Args:
        count: number of items; with 0 nothing is called.
        work: must release the interpreter lock in its long parts, as NumPy does.

    Raises:
        Exception: the first that ``work`` raised, or that interrupted the wait for other threads
            (Ctrl-C), once every slice has ended.
    """
    if min(count, num_threads()) <= 1 or _inside.work:
        if count:
            work(0, count)
        return

    errors: list[tuple[int, BaseException]] = []
    ended: list[int] = []
    one_ended: SimpleQueue[None] = SimpleQueue()

    def run(i: int) -> None:
        _inside.work = True
        try:
            work(count * i // slices, count * (i + 1) // slices)
        except BaseException as error:  # noqa: BLE001  raised below, when all slices have ended
            errors.append((i, error))
        finally:
            _inside.work = False

    def run_in_worker(i: int) -> None:
        _limit_blas_in_this_thread()
        run(i)
        ended.append(i)
        one_ended.put(None)

    with _one_blas_thread():
        slices = min(count, num_threads())  # which cannot change inside this block
        tasks = _tasks()
        for i in range(1, slices):
            tasks.put(partial(run_in_worker, i))
        run(0)  # the calling thread takes a slice too
        while len(ended) < slices - 1:
            try:
                one_ended.get()
            except BaseException as error:  # noqa: BLE001  Ctrl-C, while others still write
                errors.append((-1, error))
    if errors:
        raise min(errors, key=lambda found: found[0])[1]


def scratch(name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array, which belongs to this thread until it asks for ``name`` again.

    Its memory is kept from call to call, because touching fresh pages takes longer than filling them.
    """
    size = math.prod(shape) * dtype.itemsize
    buffer = _inside.buffers.get(name)
    if buffer is None or buffer.nbytes < size:
        buffer = _inside.buffers[name] = np.empty(size, np.uint8)
    return buffer[:size].view(dtype).reshape(shape)


class _State:
    """What the threads of a process share. Threads are not forked, so a child starts without any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.num_threads: int | None = None
        self.tasks: SimpleQueue[Task | None] | None = None  # of the workers; None ends a worker
        self.regions = 0  # calls of for_each_slice that are running, in all Python threads
        self.blas_threads: list[int] = []  # of each BLAS library, before the first of these calls

    def forget_threads(self) -> None:
        self.lock = threading.Lock()
        self.tasks = None
        _inside.work = False
        if self.regions:  # one thread forked while another was in a region
            self.regions = 0
            _set_blas_threads(self.blas_threads)


class _Inside(threading.local):
    def __init__(self) -> None:
        self.work = False  # whether this thread is running a slice
        self.limited = False  # whether BLAS uses one thread when this thread calls it
        self.buffers: dict[str, np.ndarray] = {}


_state = _State()
_inside = _Inside()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_state.forget_threads)


@cache
def _default_num_threads() -> int:
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        cpus = os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]  # "4,2": one number per level
    return min(cpus, int(wanted)) if wanted.isdecimal() and int(wanted) else cpus


@cache
def _blas_libraries() -> list[Any]:
    # Cached because it takes milliseconds; NumPy has loaded its BLAS by now.
    return ThreadpoolController().select(user_api="blas").lib_controllers


def _set_blas_threads(counts: list[int]) -> None:
    for library, count in zip(_blas_libraries(), counts, strict=True):
        if hasattr(library, "clear_controlling_thread"):
            # threadpoolctl 3.8 lets only one Python thread set OpenBLAS's threads, so that several
            # cannot interfere. Ours cannot: they hold a lock.
            library.clear_controlling_thread(force=True)
        library.set_num_threads(count)


def _tasks() -> SimpleQueue[Task | None]:
    """The queue from which the worker threads take their tasks.

    Waking a thread this way takes a fifth of the time that it takes in a ``ThreadPoolExecutor``,
    which goes through several locks.
    """
    with _state.lock:
        if _state.tasks is None:
            _state.tasks = SimpleQueue()
            for i in range(1, num_threads()):
                name, args = f"minicnn_{i}", (_state.tasks,)
                threading.Thread(target=_serve, args=args, name=name, daemon=True).start()
        return _state.tasks


def _serve(tasks: SimpleQueue[Task | None]) -> None:
    np.seterr(all="ignore")  # in this thread alone, like Function.apply in the thread that calls it
    while (task := tasks.get()) is not None:
        task()
        del task  # else its arrays would stay alive until the next task


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread; the last of overlapping regions restores the number before."""
    with _state.lock:
        if not _state.regions:
            _state.blas_threads = [library.num_threads for library in _blas_libraries()]
            _set_blas_threads([1] * len(_state.blas_threads))
        _state.regions += 1
    try:
        yield
    finally:
        with _state.lock:
            _state.regions -= 1
            if not _state.regions:
                _set_blas_threads(_state.blas_threads)


def _limit_blas_in_this_thread() -> None:
    """For a BLAS that has a number of threads for each calling thread, such as MKL."""
    if not _inside.limited:
        with _state.lock:
            _set_blas_threads([1] * len(_blas_libraries()))
        _inside.limited = True
