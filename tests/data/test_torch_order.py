"""Loaders, samplers and splits draw what torch's draw, in torch's order."""

from __future__ import annotations

import multiprocessing
import random

import numpy as np
import pytest
import torch
import torch.utils.data

import minicnn
import minicnn.data
from minicnn import rules

pytestmark = [
    pytest.mark.cpu_only,
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]

needs_fork = pytest.mark.skipif(
    multiprocessing.get_all_start_methods()[0] != "fork", reason="Python does not fork by default"
)


@pytest.fixture
def torch_rules():
    rules.follow_torch()
    yield
    rules.follow_torch(False)


def plain(value):
    """Tensors as lists, in any container."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def both(program, *arguments) -> None:
    """Runs a program with torch and with minicnn; what it yields must be equal."""
    results = []
    for framework, data in ((torch, torch.utils.data), (minicnn, minicnn.data)):
        framework.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        results.append([plain(value) for value in program(framework, data, *arguments)])
    theirs, ours = results
    assert len(theirs) > 2
    assert ours == theirs


def numbers(framework, data, size=23):
    return data.TensorDataset(framework.arange(size), framework.arange(size) * 2)


def epochs(framework, data, options):
    loader = data.DataLoader(numbers(framework, data), 4, shuffle=True, **options)
    yield framework.rand(3)  # what is drawn between the loader and its first epoch
    for _ in range(3):
        yield from loader
        yield framework.rand(2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_workers": 2},
        {"num_workers": 1, "persistent_workers": True},
        {"num_workers": 2, "prefetch_factor": 4, "drop_last": True},
    ],
    ids=str,
)
def test_three_epochs(options):
    both(epochs, options)


def several_at_once(framework, data, num_workers):
    first, second = (
        data.DataLoader(numbers(framework, data), 5, shuffle=True, num_workers=num_workers)
        for _ in range(2)
    )
    for a, b in zip(first, second):
        yield a, b, framework.rand(1)
    for number, batch in enumerate(first):  # and one that is stopped in the middle
        yield batch
        if number == 2:
            break
    yield framework.rand(1)
    batches = iter(second)
    yield framework.rand(1)
    yield list(batches), framework.rand(1)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_several_loaders_at_once(num_workers):
    both(several_at_once, num_workers)


def with_a_generator(framework, data, num_workers):
    generator = framework.Generator().manual_seed(5)
    loader = data.DataLoader(
        numbers(framework, data), 6, True, num_workers=num_workers, generator=generator
    )
    for _ in range(3):
        yield list(loader), framework.rand(1), framework.rand(1, generator=generator)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_loader_with_a_generator(num_workers):
    both(with_a_generator, num_workers)


def samplers(framework, data):
    generator = framework.Generator().manual_seed(1)
    for made in (
        data.RandomSampler(range(30)),
        data.RandomSampler(range(30), generator=generator),
        data.RandomSampler(range(30), num_samples=70),
        data.RandomSampler(range(30), replacement=True, num_samples=70),
        data.RandomSampler(range(30), replacement=True, num_samples=64, generator=generator),
        data.SubsetRandomSampler([3, 5, 9, 11, 4]),
        data.SubsetRandomSampler([3, 5, 9, 11, 4], generator),
        data.WeightedRandomSampler([0.1, 0.5, 2, 3, 0], 30),
        data.WeightedRandomSampler([0.1, 0.5, 2, 3, 0], 30, generator=generator),
        data.BatchSampler(data.RandomSampler(range(30)), 4, True),
    ):
        yield list(made), len(made), framework.rand(1), framework.rand(1, generator=generator)


def test_samplers():
    both(samplers)


def splits(framework, data):
    generator = framework.Generator().manual_seed(1)
    for lengths, options in (([0.7, 0.3], {}), ([20, 3], {}), ([1, 22], {"generator": generator})):
        parts = data.random_split(numbers(framework, data), lengths, **options)
        yield [part.indices for part in parts], framework.rand(1)


def test_random_split():
    both(splits)


def own_samplers(framework, data, num_workers):
    class Drawn:
        def __len__(self):
            return 6

        def __iter__(self):  # draws at once
            return iter(framework.randperm(6).tolist())

    class DrawnBatches(Drawn):
        def __iter__(self):
            return iter(framework.randperm(6).reshape(2, 3).tolist())

    for options in (
        {"sampler": Drawn(), "batch_size": 4},
        {"sampler": Drawn(), "batch_size": None},
        {"batch_sampler": DrawnBatches()},
    ):
        loader = data.DataLoader(numbers(framework, data), num_workers=num_workers, **options)
        yield list(loader), framework.rand(1)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_samplers_of_the_programs_own(num_workers):
    both(own_samplers, num_workers)


def shares(framework, data):
    for replicas, rank, options in (
        (4, 1, {}),
        (4, 3, {"drop_last": True, "seed": 2}),
        (30, 29, {"shuffle": False}),
        (1, 0, {}),
    ):
        sampler = data.DistributedSampler(range(23), replicas, rank, **options)
        sampler.set_epoch(3)
        yield list(sampler), len(sampler)


def test_shares_of_several_programs():
    both(shares)


# ------------------------------------------------------------------------ torch's rule


def noisy(framework, data, options):
    class Noisy(data.Dataset):
        def __len__(self):
            return 11

        def __getitem__(self, index):
            return index, framework.rand(2), random.random(), np.random.rand()

    loader = data.DataLoader(Noisy(), 2, shuffle=True, **options)
    for _ in range(3):
        yield list(loader), framework.rand(1)
    for batch in loader:
        yield batch
        break
    yield list(loader), framework.rand(1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"num_workers": 3}, marks=needs_fork),
        pytest.param({"num_workers": 2, "persistent_workers": True}, marks=needs_fork),
    ],
    ids=str,
)
@pytest.mark.usefixtures("torch_rules")
def test_samples_draw_as_in_torch(options):
    both(noisy, options)


def streamed(framework, data, options):
    class Stream(data.IterableDataset):
        def __iter__(self):
            info = data.get_worker_info()
            first, step = (0, 1) if info is None else (info.id, info.num_workers)
            for index in range(first, 9, step):
                yield index, framework.rand(1)

    for _ in range(3):
        yield list(data.DataLoader(Stream(), **options)), framework.rand(1)


@pytest.mark.parametrize(
    "options", [{"batch_size": 2}, {"batch_size": 2, "drop_last": True}, {"batch_size": None}]
)
@pytest.mark.parametrize("num_workers", [0, pytest.param(3, marks=needs_fork)])
@pytest.mark.usefixtures("torch_rules")
def test_iterable_datasets_draw_as_in_torch(options, num_workers):
    both(streamed, {"num_workers": num_workers, **options})


class Rolled:
    """Draws with what transforms draw with."""

    def __init__(self, draw):
        self.draw = draw

    def __len__(self):
        return 9

    def __getitem__(self, index):
        return float(self.draw())


@pytest.mark.usefixtures("torch_rules")
def test_threads_have_the_streams_of_torchs_workers():
    def program(framework, data):
        ours = framework is minicnn
        draw = (lambda: data.current_generator().random()) if ours else lambda: torch.rand(())
        options = {"worker_type": "thread"} if ours else {}
        loader = data.DataLoader(Rolled(draw), 2, num_workers=2, **options)
        for _ in range(3):
            yield list(loader)

    both(program)


@pytest.mark.usefixtures("torch_rules")
def test_set_epoch_has_minicnns_rule_whoever_loads():
    def rolled(num_workers):
        minicnn.manual_seed(3)
        dataset = Rolled(lambda: minicnn.data.current_generator().random())
        loader = minicnn.data.DataLoader(dataset, 2, shuffle=True, num_workers=num_workers)
        loader.set_epoch(1, start_batch=1)
        return plain(list(loader))

    assert rolled(0) == rolled(2)
