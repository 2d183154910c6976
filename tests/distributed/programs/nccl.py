"""What NCCL's backend does beside the operations themselves; the GPU is an emulated one."""

import datetime
import os

import numpy as np
import pytest
from cupy import emulation
from cupy.cuda import nccl

import minicnn as mc
import minicnn.distributed as dist
import minicnn.nn.functional as F
from minicnn import nn, optim
from minicnn.distributed.process_group import the_group
from minicnn.kernels.cuda.gemm import tiles
from minicnn.nn.parallel import DistributedDataParallel

tiles.share({"a GPU": {f"measured by rank {os.environ['PMI_RANK']}": []}})
dist.init_process_group("nccl", timeout=datetime.timedelta(seconds=30))
mc.set_default_device("cuda")
rank, size = dist.get_rank(), dist.get_world_size()


def test_the_first_rank_chooses_the_tiles():
    assert tiles.table() == {"a GPU": {"measured by rank 0": []}}


def test_each_array_travels_where_it_lies():
    nccl.calls.clear()
    on_host = mc.ones(3, device="cpu") * rank
    dist.all_reduce(on_host)
    objects = [None] * size
    dist.all_gather_object(objects, rank)
    assert on_host.tolist() == [sum(range(size))] * 3 and objects == list(range(size))
    assert not nccl.calls
    rows = mc.zeros(size, 2)
    dist.all_gather_into_tensor(rows, mc.ones(2) * rank)
    assert rows[:, 0].tolist() == list(range(size)) and nccl.calls == {"allGather": 1}


def test_a_result_is_there_after_wait():
    x = mc.ones(4)
    work = dist.all_reduce(x, async_op=True)
    assert not work.is_completed() and x.tolist() == [1] * 4
    assert work.wait(timeout=20) and work.is_completed() and work.is_success()
    assert x.tolist() == [size] * 4


def test_memory_stays_until_the_result_is_there():
    def begin():
        return the_group().backend.all_reduce(mc.ones(1000).array, dist.ReduceOp.SUM)

    works = [begin() for _ in range(3)]
    assert all(work.wait() for work in works)


def test_truth_values_and_other_dtypes():
    for op, expected in (dist.ReduceOp.SUM, True), (dist.ReduceOp.PRODUCT, False):
        x = mc.tensor([rank == 0, rank >= 0])
        dist.all_reduce(x, op)
        assert x.numpy_copy().view(np.uint8).tolist() == [expected, True] and x.dtype == mc.bool
    short = mc.ones(3, dtype=mc.int16) * rank
    dist.broadcast(short, src=size - 1)
    assert short.tolist() == [size - 1] * 3
    with pytest.raises(TypeError, match="NCCL adds numbers of the dtypes int8, .*, got int16"):
        dist.all_reduce(short)


def test_a_group_has_a_communicator_of_its_own():
    group = dist.new_group([0])
    nccl.calls.clear()
    x = mc.ones(2)
    if rank == 0:
        dist.all_reduce(x, group=group)
        dist.destroy_process_group(group)
        assert nccl.calls == {"allReduce": 1}
    assert x.tolist() == [1, 1]


def network(norm=nn.SyncBatchNorm):
    mc.manual_seed(3)
    net = nn.Sequential(nn.Linear(6, 16), norm(16), nn.ReLU(), nn.Linear(16, 16), nn.Linear(16, 3))
    return DistributedDataParallel(net, bucket_cap_mb=0.0005)


def batches(count):
    generator = np.random.default_rng(rank)
    return [
        (
            mc.from_numpy(generator.standard_normal((4, 6)).astype(np.float32)).to("cuda"),
            mc.from_numpy(generator.integers(0, 3, 4)).to("cuda"),
        )
        for _ in range(count)
    ]


def test_gradients_travel_during_backward_and_the_program_never_waits():
    net, ((x, target),) = network(), batches(1)
    begun = []
    net.module[0].weight.register_hook(lambda grad: begun.append(nccl.calls["allReduce"]))
    loss = F.cross_entropy(net(x), target)
    nccl.calls.clear()
    fetched = emulation.copies_to_host
    loss.backward()
    assert emulation.copies_to_host == fetched
    # one is SyncBatchNorm's; two layers' gradients are on their way when the first layer's come
    assert begun[0] >= 3 and nccl.calls["allReduce"] > begun[0]


def test_half_precision_gradients():
    net = DistributedDataParallel(nn.Linear(6, 3).to(mc.bfloat16))
    (x, _), alone = batches(1)[0], nn.Linear(6, 3).to(mc.bfloat16)
    net(x.to(mc.bfloat16)).sum().backward()
    total = mc.zeros(6)
    for other in range(size):
        generator = np.random.default_rng(other)
        numbers = generator.standard_normal((4, 6)).astype(np.float32)
        own = mc.from_numpy(numbers).to("cuda").to(mc.bfloat16)
        alone.zero_grad()
        alone(own).sum().backward()
        total += alone.weight.grad[0].float()
    assert net.module.weight.grad.dtype == mc.bfloat16
    np.testing.assert_allclose(
        net.module.weight.grad[0].float().numpy_copy(), total.numpy_copy() / size, rtol=2e-2
    )


def training(graphed, precision):
    """Losses, scales and weights of some steps; on the last rank some gradients overflow."""
    net = network()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    scaler = mc.amp.GradScaler(init_scale=2.0**10, enabled=precision == mc.float16)

    def step(x, target):
        optimizer.zero_grad()
        with mc.autocast("cuda", dtype=precision, enabled=precision is not None):
            loss = F.cross_entropy(net(x), target)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss

    step = mc.cuda.graph(step) if graphed else step
    results = []
    for number, (x, target) in enumerate(batches(7)):
        if precision == mc.float16 and number in (1, 5) and rank == size - 1:
            x = x * float("inf")
        results.append(step(x, target).numpy_copy())
        results.append(scaler.get_scale())
    return results + [value.numpy_copy() for value in net.state_dict().values()]


def test_captured_steps_do_what_the_steps_do():
    for precision in None, mc.bfloat16, mc.float16:
        expected = training(False, precision)
        results = training(True, precision)
        for ours, theirs in zip(results, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        if precision == mc.float16:
            assert expected[3] == 2.0**9 and expected[13] == 2.0**8  # all ranks skip the same steps


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
dist.barrier()
dist.destroy_process_group()
print("checked", flush=True)
