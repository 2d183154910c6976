"""What worker processes send: arrays through shared memory, and through the pipe without it."""

from __future__ import annotations

import contextlib
import errno
import gc
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import minicnn as mc
from minicnn.data import DataLoader, Dataset, shared
from minicnn.data.shared import Reader, Writer, pickled

pytestmark = pytest.mark.cpu_only
needs_memfd = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux has memfd")


@pytest.fixture(params=["memory", "pipe", "forbidden", "full"])
def way(request, monkeypatch):
    """Where the arrays go."""
    if request.param == "pipe":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif request.param != "memory":

        def fail(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        name = "posix_fallocate" if request.param == "full" else "memfd_create"
        monkeypatch.setattr(os, name, fail, raising=False)
    return request.param


@pytest.fixture
def ends():
    first, second = multiprocessing.Pipe()
    yield Reader(first), Writer(second)
    first.close()
    second.close()


def exchange(ends, value):
    """``value`` after the way through the connection, which holds less than a large array."""
    reader, writer = ends
    with ThreadPoolExecutor(1) as thread:
        sent = thread.submit(writer.send, pickled(value))
        received = reader.receive().value()
        sent.result()
    return received


def test_values_arrive_as_they_were(ends, way):
    rng = np.random.default_rng(0)
    images = mc.Tensor.of(rng.random((8, 32, 30, 3), np.float32).transpose(0, 3, 1, 2))
    value = {
        "images": images,
        "bytes": mc.Tensor.of(rng.integers(0, 256, (5, 7001), dtype=np.uint8)),
        "labels": mc.Tensor.of(np.arange(8)),
        "array": rng.random((100, 50)).T,
        "empty": np.empty((0, 4)),
        "text": ["a", "b"],
    }
    got = exchange(ends, value)
    assert got.keys() == value.keys() and got["text"] == value["text"]
    for name in ("images", "bytes", "labels", "array", "empty"):
        sent, received = (np.asarray(getattr(v[name], "array", v[name])) for v in (value, got))
        np.testing.assert_array_equal(received, sent)
        assert received.dtype == sent.dtype
        assert received.flags.writeable
    assert got["images"].array.transpose(0, 2, 3, 1).flags.c_contiguous


def test_what_has_arrived_does_not_change(ends, way):
    first = exchange(ends, np.full(50_000, 1))
    second = exchange(ends, np.full(50_000, 2))
    assert (first == 1).all() and (second == 2).all()


def test_an_array_that_is_kept_keeps_no_other(ends, way):
    images, labels = exchange(ends, [np.zeros(3_000_000, np.uint8), np.arange(50_000)])
    assert owner(images) is not owner(labels)


def owner(memory: object) -> object:
    """What is gone when the last array in its memory is."""
    while isinstance(memory, (np.ndarray, memoryview)):
        above = memory.obj if isinstance(memory, memoryview) else memory.base
        if above is None:
            break
        memory = above
    return memory


@needs_memfd
def test_the_memory_is_used_again_and_grows(ends):
    reader, writer = ends
    memories = []
    for n in (400_000, 100_000, 400_000, 1_000_000, 10):
        np.testing.assert_array_equal(exchange(ends, np.arange(n)), np.arange(n))
        memories.append(writer._memory)
    first, *_, last = memories
    assert memories == [first, first, first, last, last]
    assert len(first) < len(last) == len(reader._memory)


@needs_memfd
def test_where_memory_is_short_the_pipe_takes_over(ends, monkeypatch):
    def full(*_: int) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    small, large = np.arange(300_000), np.arange(900_000)
    np.testing.assert_array_equal(exchange(ends, small), small)
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        np.testing.assert_array_equal(exchange(ends, large), large)
        np.testing.assert_array_equal(exchange(ends, small), small)
    np.testing.assert_array_equal(exchange(ends, large), large)
    assert ends[1]._memory is not None


class Large(Dataset):
    """Arrays that do not go through the pipe with the rest."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return np.full((3, 64, 64), index, np.float32), index


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts files in /proc")
def test_epochs_of_worker_processes_leave_nothing_open():
    loader = DataLoader(Large(), batch_size=4, num_workers=2, multiprocessing_context="fork")
    for _ in range(3):
        for number, (images, indices) in enumerate(list(loader)):
            expected = np.arange(4 * number, 4 * number + 4)
            np.testing.assert_array_equal(indices.numpy(), expected)
            np.testing.assert_array_equal(images.numpy()[:, 1, 2, 3], expected)
    deadline = time.monotonic() + 10  # the threads that drive the processes end by themselves
    while (left := open_memory_files()) and time.monotonic() < deadline:
        time.sleep(0.05)
        gc.collect()
    assert not left


def open_memory_files() -> list[str]:
    """What this process has open of workers' memory."""
    targets = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # it is closed meanwhile
            targets.append(os.readlink(f"/proc/self/fd/{name}"))
    return [target for target in targets if "DataLoader" in target]


def test_small_arrays_are_pickled_with_the_rest():
    message = pickled([np.arange(10), np.arange(shared._LARGE_BYTES)])
    assert len(message.arrays) == 1
