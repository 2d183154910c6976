"""Splitting a kernel's work over CPU threads, each of which calls a one-threaded BLAS.

NumPy releases the interpreter lock inside copies, elementwise loops and matrix products, so plain
threads run them side by side. One thread per slice of the batch, each with its own small matrix
products, beats a threaded BLAS: the copies between the products are split too.
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
    """The number of threads a kernel uses: at first one per CPU this process may run on.

    ``OMP_NUM_THREADS`` lowers it, :func:`set_num_threads` sets it.
    """
    return _state.num_threads or _default_num_threads()


def set_num_threads(n: int) -> None:
    """Set the number of threads that kernels, and NumPy's matrix products outside them, use.

    Args:
        n: at least 1.

    Raises:
        ValueError: if ``n`` is below 1.
        RuntimeError: if a kernel is at work.
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
    """Call ``work(start, stop)`` for contiguous slices that cover ``range(count)``, side by side.

    There is one slice per thread (none is empty), so results are the same from run to run as long
    as the number of threads is. Inside ``work`` BLAS runs on one thread. With one slice, or from
    within another ``work``, it runs in the calling thread.

    Args:
        count: the number of items; nothing is called for 0.
        work: must release the interpreter lock in its long parts, as NumPy does.

    Raises:
        Exception: the first one ``work`` raised, or what interrupted the waiting for the others,
            after every slice has ended.
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
        except BaseException as error:  # noqa: BLE001  to be raised where the others have ended
            errors.append((i, error))
        finally:
            _inside.work = False

    def run_in_worker(i: int) -> None:
        _limit_blas_in_this_thread()
        run(i)
        ended.append(i)
        one_ended.put(None)

    with _one_blas_thread():
        slices = min(count, num_threads())  # which nobody can change in here
        tasks = _tasks()
        for i in range(1, slices):
            tasks.put(partial(run_in_worker, i))
        run(0)  # the calling thread takes a slice too
        while len(ended) < slices - 1:
            try:
                one_ended.get()
            except BaseException as error:  # noqa: BLE001  Ctrl-C: others still write to memory
                errors.append((-1, error))
    if errors:
        raise min(errors, key=lambda found: found[0])[1]


def scratch(name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array that is this thread's until it asks for ``name`` again.

    The memory is kept from call to call: touching fresh pages takes longer than filling them.
    """
    size = math.prod(shape) * dtype.itemsize
    buffer = _inside.buffers.get(name)
    if buffer is None or buffer.nbytes < size:
        buffer = _inside.buffers[name] = np.empty(size, np.uint8)
    return buffer[:size].view(dtype).reshape(shape)


class _State:
    """What the threads of a process share. Threads do not fork, so a forked child starts anew."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.num_threads: int | None = None
        self.tasks: SimpleQueue[Task | None] | None = None  # of the workers; None ends one
        self.regions = 0  # for_each_slice calls under way, from any Python thread
        self.blas_threads: list[int] = []  # before the first of them

    def forget_threads(self) -> None:
        self.lock = threading.Lock()
        self.tasks = None
        _inside.work = False
        if self.regions:  # forked by one thread while another was in a region
            self.regions = 0
            _set_blas_threads(self.blas_threads)


class _Inside(threading.local):
    def __init__(self) -> None:
        self.work = False  # whether the thread runs a slice
        self.limited = False  # whether BLAS calls from this worker use one thread
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
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]  # "4,2": per level
    return min(cpus, int(wanted)) if wanted.isdecimal() and int(wanted) else cpus


@cache
def _blas_libraries() -> list[Any]:
    # Finding the loaded libraries takes milliseconds, so once. NumPy, which brings BLAS, is loaded.
    return ThreadpoolController().select(user_api="blas").lib_controllers


def _set_blas_threads(numbers: list[int]) -> None:
    for library, number in zip(_blas_libraries(), numbers, strict=True):
        if hasattr(library, "clear_controlling_thread"):
            # threadpoolctl 3.8 ignores all Python threads but the first to set OpenBLAS's threads,
            # lest they get in each other's way. Ours do not: they hold a lock.
            library.clear_controlling_thread(force=True)
        library.set_num_threads(number)


def _tasks() -> SimpleQueue[Task | None]:
    """Where the worker threads take their tasks from.

    A queue and plain threads, as to wake one of them takes a fifth of the time it would in a
    ``ThreadPoolExecutor``, which passes through several locks.
    """
    with _state.lock:
        if _state.tasks is None:
            _state.tasks = SimpleQueue()
            for i in range(1, num_threads()):
                name, args = f"minicnn_{i}", (_state.tasks,)
                threading.Thread(target=_serve, args=args, name=name, daemon=True).start()
        return _state.tasks


def _serve(tasks: SimpleQueue[Task | None]) -> None:
    while (task := tasks.get()) is not None:
        task()
        del task  # or it would keep its arrays until the next one


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread; the last of several overlapping regions restores its threads."""
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
    """For a BLAS whose number of threads belongs to the thread that calls it, such as MKL."""
    if not _inside.limited:
        with _state.lock:
            _set_blas_threads([1] * len(_blas_libraries()))
        _inside.limited = True
