"""Values that are needed at the same time do not share memory, and threads wait where they must."""

from functools import partial

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.kernels.cpu.planned import Part, Step
from minicnn.kernels.cpu.runtime.threads import num_threads
from minicnn.plan import stages
from minicnn.plan.memory import _allocate, _Interval
from minicnn.plan.program import Program
from minicnn.plan.stages import divide
from minicnn.plan.sync import barriers

pytestmark = pytest.mark.cpu_only


def test_memory_is_shared_by_what_is_not_needed_at_the_same_time():
    rng = np.random.default_rng(0)
    for _ in range(50):
        intervals = {}
        for i in range(12):
            first = int(rng.integers(0, 10))
            intervals[i] = _Interval(
                int(rng.integers(1, 5000)), first, first + int(rng.integers(0, 4))
            )
        offsets, total = _allocate(intervals)
        for a, x in intervals.items():
            assert offsets[a] % 64 == 0 and offsets[a] + x.size <= total
            for b, y in intervals.items():
                if a != b and x.first <= y.last and y.first <= x.last:
                    apart = offsets[a] + x.size <= offsets[b] or offsets[b] + y.size <= offsets[a]
                    assert apart
        together = sum(interval.size + 64 for interval in intervals.values())
        assert total <= together
    chain = {i: _Interval(1024, i, i + 1) for i in range(10)}
    assert _allocate(chain)[1] == 2048


def halves(function, source, target):
    """A step that computes the halves of ``target`` from those of ``source`` on two threads."""
    return Step("half", [Part([partial(function, source[i], target[i])]) for i in (0, 1)])


def test_threads_wait_only_for_what_others_write():
    a, b, c = (np.zeros((2, 8), np.float32) for _ in range(3))
    blocks = [a, b, c]
    own = [halves(np.negative, a, b), halves(np.negative, b, c)]
    assert barriers(own, blocks) == [False, False]
    crossed = [halves(np.negative, a, b), halves(np.negative, b[::-1], c)]
    assert barriers(crossed, blocks) == [False, True]
    overwritten = [halves(np.negative, a, b), halves(np.negative, c, a[::-1])]
    assert barriers(overwritten, blocks) == [False, True]
    copied = [Step("copy", [Part([partial(np.copyto, b, a)])]), halves(np.negative, b, c)]
    assert barriers(copied, blocks) == [False, True]
    filled = [Step("fill", [Part([partial(b.fill, 1)])]), halves(np.negative, b, c)]
    assert barriers(filled, blocks) == [False, True]
    assert barriers(crossed, [a, c]) == [False, False]  # b belongs to nobody else


def test_a_program_on_two_threads_computes_what_one_computes():
    a, b = np.arange(16, dtype=np.float32).reshape(2, 8), np.zeros((2, 8), np.float32)
    steps = [halves(np.square, a, b), halves(np.negative, b[::-1], a)] * 20
    program, alone = Program(steps[:2], 2, barriers(steps[:2], [a, b])), Program(steps[:2], 1)
    alone()
    expected = a.copy()
    a[...] = np.arange(16).reshape(2, 8)
    program()
    assert np.array_equal(a, expected)


def test_an_error_in_one_thread_ends_the_program():
    a, b = np.zeros((2, 8), np.float32), np.zeros((2, 8), np.float32)

    def fail():
        raise ZeroDivisionError

    wrong = Step("wrong", [Part([partial(fail)]), Part([partial(np.negative, a[1], b[1])])])
    steps = [wrong, halves(np.negative, b[::-1], a), halves(np.negative, a[::-1], b)]
    program = Program(steps, 2, barriers(steps, [a, b]))
    with pytest.raises(ZeroDivisionError):
        program()


def test_images_are_taken_in_turns_so_that_a_thread_needs_little_memory(monkeypatch):
    monkeypatch.setattr(stages, "_STAGE_BYTES", 1000)
    lanes = [slice(0, 8), slice(8, 16)]
    found = divide([100, 500, 200, 10, 10], [90, 80, 80, 80, 0], [True] * 4 + [False], lanes)
    assert [(stage.first, stage.last, stage.most) for stage in found] == [
        (0, 1, 2),
        (2, 2, 4),
        (3, 3, 8),
        (4, 4, 0),
    ]
    joined = divide([100, 500, 200, 10, 10], [90, 80, 30, 30, 0], [True] * 4 + [False], lanes)
    assert [(stage.first, stage.last, stage.most) for stage in joined[:2]] == [(0, 2, 2), (3, 3, 8)]
    turns = found[0].images
    assert turns[1] == [slice(8, 10), slice(10, 12), slice(12, 14), slice(14, 16)]


@pytest.mark.fast_only
@pytest.mark.parametrize("N", [4, 16, 64])
def test_a_plan_needs_memory_for_the_images_of_a_turn_alone(N, monkeypatch):
    """Its buffers do not grow with the batch, apart from what later layers wait for."""
    monkeypatch.setattr(stages, "_STAGE_BYTES", 2 * 16 * 32 * 32 * 4)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.MaxPool2d(8),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10),
    ).eval()
    images, threads = mc.randn(N, 3, 32, 32), num_threads()
    with mc.no_grad():
        compiled = mc.compile(net, options={"cache": False})
        np.testing.assert_allclose(compiled(images).numpy(), net(images).numpy(), atol=1e-5)
    (entry,) = compiled._plans.entries.values()
    arrays = entry.plan.arrays
    waiting = N * (3 * 16 * 4 * 4 + 10) * 4  # the input of the linear layer, and its results
    at_a_time = threads * 2 * 16 * 32 * 32 * 4
    assert sum(block.nbytes for block in arrays.blocks) <= waiting + at_a_time
