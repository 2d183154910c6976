"""Every rank trains on its share and, beside it, alone on the whole batch, and compares.

At the end rank 0 prints a checksum of all parameters, which must be the same in every run. The
first argument is the backend, MPI's when left out. NCCL's works on GPUs.
"""

import datetime
import hashlib
import sys

import numpy as np
import pytest

import minicnn as mc
import minicnn.distributed as dist
import minicnn.nn.functional as F
from minicnn import nn, optim
from minicnn.nn.parallel import DistributedDataParallel

backend = (*sys.argv[1:], "mpi")[0]
dist.init_process_group(backend, timeout=datetime.timedelta(seconds=30))
device = "cuda" if backend == "nccl" else "cpu"
mc.set_default_device(device)
rank, size = dist.get_rank(), dist.get_world_size()
SAMPLES = 24
EVEN = [SAMPLES // size] * size
UNEVEN = [SAMPLES - 3 * (size - 1)] + [3] * (size - 1)


def network(seed, norm=nn.BatchNorm2d):
    mc.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        norm(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1).to(memory_format=mc.channels_last),
        norm(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 16, 5),
    )


def batch(step):
    generator = np.random.default_rng(step)
    x = generator.standard_normal((SAMPLES, 3, 8, 8)).astype(np.float32)
    labels = generator.integers(0, 5, SAMPLES)
    return mc.from_numpy(x).to(device), mc.from_numpy(labels).to(device)


def own(tensor, sizes):
    begin = sum(sizes[:rank])
    return tensor[begin : begin + sizes[rank]]


def close(a, b, atol=1e-6):
    np.testing.assert_allclose(a.numpy_copy(), b.numpy_copy(), rtol=1e-5, atol=atol)


def same_on_all_ranks(tensors):
    for tensor in tensors:
        rows = mc.empty(size, *tensor.shape, dtype=tensor.dtype)
        dist.all_gather_into_tensor(rows, tensor.detach())
        assert len({row.tobytes() for row in rows.numpy_copy()}) == 1


def pair(**options):
    """A network on all ranks, each of which made another one, and rank 0's alone."""
    shared = DistributedDataParallel(
        network(rank, nn.SyncBatchNorm), bucket_cap_mb=0.004, **options
    )
    return shared, network(0)


def losses(shared, alone, step, sizes=EVEN):
    x, y = batch(step)
    share = sizes[rank] * size / SAMPLES
    here = F.cross_entropy(shared(own(x, sizes)), own(y, sizes)) * share
    return here, F.cross_entropy(alone(x), y)


def compare(shared, alone):
    for ours, theirs in zip(shared.parameters(), alone.parameters()):
        close(ours.grad, theirs.grad)


def test_gradients_and_statistics_are_those_of_the_whole_batch():
    for sizes in EVEN, UNEVEN:
        shared, alone = pair()
        same_on_all_ranks(shared.state_dict().values())
        for loss in losses(shared, alone, 0, sizes):
            loss.backward()
        compare(shared, alone)
        same_on_all_ranks([p.grad for p in shared.parameters()])
        for ours, theirs in zip(shared.buffers(), alone.buffers()):
            close(ours, theirs)


def test_batch_norm_passes_on_the_gradient_of_the_whole_batch():
    x, _ = batch(0)
    weights = np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    weights = mc.from_numpy(weights).to(device)
    for sizes in EVEN, UNEVEN, [SAMPLES - size + 2, 0] + [1] * (size - 2):
        shares = own(x, sizes).clone().requires_grad_()
        sync = nn.SyncBatchNorm(3, momentum=None)
        (sync(shares) * own(weights, sizes)).sum().backward()
        whole = x.clone().requires_grad_()
        norm = nn.BatchNorm2d(3, momentum=None)
        (norm(whole) * weights).sum().backward()
        close(shares.grad, own(whole.grad, sizes))
        for parameter in sync.parameters():  # each rank has the gradient of its share
            dist.all_reduce(parameter.grad)
        close(sync.weight.grad, norm.weight.grad, atol=1e-4)
        close(sync.bias.grad, norm.bias.grad, atol=1e-4)
        close(sync.running_var, norm.running_var)
        close(sync.eval()(x), norm.eval()(x))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        nn.SyncBatchNorm(3)(mc.ones(rank == 0, 3))


def test_accumulated_gradients():
    shared, alone = pair()
    with shared.no_sync():
        here, whole = losses(shared, alone, 0)
        here.backward()
    whole.backward()
    if rank:
        with pytest.raises(AssertionError):
            compare(shared, alone)
    for loss in losses(shared, alone, 1):
        loss.backward()
    compare(shared, alone)


def test_clipping_and_the_scaler_decide_the_same_everywhere():
    shared, alone = pair()
    for loss in losses(shared, alone, 0):
        loss.backward()
    norms = [nn.utils.clip_grad_norm_(net.parameters(), 0.1) for net in (shared, alone)]
    close(*norms)
    compare(shared, alone)

    scaler = mc.amp.GradScaler(device, init_scale=1024.0)
    optimizer = optim.SGD(shared.parameters(), 0.1)
    before = [p.detach().clone() for p in shared.parameters()]
    here, _ = losses(shared, alone, 1)
    optimizer.zero_grad()
    scaler.scale(here * (float("inf") if rank == 1 else 1.0)).backward()
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 512.0
    for old, new in zip(before, shared.parameters()):
        np.testing.assert_array_equal(old.numpy_copy(), new.numpy_copy())


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.used = nn.Linear(4, 2)
        self.on_rank_1 = nn.Linear(4, 2)
        self.nowhere = nn.Linear(4, 2)

    def forward(self, x):
        return self.used(x) + (self.on_rank_1(x) if rank == 1 else 0)


def test_parameters_without_a_gradient():
    net = DistributedDataParallel(Branches(), find_unused_parameters=True)
    for step in range(2):
        net(mc.ones(3, 4)).sum().backward()
        assert net.module.nowhere.weight.grad is None
        close(net.module.on_rank_1.weight.grad, mc.full((2, 4), 3.0 * (step + 1) / size))
        same_on_all_ranks([net.module.used.weight.grad, net.module.on_rank_1.bias.grad])
    net = DistributedDataParallel(Branches())
    missing = (
        "nowhere.weight, nowhere.bias" if rank == 1 else "on_rank_1.weight, on_rank_1.bias, now"
    )
    with pytest.raises(RuntimeError, match=f"on rank {rank} backward gave none to {missing}"):
        net(mc.ones(3, 4)).sum().backward()


def test_buffers_are_those_of_the_first_rank():
    net = DistributedDataParallel(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    x = np.random.default_rng(rank).standard_normal((4, 3)).astype(np.float32)
    x = mc.from_numpy(x).to(device)
    net(x)
    kept = net.module[1].running_mean.clone()
    dist.broadcast(kept)
    net.eval()
    if rank == 0:
        net.module(x)  # one rank alone, without the others
    net(x)
    np.testing.assert_array_equal(net.module[1].running_mean.numpy_copy(), kept.numpy_copy())
    for _ in range(rank):
        net(x)  # another number of times on each rank


def test_parameters_stay_equal():
    shared, _ = pair()
    mc.manual_seed(rank)
    optimizer = optim.SGD(shared.parameters(), 0.05, momentum=0.9)
    for step in range(50):
        x, y = batch(step)
        optimizer.zero_grad()
        out = F.dropout(shared(own(x, UNEVEN)), 0.2)
        F.cross_entropy(out, own(y, UNEVEN)).backward()
        optimizer.step()
    same_on_all_ranks(shared.state_dict().values())
    if rank == 0:
        numbers = b"".join(value.numpy_copy().tobytes() for value in shared.state_dict().values())
        print("checksum", hashlib.sha256(numbers).hexdigest(), flush=True)


def test_another_network():
    for other, message in (
        (
            nn.Linear(3, 2 + (rank == 1)),
            r"rank 1 has 'weight' \(float32, shape \(3, 3\)\) where rank 0",
        ),
        (nn.Linear(3, 2, bias=rank != 1), "rank 1 has 1 tensors where rank 0 has 2 tensors"),
    ):
        group = dist.new_group()
        if rank == 1:
            with pytest.raises(RuntimeError, match=message):
                DistributedDataParallel(other, process_group=group, init_sync=False)
        else:
            DistributedDataParallel(other, process_group=group, init_sync=False)
    with pytest.raises(RuntimeError, match="a parameter that requires a gradient, got none"):
        DistributedDataParallel(nn.ReLU())


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
dist.barrier()
print("checked", flush=True)
