from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minicnn.data import BrokenPicture, DataLoader, Dataset
from minicnn.tensor import Tensor

pytestmark = pytest.mark.cpu_only

WORKERS = [(0, "thread"), (2, "thread"), (1, "process")]


class Failing(Dataset):
    """Raises ``error`` for sample 5."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> int:
        if index == 5:
            self.fail()
        return index

    def fail(self) -> None:
        raise self.error

    def describe(self, index: int) -> str:
        return f"folder/{index}.jpg"


class Images(Dataset):
    """Channels-last images, as ToTensor makes them."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        image = np.full((4, 5, 3), index, np.float32) + np.arange(3, dtype=np.float32)
        return Tensor(image.transpose(2, 0, 1)), f"image {index}"


class Deadly(Dataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        os._exit(3)


@pytest.mark.parametrize(("num_workers", "worker_type"), WORKERS)
def test_an_error_keeps_its_type_and_names_sample_and_path(num_workers, worker_type):
    dataset = Failing(ValueError("bad bytes"))
    loader = DataLoader(dataset, 2, num_workers=num_workers, worker_type=worker_type)
    batches = iter(loader)
    assert [next(batches).tolist(), next(batches).tolist()] == [[0, 1], [2, 3]]
    with pytest.raises(
        ValueError, match=r"ValueError in sample 5 \(folder/5\.jpg\): bad bytes"
    ) as caught:
        next(batches)
    if num_workers:  # where the consumer's own traceback could not show it
        assert "Traceback (most recent call last)" in str(caught.value)
        assert "in fail" in str(caught.value)
    assert next(batches, None) is None


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (BrokenPicture("a.jpg: truncated"), BrokenPicture),
        (FileNotFoundError(2, "No such file", "a.jpg"), FileNotFoundError),
        (KeyError("name"), RuntimeError),  # would print its message as a quoted key
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), RuntimeError),  # takes five arguments
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_errors_of_many_types(error, raised):
    with pytest.raises(raised, match=rf"{type(error).__name__} in sample 5 \(folder/5.jpg\)"):
        list(DataLoader(Failing(error), num_workers=1))


def test_collate_errors_come_with_their_traceback():
    def fail(samples):
        raise OverflowError("too much")

    with pytest.raises(OverflowError, match=r"(?s)too much.*In a DataLoader worker.*in fail"):
        list(DataLoader(Images(), num_workers=1, collate_fn=fail))


def test_processes_give_the_same_batches_in_the_same_memory_order():
    for x, names in DataLoader(Images(), 3, num_workers=2, worker_type="process"):
        assert x.shape == (3, 3, 4, 5)
        assert x.array.transpose(0, 2, 3, 1).flags.c_contiguous
        first = int(names[0].removeprefix("image "))
        assert x.numpy()[:, :, 0, 0].tolist() == [
            [first + i + c for c in range(3)] for i in range(3)
        ]


def test_what_cannot_be_pickled_is_said():
    loader = DataLoader(Images(), num_workers=1, worker_type="process", collate_fn=lambda b: b)
    with pytest.raises(TypeError, match=r"must pickle the dataset.*or worker_type='thread'"):
        next(iter(loader))


def test_a_process_that_dies_is_noticed():
    with pytest.raises(RuntimeError, match="worker process died"):
        next(iter(DataLoader(Deadly(), num_workers=1, worker_type="process")))


def test_a_worker_init_fn_that_fails_is_noticed():
    def fail(worker_id: int) -> None:
        raise ValueError("no")

    with pytest.raises(RuntimeError, match="worker_init_fn failed"):
        next(iter(DataLoader(Images(), num_workers=1, worker_init_fn=fail)))


SCRIPT = """
import signal, sys, time
from minicnn.data import DataLoader, Dataset
class Slow(Dataset):
    def __len__(self): return 1000
    def __getitem__(self, index):
        time.sleep(0.02)
        return index
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
    for i, batch in enumerate(DataLoader(Slow(), 4, num_workers=1, worker_type=sys.argv[1])):
        if i == 0: print("started", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("worker_type", ["thread", "process"])
def test_ctrl_c_ends_the_program_and_its_workers(tmp_path: Path, worker_type):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, script, worker_type],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
        start_new_session=True,  # so that the signal reaches the group, as from a terminal
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    # communicate() waits until the last holder of stderr, worker processes included, is gone.
    _, errors = process.communicate(timeout=20)
    assert time.monotonic() - start < 10
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1  # the workers' own are not printed


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_worker_processes_do_not_outlive_a_killed_parent(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script, "process"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.kill()
    process.communicate(timeout=20)  # returns once no worker holds the pipe any more
    assert process.returncode == -signal.SIGKILL
