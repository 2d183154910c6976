"""Splitting work over threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

from minicnn.kernels.cpu.runtime import threads
from minicnn.kernels.cpu.runtime.threads import (
    _blas_libraries,
    for_each_slice,
    matmul,
    num_threads,
    run_alone,
    run_later,
    scratch,
    set_num_threads,
)

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]


def blas_threads():
    """Of NumPy's library, and of others that were loaded before the first kernel."""
    return {get() for get, _ in _blas_libraries()}


@pytest.fixture(autouse=True)
def restored_threads():
    before = num_threads()
    yield
    set_num_threads(before)


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize(
    ("M", "K", "N"),
    [(331, 96, 100), (331, 9000, 100), (11, 40, 30), (49, 832, 128)],
    ids=["cut with a rest", "too large to cut", "small", "few rows"],
)
@pytest.mark.parametrize("transposed", [False, True])
def test_matmul_writes_the_whole_product(batch, M, K, N, transposed):
    rng = np.random.default_rng(0)
    a = rng.integers(-4, 5, (*batch, M, K)).astype(np.float32)  # exact in any order
    b = rng.integers(-4, 5, (*batch, N, K) if transposed else (*batch, K, N)).astype(np.float32)
    b = b.swapaxes(-1, -2) if transposed else b
    wider = np.full((*batch, M, N + 5), np.nan, np.float32)
    matmul(a, b, wider[..., 2:-3])
    np.testing.assert_array_equal(wider[..., 2:-3], np.matmul(a, b))
    assert np.isnan(wider[..., :2]).all() and np.isnan(wider[..., -3:]).all()


@pytest.mark.parametrize("thread_count", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 64])
def test_slices_cover_the_range_once(thread_count, count):
    set_num_threads(thread_count)
    slices = []
    for_each_slice(count, lambda start, stop: slices.append((start, stop)))
    assert [i for start, stop in sorted(slices) for i in range(start, stop)] == list(range(count))
    assert len(slices) == min(count, 2 * thread_count if thread_count > 1 else 1)
    assert all(start < stop for start, stop in slices)


def test_slices_for_each_thread():
    set_num_threads(2)
    slices = []
    for_each_slice(10, lambda start, stop: slices.append((start, stop)), per_thread=1)
    assert sorted(slices) == [(0, 5), (5, 10)]


def test_a_slow_thread_leaves_its_slices_to_others():
    set_num_threads(2)
    ended, others_ended = [], threading.Event()

    def work(start, stop):
        if start == 0:
            assert others_ended.wait(10)
        ended.append(start)
        if len(ended) == 3:
            others_ended.set()

    for_each_slice(4, work)
    assert sorted(ended) == [0, 1, 2, 3] and ended[-1] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is set on Linux only")
def test_workers_stay_off_the_cpu_of_the_calling_thread():
    cpus = os.sched_getaffinity(0)
    if len(cpus) < 2:
        pytest.skip("one CPU")
    set_num_threads(2)
    allowed = {}

    def work(start, stop):
        everyone.wait()
        allowed[threading.get_ident()] = os.sched_getaffinity(0)

    try:
        for cpu in sorted(cpus)[:2]:
            os.sched_setaffinity(0, {cpu})
            os.sched_setaffinity(0, cpus)  # it stays where it is, if nothing else runs there
            everyone = threading.Barrier(2, timeout=10)
            for_each_slice(2, work)
    finally:
        os.sched_setaffinity(0, cpus)
    caller = allowed.pop(threading.get_ident())
    (worker,) = allowed.values()
    assert caller == cpus and len(cpus - worker) == 1


def test_slices_run_at_the_same_time():
    set_num_threads(3)
    everyone = threading.Barrier(3, timeout=10)
    for_each_slice(3, lambda start, stop: everyone.wait())


def test_blas_has_one_thread_inside_and_its_own_number_outside():
    set_num_threads(2)
    inside = []
    for_each_slice(2, lambda start, stop: inside.append(blas_threads()))
    assert inside == [{1}, {1}]
    assert blas_threads() == {2}


def test_overlapping_regions_restore_blas_when_the_last_ends():
    set_num_threads(2)
    first_is_in, second_is_done = threading.Event(), threading.Event()
    seen = []

    def first(start, stop):
        if start == 0:
            first_is_in.set()
            seen.append(second_is_done.wait(10))
            seen.append(blas_threads())

    other = threading.Thread(target=for_each_slice, args=(2, first))
    other.start()
    assert first_is_in.wait(10)
    for_each_slice(2, lambda start, stop: None)
    seen.append(blas_threads())
    second_is_done.set()
    other.join()
    assert seen == [{1}, True, {1}]
    assert blas_threads() == {2}


def test_work_inside_work_runs_in_its_thread():
    set_num_threads(2)
    names, everyone = [], threading.Barrier(2, timeout=10)

    def outer(start, stop):
        everyone.wait()
        for_each_slice(4, lambda *_: names.append(threading.current_thread().name))

    for_each_slice(2, outer)
    assert len(names) == 2 and len(set(names)) == 2


@pytest.mark.parametrize("failing", [0, 1])
def test_an_exception_reaches_the_caller_after_all_slices_ended(failing):
    set_num_threads(2)
    finished = []

    def work(start, stop):
        if start == failing:
            raise ValueError("of this slice")
        finished.append(start)

    with pytest.raises(ValueError, match="of this slice"):
        for_each_slice(2, work)
    assert finished == [1 - failing]
    assert blas_threads() == {2}
    for_each_slice(2, lambda start, stop: finished.append(start))
    assert len(finished) == 3


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_ctrl_c_waits_for_all_slices():
    """Else they would go on to write to memory that the next kernel is given."""
    set_num_threads(2)
    finished, everyone = [], threading.Barrier(2, timeout=10)

    def work(start, stop):
        everyone.wait()
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.1)  # until the calling thread waits
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.1)
            finished.append(start)

    with pytest.raises(KeyboardInterrupt):
        for_each_slice(2, work)
    assert len(finished) == 1
    assert blas_threads() == {2}


def test_the_number_of_threads_may_change_before_the_slices_start(monkeypatch):
    set_num_threads(2)
    one_blas_thread = threads.one_blas_thread

    def later():
        set_num_threads(1)  # as another thread might, which leaves no worker to wait for
        return one_blas_thread()

    monkeypatch.setattr(threads, "one_blas_thread", later)
    slices = []
    for_each_slice(2, lambda start, stop: slices.append((start, stop)))
    assert slices == [(0, 1), (1, 2)]


def test_set_num_threads_expects_at_least_one():
    with pytest.raises(ValueError, match="at least 1 thread, got 0"):
        set_num_threads(0)


@pytest.mark.parametrize("later", [1, 3])
def test_set_num_threads_inside_work_is_for_the_next_kernel(later):
    set_num_threads(2)
    slices, inside = [], []

    def work(start, stop):
        set_num_threads(later)
        inside.append(blas_threads())
        slices.append(start)

    for_each_slice(4, work)
    assert sorted(slices) == [0, 1, 2, 3] and inside == [{1}] * 4
    assert num_threads() == later and blas_threads() == {later}
    everyone = threading.Barrier(later, timeout=10)
    for_each_slice(later, lambda start, stop: everyone.wait())


def test_set_num_threads_sets_blas():
    set_num_threads(1)
    assert num_threads() == 1
    assert blas_threads() == {1}


def run_python(code, **variables):
    environment = {**os.environ, **variables}
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("value, expected", [("1", 1), ("1,4", 1), ("", None), ("²", None)])
def test_omp_num_threads(value, expected):
    code = "from minicnn.kernels.cpu.runtime.threads import num_threads; print(num_threads())"
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert int(run_python(code, OMP_NUM_THREADS=value)) == (expected or cpus)


def test_import_starts_no_thread():
    code = "import threading, minicnn.kernels.cpu; print(threading.active_count())"
    assert run_python(code) == "1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_has_its_own_threads():
    code = """
import os
from minicnn.kernels.cpu.runtime.threads import for_each_slice, set_num_threads
set_num_threads(2)
for_each_slice(2, lambda start, stop: None)  # starts the parent's thread
child = os.fork()
slices = []
for_each_slice(2, lambda start, stop: slices.append(start))
if child == 0:
    os._exit(0 if sorted(slices) == [0, 1] else 1)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), sorted(slices))
"""
    assert run_python(code) == "0 [0, 1]"


def test_scratch_is_kept_by_name_and_thread():
    first = scratch("test", (4, 5), np.dtype(np.float32))
    first[...] = 7
    smaller = scratch("test", (3, 2), np.dtype(np.float64))
    assert smaller.shape == (3, 2) and smaller.dtype == np.float64
    assert np.shares_memory(first, smaller)
    assert not np.shares_memory(first, scratch("other", (4, 5), first.dtype))

    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append(scratch("test", (4,), first.dtype)))
    thread.start()
    thread.join()
    assert not np.shares_memory(first, elsewhere[0])


def test_workers_are_started_once_and_end_when_their_number_changes():
    def workers():
        return {thread for thread in threading.enumerate() if thread.name.startswith("minicnn")}

    set_num_threads(1)
    for _ in range(100):
        if not workers():
            break
        time.sleep(0.1)
    assert not workers()  # of the tests before
    set_num_threads(3)
    for_each_slice(3, lambda start, stop: None)
    started = workers()
    for_each_slice(3, lambda start, stop: None)
    assert len(started) == 2 and workers() == started
    set_num_threads(1)
    for worker in started:
        worker.join(10)
    assert not workers()


def test_a_worker_keeps_no_array_of_its_last_task():
    set_num_threads(2)
    array = np.zeros(3)
    reference = weakref.ref(array)
    for_each_slice(2, lambda start, stop, array=array: array.sum())
    del array
    for_each_slice(2, lambda start, stop: None)  # the worker is past its task when it takes one
    assert reference() is None


@pytest.mark.parametrize("thread_count", [1, 2])
def test_later_work_runs_as_one_slice_in_whatever_thread(thread_count):
    set_num_threads(thread_count)

    def work():
        slices = []
        for_each_slice(8, lambda start, stop: slices.append((start, stop)))
        return slices

    waits = [run_later(work) for _ in range(20)]  # more than may wait
    if thread_count > 1:
        assert [wait() for wait in reversed(waits)] == [[(0, 8)]] * 20
        assert run_alone(work) == [(0, 8)]
        assert len(work()) > 1  # this thread is outside again
    else:
        assert [wait() for wait in waits] == [[(0, 8)]] * 20


def test_later_work_limits_blas_until_it_has_ended():
    set_num_threads(2)
    begin = threading.Event()
    wait = run_later(lambda: (begin.wait(), blas_threads())[1])
    assert blas_threads() == {1}
    begin.set()
    assert wait() == {1}
    assert blas_threads() == {2}


def test_an_exception_of_later_work_reaches_who_waits():
    set_num_threads(2)

    def fail():
        raise KeyError("later")

    wait = run_later(fail)
    with pytest.raises(KeyError, match="later"):
        wait()
