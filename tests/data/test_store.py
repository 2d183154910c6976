"""Records in a file that threads and processes share, within a budget, whatever happens to it."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import pickle
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from minicnn.data import shared_file
from minicnn.data.shared_file import SharedFile
from minicnn.data.store import Store

# a second warning that the cache is full is an error
pytestmark = [pytest.mark.cpu_only, pytest.mark.filterwarnings("error:the cache")]

STAMP = b"stamp..."


def key(number: int) -> bytes:
    return hashlib.blake2b(b"%d" % number, digest_size=16).digest()


def record(number: int) -> bytes:
    """Up to 4 KB."""
    return np.random.default_rng(number).bytes(1000 + 7 * number % 3000)


def put(store: Store, number: int, stamp: bytes = STAMP) -> None:
    put_bytes(store, number, record(number), stamp)


def put_bytes(store: Store, number: int, content: bytes, stamp: bytes = STAMP) -> None:
    store.put(key(number), stamp, content, store.get(key(number), stamp))


def kept(store: Store, count: int = 100) -> list[int]:
    """The numbers of the records that are there; every one of them is right."""
    found = []
    for number in range(count):
        got = store.get(key(number), STAMP).record
        assert got in (None, record(number))
        if got is not None:
            found.append(number)
    return found


@pytest.fixture(params=["memory", "file", "temporary file"])
def path(request, tmp_path, monkeypatch) -> Path | None:
    if request.param == "temporary file":
        monkeypatch.delattr(os, "memfd_create")
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "a.cache" if request.param == "file" else None


def test_records_stay(path):
    store = Store(path, 4_000_000)
    assert (kept(store), len(store)) == ([], 0)
    for number in range(100):
        put(store, number)
    assert kept(store) == list(range(100))
    assert len(store) == 100
    assert sum(len(record(n)) for n in range(100)) < store.used < 1_000_000
    assert store.get(key(100), STAMP).record is None


def test_a_file_is_used_again(tmp_path):
    put(Store(tmp_path / "a.cache", 4_000_000), 7)
    assert kept(Store(tmp_path / "a.cache", 2_000_000)) == [7]
    assert kept(Store(tmp_path / "a.cache", 100_000)) == [7]


def test_memory_is_given_back(tmp_path, monkeypatch):
    store = Store(None, 4_000_000)
    where = store._file.path
    assert str(where).startswith("/proc/")  # no file system, and no limit of its own
    del store
    assert not where.exists()
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = Store(None, 4_000_000)
    assert os.listdir(tmp_path)
    del store
    assert not os.listdir(tmp_path)


def test_the_budget_is_kept_and_the_first_stay(path):
    store = Store(path, 100_000)
    for number in range(9):
        put_bytes(store, number, bytes(10_000))
    with pytest.warns(UserWarning, match="the cache is full: it keeps 9 pictures"):
        put_bytes(store, 9, bytes(10_000))
    for number in range(10, 20):
        put_bytes(store, number, bytes(10_000))
    assert [store.get(key(n), STAMP).record is not None for n in range(20)] == [True] * 9 + [
        False
    ] * 11
    assert 90_000 < store.used <= 100_000
    assert os.path.getsize(store._file.path) <= 100_000
    absent, present = (store.get(key(number), b"changed.") for number in (9, 0))
    assert store.takes(1, absent) and not store.takes(10_000, absent)
    assert store.takes(10_000, present)
    put_bytes(store, 0, bytes(9_000), b"changed.")  # in its place
    assert store.get(key(0), b"changed.").record == bytes(9_000)


def test_a_smaller_budget_begins_the_file_once_more(tmp_path):
    store = Store(tmp_path / "a.cache", 4_000_000)
    for number in range(100):
        put(store, number)
    smaller = Store(tmp_path / "a.cache", 100_000)
    assert len(smaller) == 0 and os.path.getsize(tmp_path / "a.cache") <= 100_000
    assert len(kept(store)) == 100  # of who has it open


def test_a_stale_record_is_replaced_in_its_place(path):
    store = Store(path, 4_000_000)
    put(store, 1)
    used = store.used
    assert store.get(key(1), b"changed.").record is None
    put(store, 1, b"changed.")
    assert store.get(key(1), b"changed.").record == record(1)
    assert (store.used, len(store)) == (used, 1)
    longer = record(1) + record(2)
    put_bytes(store, 1, longer)
    assert store.get(key(1), STAMP).record == longer
    assert (store.used, len(store)) == (used + len(longer), 1)


def test_who_comes_second_writes_nothing(path):
    store = Store(path, 4_000_000)
    found = store.get(key(1), STAMP)
    put(store, 1)
    used = store.used
    store.put(key(1), STAMP, record(1), found)
    assert store.used == used


def test_threads(path):
    store = Store(path, 4_000_000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: put(store, n % 100), range(800)))
        assert all(pool.map(lambda _: kept(store) == list(range(100)), range(8)))
    assert len(store) == 100


def fill(store: Store, start: int, seconds: float = 0) -> None:
    """What a process does: it stores 50 records, then the same with other stamps until the time is up."""
    end = time.monotonic() + seconds
    for number in range(start, start + 50):
        put(store, number)
    while time.monotonic() < end:
        for number in range(start, start + 50):
            put(store, number, os.urandom(8))
            put(store, number)


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes(path, method):
    store = Store(path, 4_000_000)
    put(store, 0)
    context = multiprocessing.get_context(method)
    processes = [context.Process(target=fill, args=(store, start)) for start in (0, 25)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert kept(store) == list(range(75))
    assert len(store) == 75


def test_a_killed_process_leaves_no_half_record(path):
    store = Store(path, 10_000_000)
    context = multiprocessing.get_context("fork")
    for attempt in range(6):
        process = context.Process(target=fill, args=(store, 0, 60))
        process.start()
        time.sleep(0.02 + 0.01 * attempt)
        process.kill()
        process.join()
        kept(store, 50)
    fill(store, 0)
    assert kept(store) == list(range(50))


def test_damage_is_noticed_and_mended(tmp_path):
    path = tmp_path / "a.cache"
    store = Store(path, 100_000)
    for number in range(20):
        put(store, number)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    for attempt in range(100):
        damaged = bytearray(whole if attempt % 4 else whole[: generator.integers(len(whole))])
        for place in generator.integers(9, max(len(damaged), 10), 1 + attempt % 50):
            if place < len(damaged):
                damaged[place] ^= 1 << generator.integers(8)
        path.unlink()
        path.write_bytes(damaged)
        if len(damaged) < 16:
            continue
        store = Store(path, 100_000)
        before = len(kept(store, 20))
        for number in range(20):
            put(store, number)
        assert len(kept(store, 20)) >= max(before, 15)


def test_a_full_disk_is_one_warning(tmp_path, monkeypatch):
    store = Store(tmp_path / "a.cache", 4_000_000)
    put(store, 0)
    write = SharedFile.write

    def full(file: SharedFile, position: int, data: bytes) -> None:
        if position + len(data) > store.used:
            write(file, position, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, position, data)

    monkeypatch.setattr(SharedFile, "write", full)
    copy = pickle.loads(pickle.dumps(store))  # as another process has it
    with pytest.warns(UserWarning, match=r"cannot grow \(No space left on device\)"):
        put(store, 1)
    for number in range(2, 10):
        put(copy, number)
        put(store, number)
    assert kept(store) == [0] and not store.takes(1, store.get(key(1), STAMP))
    monkeypatch.undo()
    later = Store(tmp_path / "a.cache", 4_000_000)
    put(later, 1)
    assert kept(later) == [0, 1]


def test_a_file_system_without_locks(path, monkeypatch):
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(shared_file.fcntl, "flock", flock)
    store = Store(path, 4_000_000)
    put(store, 3)
    assert kept(store) == [3]


def test_a_file_that_is_deleted_while_it_is_in_use(tmp_path):
    store = Store(tmp_path / "a.cache", 4_000_000)
    put(store, 1)
    data = pickle.dumps(store)
    (tmp_path / "a.cache").unlink()
    put(store, 2)
    assert kept(store) == [1, 2]
    elsewhere = pickle.loads(data)  # in a new process, which must not fail
    put(elsewhere, 3)
    assert kept(elsewhere) == []


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="budget must be at least 65,536 bytes, got 0"):
        Store(None, 0)
    (tmp_path / "notes.txt").write_text("my notes")
    with pytest.raises(ValueError, match=r"notes\.txt is not a cache of pictures: choose another"):
        Store(tmp_path / "notes.txt", 4_000_000)
    assert (tmp_path / "notes.txt").read_text() == "my notes"
    for name in (".", "nowhere/a.cache", "/dev/null"):
        with pytest.raises(OSError, match=f"cannot write the cache .*{Path(name).name}"):
            Store(tmp_path / name, 4_000_000)


def test_the_slots_of_a_key_may_be_taken():
    store = Store(None, 200_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(100):
            put_bytes(store, number, number.to_bytes(8, "little"))
    found = [store.get(key(number), STAMP) for number in range(100)]
    got = [record for record, _ in found]
    assert {*got} - {None, *(number.to_bytes(8, "little") for number in range(100))} == set()
    assert 40 <= len(store) == sum(value is not None for value in got) <= 64  # 48 + 16
    refused = [slot is None for _, slot in found]
    assert refused == [value is None for value in got]
    assert not store.takes(8, found[refused.index(True)])
