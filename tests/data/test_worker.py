from __future__ import annotations

import os
import traceback

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


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_iterator_that_ends_in_a_sample_does_not_end_the_epoch(num_workers):
    loader = DataLoader(Failing(StopIteration("no more")), 2, num_workers=num_workers)
    with pytest.raises(RuntimeError, match=r"StopIteration in sample 5 \(folder/5.jpg\): no more"):
        list(loader)


class Images(Dataset):
    """Channels-last images, as ToTensor makes them."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        image = np.full((4, 5, 3), index, np.float32) + np.arange(3, dtype=np.float32)
        return Tensor.of(image.transpose(2, 0, 1)), f"image {index}"


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
    assert "Traceback" not in str(caught.value)
    assert "in fail" in "".join(traceback.format_exception(caught.value))
    assert next(batches, None) is None


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (BrokenPicture("a.jpg: truncated"), BrokenPicture),
        (FileNotFoundError(2, "No such file", "a.jpg"), FileNotFoundError),
        (KeyError("name"), KeyError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), RuntimeError),  # takes five arguments
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_errors_of_many_types(error, raised):
    with pytest.raises(raised, match=rf"{type(error).__name__} in sample 5 \(folder/5.jpg\)"):
        list(DataLoader(Failing(error), num_workers=1))


def fail_to_collate(samples):
    raise TwoArguments("too", "much")


class TwoArguments(Exception):
    """Cannot be pickled: unpickling calls it with the message alone."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


@pytest.mark.parametrize(
    ("worker_type", "raised"), [("thread", TwoArguments), ("process", RuntimeError)]
)
def test_collate_errors_come_with_their_traceback(worker_type, raised):
    loader = DataLoader(
        Images(), num_workers=1, collate_fn=fail_to_collate, worker_type=worker_type
    )
    with pytest.raises(raised, match=r"too much$") as caught:
        list(loader)
    assert "in fail_to_collate" in "".join(traceback.format_exception(caught.value))


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

    with pytest.raises(RuntimeError, match=r"worker_init_fn failed in.* worker 0: ValueError: no"):
        next(iter(DataLoader(Images(), num_workers=1, worker_init_fn=fail)))


@pytest.mark.slow
def test_persistent_workers_are_replaced_after_one_died():
    loader = DataLoader(Deadly(), num_workers=1, worker_type="process", persistent_workers=True)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="worker process died"):
            list(loader)


def test_a_name_that_is_not_utf8_can_be_printed():
    class Named(Failing):
        def describe(self, index: int) -> str:
            return os.fsdecode(b"caf\xe9.jpg")

    with pytest.raises(ValueError, match=r"in sample 5 \(caf.udce9\.jpg\)") as caught:
        list(DataLoader(Named(ValueError("bad bytes"))))
    str(caught.value).encode("utf-8")
