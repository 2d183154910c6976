"""A program without ``mpiexec`` is rank 0 of 1, and everything works there."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from switched import switched

import minicnn as mc
import minicnn.distributed as dist
from minicnn import launch, nn
from minicnn.nn.parallel import DistributedDataParallel

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def group() -> Iterator[None]:
    dist.init_process_group("gloo")
    yield
    dist.destroy_process_group()


def test_without_a_group() -> None:
    assert dist.is_available() and not dist.is_initialized()
    assert (dist.get_rank(), dist.get_world_size()) == (0, 1)
    with pytest.raises(ValueError, match="has not been initialized"):
        dist.all_reduce(mc.ones(2))
    with pytest.raises(ValueError, match="backend must be 'mpi', 'gloo', .* or 'nccl', got 'ucc'"):
        dist.init_process_group("ucc")
    with pytest.raises(ValueError, match="takes no store"):
        dist.init_process_group(store=object())  # type: ignore[arg-type]


def test_all_operations_of_one_rank(group: None) -> None:
    assert dist.get_backend() == "gloo" and dist.get_rank() == 0
    with pytest.raises(ValueError, match="twice"):
        dist.init_process_group()
    x = mc.arange(4.0)
    for operation in (dist.all_reduce, dist.broadcast, dist.reduce):
        operation(x)  # type: ignore[operator]
        assert x.tolist() == [0, 1, 2, 3]
    work = dist.all_reduce(x, dist.ReduceOp.AVG, async_op=True)
    assert work is not None and work.is_completed() and work.wait()
    for operation in (
        dist.all_gather_into_tensor,
        dist.reduce_scatter_tensor,
        dist.all_to_all_single,
    ):
        out = mc.zeros(4)
        operation(out, x)  # type: ignore[operator]
        assert out.tolist() == [0, 1, 2, 3]
    out = mc.zeros(4)
    dist.scatter(out, [x])
    dist.gather(x, [out])
    assert out.tolist() == [0, 1, 2, 3]
    objects = [{"a": 1}]
    dist.broadcast_object_list(objects)
    dist.all_gather_object(objects, (1, 2))
    assert objects == [[1, 2]]
    dist.barrier()
    with pytest.raises(ValueError, match="there is only this one"):
        dist.send(x, 0)
    smaller = dist.new_group([0])
    assert dist.get_world_size(smaller) == 1


def test_wrong_tensors(group: None) -> None:
    with pytest.raises(ValueError, match="a tensor for each of 1 ranks, got 2"):
        dist.all_gather([mc.ones(2), mc.ones(2)], mc.ones(2))
    with pytest.raises(TypeError, match="must be a ReduceOp"):
        dist.all_reduce(mc.ones(2), "sum")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="scatter_list must be given"):
        dist.scatter(mc.ones(2))


def test_training_alone_changes_nothing(group: None) -> None:
    mc.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    x = mc.randn(5, 3)
    (net(x) ** 2).sum().backward()
    expected = [p.grad.numpy_copy() for p in net.parameters()]  # type: ignore[union-attr]
    for options in {}, {"find_unused_parameters": True}, {"bucket_cap_mb": 1e-5}:
        wrapped = DistributedDataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(net), **options)  # type: ignore[arg-type]
        net.zero_grad()
        (wrapped(x) ** 2).sum().backward()
        for parameter, grad in zip(net.parameters(), expected):
            np.testing.assert_array_equal(parameter.grad.array, grad)  # type: ignore[union-attr]
        wrapped.reducer.close()
    assert next(iter(wrapped.state_dict())) == "module.0.weight"
    for copied in copy.deepcopy(wrapped), pickle.loads(pickle.dumps(wrapped)):
        (copied(x) ** 2).sum().backward()
        assert copied.module[0].weight.grad is not None


def test_one_backward_for_each_forward(group: None) -> None:
    net = DistributedDataParallel(nn.Linear(2, 1))
    first, second = net.module.weight.sum(), net.module.bias.sum()
    net(mc.ones(1, 2))
    with pytest.raises(RuntimeError, match="gave none to bias"):
        first.backward()
    net(mc.ones(1, 2))
    (first.detach() + second + net.module.weight.sum()).backward()


def test_what_launchers_say() -> None:
    assert launch.environment({"HOME": "/"}) == {}
    mpich = {"PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}
    assert launch.environment(mpich) == {
        "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"
    }  # fmt: skip
    assert launch.environment({**mpich, "RANK": "7"})["WORLD_SIZE"] == "4"
    assert "RANK" not in launch.environment({**mpich, "RANK": "7"})
    slurm = {"PMIX_RANK": "2", "SLURM_NTASKS": "8", "SLURM_LOCALID": "0"}
    assert launch.environment(slurm) == {"RANK": "2", "WORLD_SIZE": "8", "LOCAL_RANK": "0"}


SPAWNING = """
import torch.distributed as dist, torch.multiprocessing as mp
def work(rank, world_size):
    dist.init_process_group("gloo", rank=rank, world_size=world_size)
if __name__ == "__main__":
    mp.spawn(work, args=(2,), nprocs=2)
"""


def test_a_script_that_spawns_ranks_is_told_how_to_start(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SPAWNING)
    done = switched("train.py", folder=tmp_path)
    assert done.returncode != 0
    assert "start the program with `mpiexec -n 2 python -m minicnn.torch train.py`" in done.stderr


def test_the_package_needs_no_mpi() -> None:
    code = "import sys, minicnn.data, minicnn.distributed; print('mpi4py' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
