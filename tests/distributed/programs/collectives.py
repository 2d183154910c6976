"""Every rank checks what each operation gives; the numbers of all ranks are known to all.

The first argument is the backend, MPI's when left out. NCCL's works on GPUs.
"""

import datetime
import functools
import sys

import numpy as np
import pytest

import minicnn as mc
import minicnn.distributed as dist
from minicnn.distributed import ReduceOp

backend = (*sys.argv[1:], "mpi")[0]
dist.init_process_group(backend, timeout=datetime.timedelta(seconds=30))
device = "cuda" if backend == "nccl" else "cpu"
mc.set_default_device(device)
rank, size = dist.get_rank(), dist.get_world_size()
RANKS = range(size)
DTYPES = mc.float32, mc.float64, mc.float16, mc.bfloat16, mc.int64, mc.uint8


def numbers(rank, shape, dtype=mc.float32):
    generator = np.random.default_rng([rank, 7])
    return mc.from_numpy(generator.uniform(1, 4, shape)).to(dtype).to(device)


def equal(a, b):
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a.numpy_copy(), b.numpy_copy())


def equal_sum(a, b):
    """Of more than two ranks, NCCL adds the numbers in another order, and halves as halves."""
    if backend == "nccl" and size > 2 and a.is_floating_point():
        rtol = 1e-6 if a.dtype in (mc.float32, mc.float64) else 2e-2
        np.testing.assert_allclose(a.float().numpy_copy(), b.float().numpy_copy(), rtol)
    else:
        equal(a, b)


def in_order(op, shape, dtype):
    """The numbers of all ranks, one after the other; half precision in float32."""
    wide = mc.float32 if dtype in (mc.float16, mc.bfloat16) else dtype
    return functools.reduce(op, [numbers(r, shape, dtype).to(wide) for r in RANKS]).to(dtype)


def test_all_reduce():
    # small ones take one journey, large ones two, and larger ones come in pieces
    for shape in (), (0,), (5,), (3, 1, 7), (70_001,), (3_000, 3_001):
        for dtype in DTYPES if shape != (3_000, 3_001) else (mc.float32,):
            x = numbers(rank, shape, dtype)
            dist.all_reduce(x)
            equal_sum(x, in_order(mc.add, shape, dtype))
    for op, function in (
        (ReduceOp.PRODUCT, mc.mul),
        (ReduceOp.MIN, mc.minimum),
        (ReduceOp.MAX, mc.maximum),
    ):
        x = numbers(rank, (9, 1000))
        dist.all_reduce(x, op)
        equal_sum(x, in_order(function, (9, 1000), mc.float32))
    x = numbers(rank, 6)
    dist.all_reduce(x, op=ReduceOp.AVG)
    equal_sum(x, in_order(mc.add, 6, mc.float32) / size)
    with pytest.raises(TypeError, match="AVG expects floating-point numbers, got int64"):
        dist.all_reduce(mc.ones(2, dtype=mc.int64), ReduceOp.AVG)


def test_memory_layouts():
    for shown in (
        lambda x: x[:, ::2],
        lambda x: x.transpose(0, 1),
        lambda x: x.reshape(2, 3, 4, 25).to(memory_format=mc.channels_last),
    ):
        x, expected = shown(numbers(rank, (6, 100))), shown(in_order(mc.add, (6, 100), mc.float32))
        version = x._version
        dist.all_reduce(x)
        equal_sum(x, expected)
        assert x._version > version


def test_one_rank_gives_or_gets():
    last = size - 1
    for shape in (4,), (50_000,):
        x = numbers(rank, shape)
        dist.broadcast(x, src=last)
        equal(x, numbers(last, shape))
        x = numbers(rank, shape)
        dist.reduce(x, dst=last)
        equal_sum(x, in_order(mc.add, shape, mc.float32) if rank == last else numbers(rank, shape))
    x, rows = numbers(rank, (2, 3)), [mc.zeros(2, 3) for _ in RANKS]
    dist.gather(x, rows if rank == 0 else None)
    for r in RANKS if rank == 0 else ():
        equal(rows[r], numbers(r, (2, 3)))
    x = mc.zeros(5)
    dist.scatter(x, [numbers(r, 5) for r in RANKS] if rank == last else None, src=last)
    equal(x, numbers(rank, 5))


def test_all_ranks_give_and_get():
    rows = [mc.zeros(2, 3) for _ in RANKS]
    dist.all_gather(rows, numbers(rank, (2, 3)))
    stacked, joined = mc.zeros(size, 2, 3), mc.zeros(size * 2, 3)
    dist.all_gather_into_tensor(stacked, numbers(rank, (2, 3)))
    dist.all_gather_into_tensor(joined, numbers(rank, (2, 3)))
    equal(stacked.reshape(-1, 3), joined)
    for r in RANKS:
        equal(rows[r], numbers(r, (2, 3)))
        equal(stacked[r], rows[r])
    own = in_order(mc.add, (size, 4), mc.float32)[rank]
    for out, given in (
        (mc.zeros(4), numbers(rank, (size, 4))),
        (mc.zeros(4), numbers(rank, (size, 4)).reshape(-1)),
    ):
        dist.reduce_scatter_tensor(out, given)
        equal_sum(out, own)
    out = mc.zeros(4)
    dist.reduce_scatter(out, list(numbers(rank, (size, 4))))
    equal_sum(out, own)
    out = mc.zeros(size, 2)
    dist.all_to_all_single(out, numbers(rank, (size, 2)))
    for r in RANKS:
        equal(out[r], numbers(r, (size, 2))[rank])


def test_messages_cross():
    after, before = (rank + 1) % size, (rank - 1) % size
    sent, received, other = numbers(rank, 40_000), mc.zeros(40_000), mc.zeros(2)
    works = [dist.isend(sent, after), dist.irecv(received, before)]
    assert all(work.wait() for work in works) and all(work.is_completed() for work in works)
    equal(received, numbers(before, 40_000))
    if rank == 0:
        dist.send(mc.ones(2) * 5, 1, tag=3)
    elif rank == 1:
        dist.recv(other, tag=3)
        assert other.tolist() == [5, 5]


def test_a_message_waits_while_all_ranks_do_something_else():
    x, received = mc.ones(4), mc.zeros(4)
    works = [dist.isend(mc.full((4,), 7.0), 1)] if rank == 0 else []
    dist.barrier()
    dist.all_reduce(x)
    if rank == 1:
        dist.recv(received, 0)
        assert received.tolist() == [7] * 4
    assert x.tolist() == [size] * 4 and all(work.wait() for work in works)


def test_operations_go_on_while_the_program_does():
    many = [numbers(rank, 1000 + i) for i in range(20)]
    works = [dist.all_reduce(x, async_op=True) for x in many]
    for i, (x, work) in enumerate(zip(many, works)):
        work.wait()
        equal_sum(x, in_order(mc.add, 1000 + i, mc.float32))
        assert work.is_success() and work.exception() is None
    dist.barrier()


def test_groups():
    chosen = [0, size - 1]
    group = dist.new_group(chosen)
    x = mc.ones(3) * rank
    if rank not in chosen:
        assert group is dist.GroupMember.NON_GROUP_MEMBER and dist.get_rank(group) == -1
        with pytest.raises(ValueError, match="not in the group"):
            dist.all_reduce(x, group=group)
        return
    assert dist.get_world_size(group) == 2 and dist.get_rank(group) == chosen.index(rank)
    assert dist.get_process_group_ranks(group) == chosen
    assert dist.get_group_rank(group, size - 1) == 1 and dist.get_global_rank(group, 1) == size - 1
    dist.all_reduce(x, group=group)
    assert x.tolist() == [size - 1] * 3
    dist.broadcast(x, src=size - 1, group=group)
    with pytest.raises(ValueError, match=r"rank 9 is not one of the group's ranks \[0, "):
        dist.broadcast(x, src=9, group=group)
    dist.destroy_process_group(group)


def test_objects_are_json():
    mine = {"rank": rank, "text": "ü" * rank, "list": [1.5, None, True]}
    everyone = [None] * size
    dist.all_gather_object(everyone, mine)
    assert [one["rank"] for one in everyone] == list(RANKS) and everyone[rank] == mine
    objects = ["a", [1, 2]] if rank == 1 else [None, None]
    dist.broadcast_object_list(objects, src=1)
    assert objects == ["a", [1, 2]]
    with pytest.raises(TypeError, match="as JSON"):
        dist.all_gather_object(everyone, object())


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
dist.barrier()
dist.destroy_process_group()
assert not dist.is_initialized() and dist.get_world_size() == 1
print("checked", flush=True)
