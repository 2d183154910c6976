"""Workers that load batches in advance: threads, each of which may drive a process.

The pools of ``concurrent.futures`` wait at exit until every worker has finished what it is doing,
and for ever if a process hangs. These threads are daemons: at exit they get two seconds to end,
and so do their processes. Ctrl-C raises KeyboardInterrupt in the main thread alone, so the threads
start and end the processes: that must not stop half-way.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import multiprocessing.resource_tracker
import os
import pickle
import signal
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.context import BaseContext
from queue import SimpleQueue
from typing import NamedTuple

from . import worker
from .shared import Reader

_SECONDS_TO_END = 1.0


class _Task(NamedTuple):
    request: worker.Request
    stop: worker.Stop
    future: Future[worker.Batch]


class Pool:
    """Workers, each with a queue of requests, or all with one.

    They end after :meth:`close`, when the pool is garbage, and at exit.

    Args:
        job: what the workers need to load any batch.
        count: number of workers.
        context: starts the workers' processes; None for threads.
        shared: whether a request goes to whichever worker is free.

    Raises:
        TypeError: if the job cannot be pickled for processes.
    """

    def __init__(
        self, job: worker.Job, count: int, context: BaseContext | None, shared: bool
    ) -> None:
        self.base_seed = job.base_seed
        self._pid = os.getpid()
        one: SimpleQueue[_Task | None] = SimpleQueue()
        self._queues = [one if shared else SimpleQueue() for _ in range(count)]
        self._threads = [
            _Thread(queue, job, number)
            if context is None
            else _ProcessThread(queue, job, number, context)
            for number, queue in enumerate(self._queues)
        ]
        self._close = weakref.finalize(self, _close, self._threads)
        self._close.atexit = False  # _end_all() does it
        try:
            for thread in self._threads:
                thread.start()
            for thread in self._threads:
                thread.launched.result()
        except BaseException:
            self.close()
            _wait_for_launch()
            raise

    @property
    def usable(self) -> bool:
        """Whether the workers are there: after a fork they are not in the new process."""
        return self._pid == os.getpid()

    def submit(
        self, number: int, request: worker.Request, stop: worker.Stop
    ) -> Future[worker.Batch]:
        """Has worker ``number`` load a batch, or any one if they share a queue."""
        future: Future[worker.Batch] = Future()
        self._queues[number].put(_Task(request, stop, future))
        return future

    def close(self) -> None:
        """Tells the workers to end, without waiting for them."""
        self._close()


class _Thread(threading.Thread):
    """A worker: it takes requests from a queue and loads them."""

    def __init__(self, tasks: SimpleQueue[_Task | None], job: worker.Job, number: int) -> None:
        super().__init__(name=f"DataLoader_{number}", daemon=True)
        self._tasks, self._job, self._number = tasks, job, number
        self._closing = threading.Event()
        self.launched: Future[None] = Future()  # done when run() no longer needs the main thread

    def close(self) -> None:
        """Tells the thread to end."""
        self._closing.set()
        self._tasks.put(None)

    def run(self) -> None:
        if self._closing.is_set():
            return
        try:
            self._launch()
        except BaseException as error:  # noqa: BLE001  the main thread raises it
            self.launched.set_exception(error)
            return
        self.launched.set_result(None)
        load = self._make_loader()
        while self._serve_one(load):
            pass
        self._end()

    def _serve_one(self, load: Callable[[worker.Request, worker.Stop], worker.Batch]) -> bool:
        task = self._tasks.get()
        if task is None:
            return False
        if task.future.set_running_or_notify_cancel():
            try:
                task.future.set_result(load(task.request, task.stop))
            except BaseException as error:  # noqa: BLE001  the main thread raises it
                task.future.set_exception(error)
        return True

    def _launch(self) -> None:
        """Does what can fail at once, while the main thread waits."""

    def _make_loader(self) -> Callable[[worker.Request, worker.Stop], worker.Batch]:
        return worker.started_thread(self._job, self._number)

    def _end(self) -> None:
        """Cleans up."""


class _ProcessThread(_Thread):
    """A worker that has a process of its own load the batches."""

    def __init__(
        self,
        tasks: SimpleQueue[_Task | None],
        job: worker.Job,
        number: int,
        context: BaseContext,
    ) -> None:
        super().__init__(tasks, job, number)
        self._context = context

    def _launch(self) -> None:
        _block_interrupts()
        with _launching:  # a process forked meanwhile would keep the other end open, too
            self._check_open()
            self._connection, other_end = self._context.Pipe()
            self._process = self._context.Process(  # type: ignore[attr-defined]
                target=worker.serve, args=(other_end, self._job, self._number), daemon=True
            )
            try:
                _start(self._process)
            finally:
                other_end.close()
        self._reader = Reader(self._connection)

    def _make_loader(self) -> Callable[[worker.Request, worker.Stop], worker.Batch]:
        return self._ask

    def _ask(self, request: worker.Request, stop: worker.Stop) -> worker.Batch:
        try:
            self._connection.send_bytes(pickle.dumps(request))  # send() leaves a buffer if it fails
            while not self._connection.poll(0.1):
                self._check_open()
                if not self._process.is_alive() and not self._connection.poll():
                    raise EOFError
            answer = self._reader.receive()
        except (EOFError, OSError) as error:
            raise RuntimeError(_DIED) from error
        return worker.opened(answer)

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise RuntimeError("the DataLoader's workers were closed")

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.send(None)  # forked processes hold copies of this end
        self._connection.close()  # the process notices after its batch
        self._process.join(_SECONDS_TO_END)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


_DIED = (
    "a DataLoader worker process died. Worker processes import the main script again: its work must "
    "be under `if __name__ == '__main__':`. Otherwise the system killed the process, for example "
    "because memory ran out."
)

_launching = threading.Lock()


def _wait_for_launch() -> None:
    """Waits for a process that is starting: it needs the main script, which may end now."""
    if _launching.acquire(timeout=_SECONDS_TO_END):
        _launching.release()


def _start(process: multiprocessing.process.BaseProcess) -> None:
    try:
        process.start()
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            "worker_type='process' must pickle the dataset, its transforms, collate_fn and "
            f"worker_init_fn, which failed: {error}. Lambdas and local functions cannot be "
            "pickled; use module-level functions, or worker_type='thread'."
        ) from error


def _block_interrupts() -> None:
    """Keeps Ctrl-C from this thread and from the processes that it starts.

    A terminal sends Ctrl-C to all processes. The workers leave it to the main one, even while they
    still import modules and cannot yet ask for it.
    """
    if hasattr(signal, "pthread_sigmask"):
        multiprocessing.resource_tracker.ensure_running()  # it would unblock the signal afterwards
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _close(threads: list[_Thread]) -> None:
    for thread in threads:
        thread.close()


@atexit.register  # after that of multiprocessing, so it runs first
def _end_all() -> None:
    deadline = time.monotonic() + 2 * _SECONDS_TO_END
    threads = [thread for thread in threading.enumerate() if isinstance(thread, _Thread)]
    _close(threads)
    for thread in threads:
        if thread.is_alive():  # not if Ctrl-C came before it could start
            thread.join(max(deadline - time.monotonic(), 0))
