from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from shards import picture_shards

from minicnn.data import DataLoader, WebDataset
from minicnn.data.webdataset.sharing import Reader, rank_and_world_size

pytestmark = pytest.mark.cpu_only

WORKERS = [(shards, *workers) for shards in (1, 4) for workers in ((0, None), (3, "thread"))]


@pytest.fixture
def set_rank(monkeypatch):
    def set_rank(rank: int, world_size: int) -> None:
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", str(world_size))

    return set_rank


def classes(loader: DataLoader) -> list[int]:
    return [int(number) for batch in loader for number in batch["cls"]]


@pytest.mark.parametrize("shards", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("readers", [1, 2, 3, 5, 7])
def test_each_sample_has_one_reader(shards, readers):
    read = [
        (shard, sample)
        for number in range(readers)
        for shard, first, step in Reader(number, readers).share(shards)
        for sample in range(first, 20, step)
    ]
    assert sorted(read) == [(shard, sample) for shard in range(shards) for sample in range(20)]
    if shards >= readers:
        shares = [len(list(Reader(number, readers).share(shards))) for number in range(readers)]
        assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize(("rank", "world_size"), [(2, 2), (-1, 2), (1, 1), (0, 0)])
def test_a_rank_out_of_range(set_rank, rank, world_size):
    set_rank(rank, world_size)
    with pytest.raises(ValueError, match=f"WORLD_SIZE - 1, got {rank} of {world_size}"):
        rank_and_world_size()


@pytest.mark.parametrize(("shards", "num_workers", "worker_type"), [*WORKERS, (4, 2, "process")])
def test_workers_do_not_repeat_samples(tmp_path, shards, num_workers, worker_type):
    dataset = WebDataset(picture_shards(tmp_path, shards, 5), shuffle=3)
    loader = DataLoader(dataset, 2, num_workers=num_workers, worker_type=worker_type)
    first, second = classes(loader), classes(loader)
    assert sorted(first) == sorted(second) == list(range(5 * shards))
    assert first != second


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(("shards", "world_size"), [(4, 2), (7, 3), (2, 3)])
def test_ranks_do_not_repeat_samples(tmp_path, set_rank, shards, world_size, num_workers):
    dataset = WebDataset(picture_shards(tmp_path, shards, 4), shardshuffle=True)
    loader = DataLoader(dataset, 2, num_workers=num_workers)
    for epoch in range(2):
        seen = []
        for rank in range(world_size):
            set_rank(rank, world_size)
            loader.set_epoch(epoch)
            seen += classes(loader)
        assert sorted(seen) == list(range(4 * shards))


def test_a_worker_process_has_the_rank_of_its_program(tmp_path, monkeypatch):
    dataset = WebDataset(picture_shards(tmp_path, 4, 3))
    program = SimpleNamespace(
        is_initialized=lambda: True, get_rank=lambda: 1, get_world_size=lambda: 2
    )
    monkeypatch.setitem(sys.modules, "minicnn.distributed", program)
    assert rank_and_world_size() == (1, 2)
    loader = DataLoader(dataset, 3, num_workers=2, worker_type="process")
    assert classes(loader) == [3, 4, 5, 9, 10, 11]
    monkeypatch.undo()
    assert rank_and_world_size() == (0, 1)
    assert classes(DataLoader(dataset, 3)) == list(range(12))


def test_the_shares_are_webdatasets(tmp_path, set_rank):
    wds = pytest.importorskip("webdataset")
    pattern = picture_shards(tmp_path, 7, 2)
    for rank in range(2):
        set_rank(rank, 2)
        theirs = wds.WebDataset(pattern, shardshuffle=False, nodesplitter=wds.split_by_node)
        theirs = [sample["__url__"] for sample in theirs]
        assert [sample["__url__"] for sample in WebDataset(pattern)] == theirs
