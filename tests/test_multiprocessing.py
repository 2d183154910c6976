"""torch.multiprocessing's additions to the standard library's module."""

import multiprocessing
import os
import time

import pytest

import minicnn.multiprocessing as mp

pytestmark = pytest.mark.cpu_only


def write(number, folder, word):
    (folder / f"{number}").write_text(word)


def fail_in_the_second(number):
    if number == 1:
        os._exit(3)
    time.sleep(60)


def test_it_has_the_standard_library():
    assert mp.Process is multiprocessing.Process and mp.Queue and mp.get_context("spawn")
    assert set(multiprocessing.__all__) <= set(mp.__all__)


def test_spawn(tmp_path):
    assert mp.spawn(write, (tmp_path, "word"), nprocs=2) is None
    assert [(tmp_path / name).read_text() for name in "01"] == ["word", "word"]


def test_spawn_without_waiting(tmp_path):
    processes = mp.spawn(write, (tmp_path, "word"), join=False)
    processes[0].join()
    assert (tmp_path / "0").exists()


def test_a_process_that_fails_ends_the_others():
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="process 1 ended with exit code 3"):
        mp.spawn(fail_in_the_second, nprocs=3)
    assert time.monotonic() - began < 40


def test_sharing_strategies():
    mp.set_sharing_strategy("file_system")
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    with pytest.raises(ValueError, match="file_descriptor, file_system, got 'memory'"):
        mp.set_sharing_strategy("memory")
