from __future__ import annotations

import copy

import numpy as np
import pytest

import minicnn
from minicnn.data import (
    ChainDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    WorkerInfo,
    current_generator,
    get_worker_info,
)
from minicnn.data.loading import current_loading

pytestmark = pytest.mark.cpu_only

WORKERS = [(0, "thread"), (2, "thread"), (2, "process")]


class Count(IterableDataset[int]):
    """The integers from ``start`` to ``stop``, shared out among the workers."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop

    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        yield from range(self.start + first, self.stop, step)


class Sized(Count):
    def __len__(self) -> int:
        return self.stop - self.start


def take_a_half(worker_id: int) -> None:
    """A worker_init_fn that changes the worker's own copy of the dataset."""
    dataset = get_worker_info().dataset
    middle = (dataset.start + dataset.stop) // 2
    if worker_id == 0:
        dataset.stop = middle
    else:
        dataset.start = middle


class Whole(Count):
    def __iter__(self):
        yield from range(self.start, self.stop)


def batches(loader) -> list[list[int]]:
    return [batch.tolist() for batch in loader]


@pytest.mark.parametrize(("num_workers", "worker_type"), WORKERS)
def test_batches_of_a_stream(num_workers, worker_type):
    loader = DataLoader(Count(0, 7), 2, num_workers=num_workers, worker_type=worker_type)
    expected = [[0, 1], [2, 3], [4, 5], [6]] if not num_workers else [[0, 2], [1, 3], [4, 6], [5]]
    assert batches(loader) == batches(loader) == expected


def test_drop_last_and_single_samples():
    assert batches(DataLoader(Count(0, 7), 2, drop_last=True)) == [[0, 1], [2, 3], [4, 5]]
    assert list(DataLoader(Count(0, 3), None)) == [0, 1, 2]


def test_persistent_workers_begin_again():
    loader = DataLoader(Count(0, 5), 2, num_workers=2, persistent_workers=True)
    assert batches(loader) == batches(loader) == [[0, 2], [1, 3], [4]]


@pytest.mark.parametrize("worker_type", ["thread", "process"])
def test_each_worker_has_its_own_copy(worker_type):
    dataset = Whole(0, 8)
    loader = DataLoader(
        dataset, 2, num_workers=2, worker_type=worker_type, worker_init_fn=take_a_half
    )
    assert batches(loader) == [[0, 1], [4, 5], [2, 3], [6, 7]]
    assert (dataset.start, dataset.stop) == (0, 8)


def test_chains():
    chain = Sized(0, 2) + Sized(5, 7)
    assert isinstance(chain, ChainDataset)
    assert list(chain) == [0, 1, 5, 6] and len(chain) == 4
    with pytest.raises(TypeError, match="expects iterable datasets, got range"):
        list(ChainDataset([range(3)]))


def test_length_and_a_warning_if_it_is_wrong():
    loader = DataLoader(Sized(0, 5), 2)
    assert len(loader) == 3 and len(DataLoader(Sized(0, 5), 2, drop_last=True)) == 2
    assert batches(loader) == [[0, 1], [2, 3], [4]]
    with pytest.raises(TypeError, match="no len"):
        len(DataLoader(Count(0, 5)))

    class Wrong(Sized):
        def __len__(self) -> int:
            return 1

    loader = DataLoader(Wrong(0, 2), None)
    assert len(loader) == 1
    with pytest.warns(UserWarning, match=r"was reported to be 1 .* but 2 samples have been fetch"):
        list(loader)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_a_stream_has_its_own_order(options):
    with pytest.raises(ValueError, match="decides the order itself"):
        DataLoader(Count(0, 3), **options)


def test_a_stream_cannot_start_in_the_middle():
    with pytest.raises(ValueError, match="no batch to start at, got 2"):
        DataLoader(Count(0, 3)).set_epoch(0, start_batch=2)


def test_samples_have_their_own_numbers():
    class Noise(Count):
        def __iter__(self):
            for _ in range(4):
                yield float(current_generator().random())

    def drawn() -> list[list[float]]:
        minicnn.manual_seed(0)
        return batches(DataLoader(Noise(0, 0), 2))

    first = drawn()
    assert first == drawn()
    assert len({number for batch in first for number in batch}) == 4


class Holes(Count):
    """Leaves out the odd numbers."""

    def __iter__(self):
        for number in super().__iter__():
            if number % 2 == 0:
                yield 1000 * current_loading().epoch + number
            else:
                current_loading().leave_out(f"number {number}", "it is odd", warn=False)


@pytest.mark.parametrize(("num_workers", "worker_type"), WORKERS)
@pytest.mark.parametrize("drop_last", [False, True])
def test_a_stream_leaves_samples_out_and_knows_the_epoch(num_workers, worker_type, drop_last):
    loader = DataLoader(
        Holes(0, 10), 3, num_workers=num_workers, worker_type=worker_type, drop_last=drop_last
    )
    with pytest.warns(UserWarning, match="5 samples were left out"):
        numbers = batches(loader)
    assert loader.skipped == {f"number {i}": "it is odd" for i in (1, 3, 5, 7, 9)}
    assert numbers == [[0, 2, 4], [6, 8]][: 1 if drop_last else 2]
    assert batches(loader)[0] == [1000, 1002, 1004]
    assert current_loading() is None


def test_an_error_names_the_position():
    class Failing(Count):
        def __iter__(self):
            yield 0
            raise OSError("gone")

    with pytest.raises(OSError, match=r"OSError in sample 1 \(Failing\): gone"):
        list(DataLoader(Failing(0, 0), 2))


class Asking(Dataset[int]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[int, int, bool]:
        info = get_worker_info()
        return info.id, info.num_workers, isinstance(info.dataset, Asking)


@pytest.mark.parametrize("worker_type", ["thread", "process"])
def test_worker_info(worker_type):
    for ids, counts, own in DataLoader(Asking(), 2, num_workers=2, worker_type=worker_type):
        assert set(ids.tolist()) <= {0, 1}
        assert np.all(counts.numpy() == 2) and np.all(own.numpy())
    assert get_worker_info() is None
    info = WorkerInfo(1, 2, 3, None)
    assert copy.copy(info) == info
