from __future__ import annotations

import gc
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from minicnn.data import (
    DataLoader,
    Dataset,
    RandomSampler,
    SkipSample,
    SubsetRandomSampler,
    WeightedRandomSampler,
    current_generator,
)
from minicnn.data.seeding import sample_generator
from minicnn.random import Generator

WORKERS = [(0, "thread"), (1, "thread"), (3, "thread"), (2, "process")]


class Noisy(Dataset):
    """Sample i is (i, a random number drawn for it)."""

    def __init__(self, size: int = 20) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[int, float]:
        return index, float(current_generator().random())


def alone() -> list[float]:
    """The noise of the six samples that one test draws in epoch 1, loaded without workers."""
    seed = int(Generator().manual_seed(3).random_())
    return [float(sample_generator(seed, 1, position).random()) for position in range(6)]


class Slow(Dataset):
    """Counts how many samples were asked for, and takes its time."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size, self.seconds, self.asked = size, seconds, 0

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        self.asked += 1
        time.sleep(self.seconds)
        return index


class Gated(Slow):
    """Holds back the samples from number ``free`` on until its gate opens."""

    def __init__(self, free: int) -> None:
        super().__init__(1000, 0)
        self.free, self.gate = free, threading.Event()

    def __getitem__(self, index: int) -> int:
        sample = super().__getitem__(index)
        if index >= self.free:
            self.gate.wait(20)
        return sample


class Together(Slow):
    """Gives a sample only when ``workers`` of them are being loaded at once."""

    def __init__(self, workers: int) -> None:
        super().__init__(4 * workers, 0)
        self.barrier = threading.Barrier(workers)

    def __getitem__(self, index: int) -> int:
        self.barrier.wait(20)
        return index


class Skipping(Noisy):
    """Refuses samples 3, 4 and 5."""

    def __init__(self, warn: bool) -> None:
        super().__init__(9)
        self.warn = warn

    def __getitem__(self, index: int) -> tuple[int, float]:
        if index in (3, 4, 5):
            refusal = SkipSample(f"no {index}")
            refusal.warn = self.warn
            raise refusal
        return super().__getitem__(index)


def epoch(loader: DataLoader) -> list[tuple[list[int], list[float]]]:
    return [(indices.tolist(), noise.tolist()) for indices, noise in loader]


def loader_threads() -> int:
    return sum(thread.name.startswith("DataLoader") for thread in threading.enumerate())


def wait_until(condition, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_batches_in_order_with_a_short_last_one():
    loader = DataLoader(Noisy(7), batch_size=3)
    assert len(loader) == 3
    assert [indices for indices, _ in epoch(loader)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_drop_last():
    loader = DataLoader(Noisy(7), batch_size=3, drop_last=True)
    assert [indices for indices, _ in epoch(loader)] == [[0, 1, 2], [3, 4, 5]]
    assert len(loader) == 2


def test_batch_sampler_and_collate_fn_of_ones_own():
    loader = DataLoader(Noisy(), batch_sampler=[[4, 2], [9]], collate_fn=lambda samples: samples)
    assert [[index for index, _ in batch] for batch in loader] == [[4, 2], [9]]


def test_order_and_noise_do_not_depend_on_the_workers():
    runs = []
    for num_workers, worker_type in WORKERS:
        loader = DataLoader(
            Noisy(),
            batch_size=3,
            shuffle=True,
            num_workers=num_workers,
            worker_type=worker_type,
            generator=Generator().manual_seed(5),
        )
        runs.append([epoch(loader), epoch(loader)])
    assert runs[0] == runs[1] == runs[2] == runs[3]
    first, second = ([i for indices, _ in one for i in indices] for one in runs[0])
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second  # a new order in the second epoch


@pytest.mark.parametrize(("num_workers", "worker_type"), WORKERS)
def test_a_sample_that_is_drawn_twice_is_augmented_differently(num_workers, worker_type):
    def batches(start: int) -> list[tuple[list[int], list[float]]]:
        loader = DataLoader(
            Noisy(),
            batch_sampler=[[4, 4], [4, 7, 7], [4]],
            num_workers=num_workers,
            worker_type=worker_type,
            generator=Generator().manual_seed(3),
        )
        loader.set_epoch(1, start_batch=start)
        return epoch(loader)

    drawn = [noise for _, noises in batches(0) for noise in noises]
    assert len(set(drawn)) == 6
    assert drawn == pytest.approx(alone())  # whoever loads them
    if worker_type == "thread":
        assert batches(1) == batches(0)[1:]


def test_noise_changes_with_epoch_position_and_seed():
    loader = DataLoader(Noisy(200), batch_size=200)
    other = DataLoader(Noisy(200), batch_size=200)
    drawn = [*epoch(loader)[0][1], *epoch(loader)[0][1], *epoch(other)[0][1]]
    assert len(set(drawn)) > 590  # 600 different ones, but for float32's resolution


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(
    "sampler",
    [
        RandomSampler(range(20)),
        SubsetRandomSampler(range(20)),
        WeightedRandomSampler([1.0] * 20, 20),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_an_epoch_can_be_taken_up_again_anywhere(sampler, num_workers):
    def loader():
        return DataLoader(
            Noisy(),
            3,
            sampler=sampler,
            num_workers=num_workers,
            generator=Generator().manual_seed(8),
        )

    whole = loader()
    whole.set_epoch(0)
    epochs = [epoch(whole) for _ in range(3)]
    resumed = loader()
    resumed.set_epoch(1, start_batch=4)
    assert epoch(resumed) == epochs[1][4:]
    assert epoch(resumed) == epochs[2]  # the start was for one epoch only


def test_set_epoch_reaches_a_sampler_that_has_it():
    class Counting(list):
        def set_epoch(self, number: int) -> None:
            self[:] = [number]

    loader = DataLoader(Noisy(), sampler=Counting([0]))
    loader.set_epoch(6)
    assert [epoch(loader)[0][0], epoch(loader)[0][0]] == [[6], [7]]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_loader_counts_what_it_gave(num_workers):
    loader = DataLoader(Skipping(warn=False), 3, num_workers=num_workers)
    with pytest.warns(UserWarning, match="left out"):
        counts = [(loader.batch, loader.samples) for _ in loader]
    assert counts == [(1, 3), (3, 6)]  # nothing of the second batch could be loaded
    loader.set_epoch(0, start_batch=counts[0][0])
    assert [indices for indices, _ in epoch(loader)] == [[6, 7, 8]]
    assert (loader.batch, loader.samples) == (3, 3)


@pytest.mark.parametrize("worker_type", ["thread", "process"])
def test_skipped_samples_are_left_out_and_listed(worker_type):
    loader = DataLoader(Skipping(warn=False), 3, num_workers=1, worker_type=worker_type)
    with pytest.warns(UserWarning, match="3 samples were left out"):
        batches = epoch(loader)
    assert [indices for indices, _ in batches] == [[0, 1, 2], [6, 7, 8]]
    assert loader.skipped == {3: "no 3", 4: "no 4", 5: "no 5"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # known by now
        epoch(loader)


def test_each_skipped_sample_warns_if_asked_to():
    loader = DataLoader(Skipping(warn=True), 4)
    with pytest.warns(UserWarning) as warned:
        assert [indices for indices, _ in epoch(loader)] == [[0, 1, 2], [6, 7], [8]]
    assert [str(w.message) for w in warned] == [f"left out sample {i}: no {i}" for i in (3, 4, 5)]


def test_prefetch_is_bounded():
    dataset = Slow(100, 0)
    batches = iter(DataLoader(dataset, 2, num_workers=2, prefetch_factor=3))
    next(batches)
    # One batch is here, 2 * 3 are ready or on their way, and nothing more is asked for.
    assert wait_until(lambda: dataset.asked == 2 * 7)
    time.sleep(0.05)
    assert dataset.asked == 2 * 7


def test_threads_end_with_the_epoch():
    list(DataLoader(Noisy(), num_workers=3))
    assert wait_until(lambda: loader_threads() == 0)


def test_threads_end_in_mid_batch_when_the_iterator_is_dropped():
    dataset = Gated(50)
    for _ in DataLoader(dataset, 50, num_workers=2):
        break
    gc.collect()
    dataset.gate.set()
    assert wait_until(lambda: loader_threads() == 0)
    assert dataset.asked <= 50 + 2  # each thread was at the first sample of its next batch


def test_persistent_threads_stay_until_the_loader_goes():
    started = []
    loader = DataLoader(
        Slow(8, 0.02), num_workers=2, persistent_workers=True, worker_init_fn=started.append
    )
    for _ in range(3):
        assert len(list(loader)) == 8
    assert sorted(started) == [0, 1]
    assert loader_threads() == 2
    del loader
    gc.collect()
    assert wait_until(lambda: loader_threads() == 0)


def test_threads_load_at_the_same_time():
    assert len(list(DataLoader(Together(4), num_workers=4))) == 16


def test_timeout():
    with pytest.raises(RuntimeError, match=r"timed out after 0\.05 seconds"):
        list(DataLoader(Slow(2, 0.5), num_workers=1, timeout=0.05))


def test_several_iterators_at_once():
    loader = DataLoader(Noisy(), 5, shuffle=True, num_workers=2)
    pairs = list(zip(loader, loader, strict=True))
    assert len(pairs) == 4
    assert any(not np.array_equal(a[0].numpy(), b[0].numpy()) for a, b in pairs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shuffle": True, "sampler": [0]}, "exclude each other"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler excludes"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler excludes"),
        ({"batch_size": 0}, "batch_size must be a positive integer, got 0"),
        ({"num_workers": -1}, "must be >= 0, got -1"),
        ({"timeout": -1}, "must be >= 0"),
        ({"prefetch_factor": 2}, "need num_workers > 0"),
        ({"persistent_workers": True}, "need num_workers > 0"),
        ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor must be positive"),
        ({"worker_type": "fiber"}, "'thread' or 'process', got 'fiber'"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(Noisy(), **arguments)


def test_set_epoch_rejects_negative_numbers():
    with pytest.raises(ValueError, match="must be >= 0, got -1 and 0"):
        DataLoader(Noisy()).set_epoch(-1)


def test_pin_memory_without_a_gpu_says_so(monkeypatch):
    monkeypatch.setattr("minicnn.data.pinned.cuda_is_available", lambda: False)
    with pytest.warns(UserWarning, match="no CUDA GPU"):
        batches = epoch(DataLoader(Noisy(3), 3, pin_memory=True))
    assert batches[0][0] == [0, 1, 2]


def test_pin_memory_keeps_values_structure_and_order_in_memory(monkeypatch):
    class PinnedMemory:  # in place of CuPy, where there is no GPU
        alloc_pinned_memory = bytearray

    class Images(Noisy):
        def __getitem__(self, index: int) -> dict[str, object]:
            image = np.arange(24.0, dtype=np.float32).reshape(4, 2, 3).transpose(2, 0, 1)
            return {"image": image + index, "name": str(index)}

    monkeypatch.setattr("minicnn.data.pinned.cuda_is_available", lambda: True)
    monkeypatch.setattr("minicnn.devices.cupy", lambda: SimpleNamespace(cuda=PinnedMemory))
    (plain,), (batch,) = DataLoader(Images(2), 2), DataLoader(Images(2), 2, pin_memory=True)
    assert batch["name"] == ["0", "1"]
    assert np.array_equal(batch["image"].numpy(), plain["image"].numpy())
    assert batch["image"].array.strides == plain["image"].array.strides
    base = batch["image"].array
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base.base, (bytearray, memoryview))
