"""Loaders, samplers and datasets take torch's arguments, in torch's order, with torch's defaults."""

from __future__ import annotations

import inspect

import pytest
import torch.utils.data

import minicnn.data

NAMES = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "DistributedSampler",
    "RandomSampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
]
OWN = {"pad", "worker_type"}  # of minicnn alone


@pytest.mark.parametrize("name", NAMES)
def test_arguments(name):
    theirs, ours = (
        [
            (p.name, p.kind, p.default)
            for p in inspect.signature(getattr(data, name)).parameters.values()
            if p.name not in OWN
        ]
        for data in (torch.utils.data, minicnn.data)
    )
    assert ours == theirs


@pytest.mark.parametrize("name", ["Dataset", "IterableDataset", "Sampler", "DataLoader"])
def test_types_of_samples_can_be_given(name):
    base = getattr(minicnn.data, name)

    class Derived(base[int]):
        """As scripts derive from them."""

    assert issubclass(Derived, base)


def test_the_loader_has_torchs_attributes():
    options = {"batch_size": 3, "shuffle": True, "num_workers": 1, "drop_last": True}
    theirs, ours = (
        data.DataLoader(range(7), **options) for data in (torch.utils.data, minicnn.data)
    )
    for name in ("batch_size", "drop_last", "num_workers", "prefetch_factor", "timeout", "generator",
                 "pin_memory", "persistent_workers", "in_order", "worker_init_fn"):  # fmt: skip
        assert getattr(ours, name) == getattr(theirs, name), name
    assert len(ours) == len(theirs) and ours.dataset == range(7)
    assert type(ours.sampler).__name__ == "RandomSampler"
    assert type(ours.batch_sampler).__name__ == "BatchSampler"
    assert ours.batch_sampler.sampler is ours.sampler
    assert minicnn.data.DataLoader(range(7), batch_sampler=[[0]]).batch_size is None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"multiprocessing_context": "fork"}, ValueError, "needs num_workers > 0"),
        ({"multiprocessing_context": "thread", "num_workers": 1}, ValueError, "got 'thread'"),
        ({"multiprocessing_context": 3, "num_workers": 1}, TypeError, "a context or a start"),
        ({"batch_size": None, "drop_last": True}, ValueError, "excludes drop_last"),
    ],
)
def test_arguments_that_do_not_go_together(options, error, message):
    with pytest.raises(error, match=message):
        minicnn.data.DataLoader(range(3), **options)


def test_a_batch_of_its_own_through_the_sampler():
    sampler = minicnn.data.BatchSampler([4, 2, 1], 2, drop_last=False)
    x = minicnn.arange(5) * 10
    loader = minicnn.data.DataLoader(minicnn.data.TensorDataset(x), None, sampler=sampler)
    assert [batch[0].tolist() for batch in loader] == [[40, 20], [10]]


def test_a_batch_that_collate_fn_makes_none_is_given():
    loader = minicnn.data.DataLoader(range(3), 2, collate_fn=lambda samples: None)
    assert list(loader) == [None, None]
