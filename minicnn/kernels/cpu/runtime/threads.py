"""Splitting a kernel's work over threads, each of which calls BLAS with a single thread.

NumPy releases the interpreter lock during copies, elementwise loops and matrix products, so Python's
threads can run them in parallel. Threads with small matrix products of their own are faster than a
BLAS with many threads, because the copies between the products run in parallel, too.

Waking a thread takes long: 20 us where the core has to wake up with it, and much more in a virtual
machine. So nobody waits for a thread to start: the calling thread begins at once, and whoever is free
takes the next slice.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import product
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from ....memory import empty, lasting

__all__ = [
    "UNPACKED",
    "drop_scratch",
    "for_each_slice",
    "matmul",
    "multiply",
    "num_threads",
    "one_blas_thread",
    "run_alone",
    "run_later",
    "scratch",
    "set_num_threads",
]

Task = Callable[[], None]
Result = TypeVar("Result")

# How many multiplications a product has:
_ONE_THREAD = 1 << 18  # with at most so many, OpenBLAS uses one thread by itself
UNPACKED = 1_000_000  # with at most so many, OpenBLAS reads matrices where they lie
_MIN_SPLIT = 10_000_000  # with fewer, waking a thread costs more than it saves

_SHARED_WITH_RESULTS = 1 << 23  # bytes of scratch memory
_MIN_ROWS = 8  # of a product that is not packed; with fewer, it is slow

_MOST_WAITING = 4  # tasks; with more, run_later() would keep too many arrays alive


def num_threads() -> int:
    """The number of threads a kernel uses: by default one for each CPU this process may run on.

    ``OMP_NUM_THREADS`` can lower the default, :func:`set_num_threads` replaces it.
    """
    return _state.num_threads or _default_num_threads()


def set_num_threads(n: int) -> None:
    """Set the number of threads for kernels, and for NumPy's matrix products outside of them.

    A kernel that is running goes on with the threads it has.

    Args:
        n: at least 1.

    Raises:
        ValueError: if ``n`` is below 1.
    """
    if n < 1:
        raise ValueError(f"set_num_threads expects at least 1 thread, got {n}")
    with _state.lock:
        _state.blas_threads = [n] * len(_blas_libraries())
        if not _state.regions:  # else the last of them sets it
            _set_blas_threads(_state.blas_threads)
        if _state.tasks is not None:
            for _ in range(num_threads() - 1):
                _state.tasks.put(None)
        _state.num_threads = n
        _state.tasks, _state.workers = None, []


def for_each_slice(count: int, work: Callable[[int, int], Any], per_thread: int = 2) -> None:
    """Call ``work(start, stop)`` for contiguous slices that cover ``range(count)``, in parallel.

    Threads take one slice after the other. So a thread that starts late, or shares its core with
    another program, does less, and the others do more. The slices, which are not empty, and results
    that do not depend on their order are the same in every run with this number of threads. BLAS
    uses one thread inside ``work``. A single slice, and any call from within another ``work``, runs
    in the calling thread.

    Args:
        count: number of items; with 0 nothing is called.
        work: must release the interpreter lock in its long parts, as NumPy does.
        per_thread: slices for each thread: 1 if every slice has a cost of its own.

    Raises:
        Exception: what ``work`` raised in the first slice in which it did, or what interrupted the
            calling thread (Ctrl-C), once every slice has ended.
    """
    if min(count, num_threads()) <= 1 or _inside.work:
        if count:
            work(0, count)
        return

    with one_blas_thread():
        threads = num_threads()
        region = _Region(work, count, threads * per_thread)
        tasks = _tasks()
        _keep_workers_off_this_cpu()
        workers = iter(range(min(threads, count) - 1))
        while not region.has_ended():
            try:
                for _ in workers:
                    tasks.put(region.run_in_worker)
                region.run_to_its_end()
            except BaseException as error:  # noqa: BLE001  Ctrl-C, while others still write
                region.errors.append((-1, error))
    if region.errors:
        raise min(region.errors, key=lambda found: found[0])[1]


def run_later(work: Callable[[], Result]) -> Callable[[], Result]:
    """Have any thread call ``work()``, and return a function that waits for its result.

    A worker calls it when it has nothing else to do, while the calling thread goes on. That one calls
    it itself if it asks for the result before, or if many tasks are waiting. Either way it is called
    as ``work`` of :func:`for_each_slice` is, so who calls it makes no difference to the result.
    """
    results: list[Result] = []

    def work_alone(*_: int) -> None:
        try:
            results.append(work())
        finally:
            _let_blas_use_threads()

    def result() -> Result:
        task.run_to_its_end()
        if task.errors:
            raise task.errors[0][1]
        return results[0]

    task = _Region(work_alone, 1, 1)
    _limit_blas()
    tasks = _tasks()
    if num_threads() > 1 and tasks.qsize() < _MOST_WAITING:
        _keep_workers_off_this_cpu()
        tasks.put(task.run_in_worker)
    else:
        task.run_to_its_end()
    return result


def run_alone(work: Callable[[], Result]) -> Result:
    """``work()``, called in this thread as :func:`run_later` has it called."""
    with one_blas_thread():
        outside, _inside.work = _inside.work, True
        try:
            return work()
        finally:
            _inside.work = outside


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Write ``a @ b`` (..., M, N) to ``out``; threads share it, unless one of them calls this.

    A BLAS with threads of its own is hardly faster. These spin for a while after each product, which
    slows other threads down, and wait for each other in every product, which takes several times as
    long as soon as another program needs a core.
    """
    M, N = out.shape[-2:]

    def some_rows(start: int, stop: int) -> None:
        matmul(a[..., start:stop, :], b, out[..., start:stop, :])

    def some_columns(start: int, stop: int) -> None:
        matmul(a, b[..., start:stop], out[..., start:stop])

    if a.size * N <= _ONE_THREAD:
        np.matmul(a, b, out=out)
    elif a.size * N < _MIN_SPLIT:
        with one_blas_thread():
            matmul(a, b, out)
    elif M < N:
        for_each_slice(N, some_columns, per_thread=1)
    else:
        for_each_slice(M, some_rows, per_thread=1)


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Write ``a @ b`` (..., M, N) to ``out`` in the calling thread, in the way OpenBLAS is fastest.

    OpenBLAS copies large operands before it multiplies them, but not those of small products. So some
    rows at a time take 5 to 15 % less with the matrices of a 1x1 convolution. If ``b`` is the
    transpose of a matrix (N, K), small products are slow; but then the transposed product takes 10
    to 40 % less, if there are few rows.
    """
    (M, N), K = out.shape[-2:], a.shape[-1]
    if b.strides[-2] < b.strides[-1]:
        if 2 * M <= N:
            out[...] = np.matmul(b.swapaxes(-1, -2), a.swapaxes(-1, -2)).swapaxes(-1, -2)
        else:
            np.matmul(a, b, out=out)
        return
    most = UNPACKED // max(1, K * N)
    if M <= most or most < _MIN_ROWS:
        np.matmul(a, b, out=out)
        return
    groups = -(-M // most)
    rows = M // groups
    whole, batch = groups * rows, out.shape[:-2]
    some, results = a[..., :whole, :], out[..., :whole, :]
    np.matmul(
        some.reshape(*batch, groups, rows, K),
        b[..., None, :, :],
        out=results.reshape(*batch, groups, rows, N),
    )
    if whole < M:
        np.matmul(a[..., whole:, :], b, out=out[..., whole:, :])


def scratch(name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array, which belongs to this thread until it asks for ``name`` again.

    Its memory is kept from call to call, because touching fresh pages takes longer than filling them.
    Much of it comes from the pool of results instead, which need it at other times.
    """
    size = math.prod(shape) * dtype.itemsize
    if size >= _SHARED_WITH_RESULTS:
        return empty(shape, dtype)
    buffer = _inside.buffers.get(name)
    if buffer is None or buffer.nbytes < size:
        _inside.buffers.pop(name, None)
        buffer = _inside.buffers[name] = lasting((size,), np.uint8)
    return buffer[:size].view(dtype).reshape(shape)


def drop_scratch() -> None:
    """Frees the memory of :func:`scratch` in all threads, except what a kernel uses just now."""
    for buffers in list(_all_buffers):
        buffers.clear()


class _Region:
    """The slices of one call of :func:`for_each_slice`."""

    def __init__(self, work: Callable[[int, int], Any], count: int, slices: int) -> None:
        self.work: Any = work  # None after the end: a late thread must not keep arrays alive
        self.count = count
        self.slices = min(count, slices)
        self.untaken = iter(range(self.slices))
        self.ended: list[int] = []
        self.one_ended: SimpleQueue[None] = SimpleQueue()
        self.errors: list[tuple[int, BaseException]] = []

    def run(self) -> None:
        """Take slices until none is left."""
        work = self.work
        outside, _inside.work = _inside.work, True
        try:
            for i in self.untaken:
                try:
                    work(self.count * i // self.slices, self.count * (i + 1) // self.slices)
                except BaseException as error:  # noqa: BLE001  raised when all slices have ended
                    self.errors.append((i, error))
                finally:
                    self.ended.append(i)
        finally:
            _inside.work = outside

    def run_in_worker(self) -> None:
        _limit_blas_in_this_thread()
        self.run()
        self.one_ended.put(None)

    def run_to_its_end(self) -> None:
        """Take slices, too, and wait for those that others have taken."""
        self.run()
        while len(self.ended) < self.slices:
            self.one_ended.get()
        self.work = None

    def has_ended(self) -> bool:
        return self.work is None


class _State:
    """What the threads of a process share. Threads are not forked, so a child starts without any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.num_threads: int | None = None
        self.tasks: SimpleQueue[Task | None] | None = None  # of the workers; None ends a worker
        self.workers: list[int] = []  # the system's numbers of these threads
        self.avoided_cpu: int | None = None  # by the workers
        self.regions = 0  # of one_blas_thread(), and tasks of run_later(), in all Python threads
        self.blas_threads: list[int] = []  # of each BLAS library, before the first of these calls

    def forget_threads(self) -> None:
        self.lock = threading.Lock()
        self.tasks, self.workers = None, []
        _inside.work = False
        if self.regions:  # one thread forked while another was in a region
            self.regions = 0
            _set_blas_threads(self.blas_threads)


class _Buffers(dict[str, np.ndarray]):
    """The scratch memory of a thread by name."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # for the set of all of them


_all_buffers: weakref.WeakSet[_Buffers] = weakref.WeakSet()


class _Inside(threading.local):
    def __init__(self) -> None:
        self.work = False  # whether this thread is running a slice
        self.limited = False  # whether BLAS uses one thread when this thread calls it
        self.buffers = _Buffers()
        _all_buffers.add(self.buffers)


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
def _blas_libraries() -> list[tuple[Callable[[], int], Callable[[int], Any]]]:
    """For each BLAS that is loaded, functions that get and set its number of threads.

    Cached because it takes milliseconds; NumPy has loaded its BLAS by now.
    """
    functions = []
    for library in ThreadpoolController().select(user_api="blas").lib_controllers:
        get, set_ = library.get_num_threads, library.set_num_threads
        if library.internal_api == "openblas" and library.threading_layer == "pthreads":
            # threadpoolctl takes 7 us, and from 3.8 on it lets only one Python thread set them, so
            # that several cannot interfere. Ours cannot: they hold a lock.
            get = _openblas_function(library.dynlib, "get") or get
            set_ = _openblas_function(library.dynlib, "set") or set_
        functions.append((get, set_))
    return functions


def _openblas_function(dynlib: Any, verb: str) -> Any:
    names = (
        f"{prefix}openblas_{verb}_num_threads{suffix}"
        for prefix, suffix in product(("", "scipy_"), ("", "64_", "_64"))
    )
    return next((getattr(dynlib, name) for name in names if hasattr(dynlib, name)), None)


def _set_blas_threads(counts: list[int]) -> None:
    for (_, set_), count in zip(_blas_libraries(), counts, strict=True):
        set_(count)


def _tasks() -> SimpleQueue[Task | None]:
    """The queue from which the worker threads take their tasks.

    Waking a thread this way takes a fifth of the time that it takes in a ``ThreadPoolExecutor``,
    which goes through several locks.
    """
    with _state.lock:
        if _state.tasks is None:
            _state.tasks, _state.avoided_cpu = SimpleQueue(), None
            for i in range(1, num_threads()):
                name, args = f"minicnn_{i}", (_state.tasks,)
                worker = threading.Thread(target=_serve, args=args, name=name, daemon=True)
                worker.start()
                assert worker.native_id is not None  # it is running
                _state.workers.append(worker.native_id)
        return _state.tasks


def _keep_workers_off_this_cpu() -> None:
    """Let the workers wake on other CPUs than the one on which the calling thread runs.

    With two CPUs, Linux often wakes a thread on the CPU of the thread that woke it, though the other
    is idle. There it waits for some milliseconds, until one of them is moved.
    """
    cpu = _sched_getcpu() if _sched_getcpu else None
    if cpu == _state.avoided_cpu:
        return
    _state.avoided_cpu = cpu
    others = os.sched_getaffinity(0) - {cpu}
    with suppress(OSError):  # where that is forbidden
        for worker in _state.workers if others else []:
            os.sched_setaffinity(worker, others)


_sched_getcpu: Any = (
    getattr(ctypes.CDLL(None), "sched_getcpu", None) if sys.platform == "linux" else None
)


def _serve(tasks: SimpleQueue[Task | None]) -> None:
    np.seterr(all="ignore")  # in this thread alone, like Function.apply in the thread that calls it
    while (task := tasks.get()) is not None:
        task()
        del task  # else its arrays would stay alive until the next task


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread; the last of overlapping regions restores the number before."""
    if _inside.work:  # limited already
        yield
        return
    _limit_blas()
    try:
        yield
    finally:
        _let_blas_use_threads()


def _limit_blas() -> None:
    """Begin a region in which BLAS uses one thread."""
    with _state.lock:
        if not _state.regions:
            _state.blas_threads = [get() for get, _ in _blas_libraries()]
            _set_blas_threads([1] * len(_state.blas_threads))
        _state.regions += 1


def _let_blas_use_threads() -> None:
    """End a region, in any thread."""
    with _state.lock:
        _state.regions -= 1
        if not _state.regions:
            _set_blas_threads(_state.blas_threads)


def _limit_blas_in_this_thread() -> None:
    """For a BLAS that has a number of threads for each calling thread, such as MKL."""
    if _inside.limited:
        return
    with _state.lock:
        if _state.regions:  # else this thread is late, and BLAS has its own number again
            _set_blas_threads([1] * len(_blas_libraries()))
            _inside.limited = True
