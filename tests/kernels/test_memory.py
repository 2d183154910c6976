"""Memory of large arrays that is used again."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import random
import threading

import numpy as np
import pytest

import minicnn as mc
from minicnn import memory
from minicnn.autograd import Function
from minicnn.data import DataLoader, TensorDataset

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]

MIB = 1 << 20
FLOAT = np.dtype(np.float32)


@pytest.fixture(autouse=True)
def pool(monkeypatch):
    """A pool of the test's own."""
    pool = memory._Pool()
    monkeypatch.setattr(memory, "_pool", pool)
    return pool


def address(array):
    return array.__array_interface__["data"][0]


def reserved(pool):
    return sum(segment.size for segment in pool.segments)


@pytest.mark.parametrize("shape", [(), (0,), (3, 4), (512, 513), (2, 1024, 1024)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "bool", mc.bfloat16])
def test_arrays_are_as_numpys(shape, dtype):
    array, expected = memory.empty(shape, dtype), np.empty(shape, dtype)
    assert (array.shape, array.dtype) == (expected.shape, expected.dtype)
    assert array.strides == expected.strides and array.flags.writeable and array.flags.aligned
    array.fill(1)
    assert not memory.zeros(shape, dtype).astype("float32").any()
    assert array.astype("float32").all()


def test_memory_is_used_again():
    first = memory.empty((MIB,), FLOAT)
    place = address(first)
    del first
    assert address(memory.empty((1024, 1024), FLOAT)) == place
    assert address(memory.empty((MIB // 2,), np.float64)) == place
    assert address(memory.empty((MIB // 2,), FLOAT)) == place  # a part of it


def test_small_arrays_are_numpys_own(pool):
    array = memory.empty((1000,), FLOAT)
    assert array.flags.owndata and not pool.segments


@pytest.mark.parametrize(
    "look",
    [
        lambda a: a[5:],
        lambda a: a.reshape(1024, -1).T,
        lambda a: a.view(np.int32),
        lambda a: memoryview(a),
        lambda a: np.from_dlpack(a),
        lambda a: mc.from_numpy(a),
        lambda a: mc.from_numpy(a).reshape(2, -1).numpy()[0],
    ],
    ids=["slice", "transpose", "view", "memoryview", "dlpack", "tensor", "numpy"],
)
def test_any_view_keeps_the_memory(look):
    array = memory.empty((MIB,), FLOAT)
    array.fill(1)
    view = look(array)
    del array
    other = memory.zeros((MIB,), FLOAT)
    values = view.numpy() if isinstance(view, mc.Tensor) else np.asarray(view)
    assert not np.shares_memory(values, other)
    assert np.asarray(values).view(FLOAT).min() == 1


def test_arrays_in_use_never_overlap(pool):
    rng = random.Random(0)
    alive = {}
    for number in range(1, 2000):
        if len(alive) > 20 or (alive and rng.random() < 0.4):
            marked = rng.choice(list(alive))
            assert (alive.pop(marked) == marked).all()
        alive[number] = memory.empty((rng.choice([1, 2, 3, 5]) * MIB // 4 + number,), FLOAT)
        alive[number].fill(number)
    assert all((array == number).all() for number, array in alive.items())
    alive.clear()
    memory.empty((MIB,), FLOAT)  # collects what has been returned
    assert len(pool.segments) > 1
    assert all(segment.is_unused() for segment in pool.segments[1:])


def test_neighbouring_gaps_become_one():
    arrays = [memory.empty((4 * MIB,), FLOAT) for _ in range(4)]
    place = address(arrays[0])
    for i in (1, 3, 2, 0):
        arrays[i] = None
    assert address(memory.empty((16 * MIB,), FLOAT)) == place


def test_training_needs_no_more_memory_from_step_to_step(pool):
    net = mc.nn.Sequential(
        mc.nn.Conv2d(3, 32, 3, padding=1), mc.nn.ReLU(), mc.nn.MaxPool2d(2), mc.nn.Flatten(),
        mc.nn.Linear(32 * 32 * 32, 100),
    )  # fmt: skip
    optimizer = mc.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    images = mc.randn(32, 3, 64, 64)
    seen = []
    for _ in range(4):
        net(images).square().mean().backward()
        seen.append([address(segment.memory) for segment in pool.segments])
        optimizer.step()
        optimizer.zero_grad()
    assert seen[0] == seen[1] == seen[2] == seen[3] != []


def test_unused_segments_make_room_for_larger_ones(pool):
    small = memory.empty((MIB,), FLOAT)
    del small
    large = memory.empty((100 * MIB,), np.uint8)
    assert reserved(pool) == large.nbytes


def test_empty_cache_gives_back_what_is_not_in_use(pool):
    kept, dropped = memory.empty((MIB,), FLOAT), memory.empty((100 * MIB,), np.uint8)
    del dropped
    mc.cpu.empty_cache()
    assert reserved(pool) == memory._SEGMENT_BYTES
    del kept
    mc.cpu.empty_cache()
    assert reserved(pool) == 0


def test_an_array_outlives_the_pool_and_empty_cache(pool):
    array = memory.empty((MIB,), FLOAT)
    array.fill(3)
    pool.forget()
    gc.collect()
    other = memory.zeros((MIB,), FLOAT)
    assert (array == 3).all() and not np.shares_memory(array, other)
    del array  # returns to a segment that the pool no longer has
    assert len({address(memory.empty((MIB,), FLOAT)) for _ in range(3)}) == 1


def test_threads_share_the_pool(pool):
    failures = []

    def work(number):
        rng = random.Random(number)
        mine = []
        for _ in range(200):
            mine.append(memory.empty((MIB // 4 + rng.randrange(MIB),), FLOAT))
            mine[-1][::4096] = number
            if len(mine) > 3 and (mine.pop(rng.randrange(4))[::4096] != number).any():
                failures.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    memory.empty_cache()
    assert reserved(pool) == 0


def test_finalisers_may_run_while_the_pool_is_locked(pool):
    array = memory.empty((MIB,), FLOAT)
    with pool.lock:
        del array  # would wait for ever if it took the lock
    assert len(pool.returned) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_keeps_its_arrays_and_starts_a_pool_of_its_own(pool):
    array, unused = memory.empty((MIB,), FLOAT), memory.empty((MIB,), FLOAT)
    array.fill(7)
    del unused
    with pool.lock:  # as another thread might hold it
        child = os.fork()
    if child == 0:
        status = 1
        try:
            other = memory.zeros((MIB,), FLOAT)
            fine = (array == 7).all() and not np.shares_memory(array, other)
            status = 0 if fine and len(pool.segments) == 1 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (array == 7).all()


def tensor_from_the_pool():
    array = memory.empty((1, 64, 64, 128), FLOAT).transpose(0, 3, 1, 2)
    array[...] = np.arange(array.size, dtype=FLOAT).reshape(array.shape)
    return mc.Tensor.of(array, requires_grad=True)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
def test_copies_have_memory_of_their_own(copied):
    x = tensor_from_the_pool()
    y = copied(x)
    assert not np.shares_memory(x.array, y.array)
    assert np.array_equal(x.array, y.array) and y.requires_grad


def test_saving_and_loading(tmp_path):
    x = tensor_from_the_pool().detach()
    mc.save({"x": x}, tmp_path / "x.pt")
    assert np.array_equal(mc.load(tmp_path / "x.pt")["x"].array, x.array)


def test_numpy_and_from_numpy_share_memory():
    x = tensor_from_the_pool().detach()
    array = x.numpy()
    array[0, 0, 0, 0] = -1
    assert x[0, 0, 0, 0].item() == -1
    assert np.shares_memory(mc.from_numpy(array).array, x.array)


class Gradient(Function):
    """Its backward returns the array that ``make`` makes of the node."""

    def forward(self, x, make):
        self.make = make
        return x * 1

    def backward(self, grad):
        return mc.Tensor.of(self.make(self))


def keep(node, array):
    node.kept = array
    return array


@pytest.mark.parametrize(
    ("make", "taken"),
    [
        (lambda node: memory.zeros((2, 3), FLOAT), True),
        (lambda node: memory.zeros((6,), FLOAT).reshape(2, 3), True),
        (lambda node: memory.zeros((4, 3), FLOAT)[:2], False),
        (lambda node: keep(node, memory.zeros((2, 3), FLOAT)), False),
        (lambda node: keep(node, memory.zeros((6,), FLOAT)).reshape(2, 3), False),
    ],
    ids=["new", "view of a new one", "part", "kept by the node", "view of a kept one"],
)
def test_a_gradient_in_the_pool_is_taken_if_nobody_else_sees_it(monkeypatch, make, taken):
    monkeypatch.setattr(memory, "_MIN_BYTES", 1)
    x, made = mc.zeros(2, 3, requires_grad=True), []

    def noted(node):
        made.append(make(node))
        return made[0]

    Gradient.apply(x, make=noted).sum().backward()
    assert np.shares_memory(x.grad.array, made[0]) == taken


def test_adding_to_gradients_in_the_pool_changes_none_that_a_node_keeps(monkeypatch):
    monkeypatch.setattr(memory, "_MIN_BYTES", 1)

    def ones(node):
        array = keep(node, memory.empty((2, 3), FLOAT))
        array.fill(1)
        return array

    x = mc.zeros(2, 3, requires_grad=True)
    y = x * 1
    first, second = Gradient.apply(y, make=ones), Gradient.apply(y, make=ones)
    (first + second).sum().backward(retain_graph=True)
    assert x.grad.tolist() == [[2.0] * 3] * 2
    assert (first.grad_fn.kept == 1).all() and (second.grad_fn.kept == 1).all()


def test_workers_of_a_loader_are_handed_such_tensors():
    x = mc.cat([tensor_from_the_pool().detach()] * 4)
    x = mc.nn.functional.relu(x)  # a kernel's result
    batches = list(DataLoader(TensorDataset(x), batch_size=2, num_workers=2))
    assert np.array_equal(np.concatenate([batch.numpy() for (batch,) in batches]), x.numpy())
