"""Hyperparameters in device memory: sent at once, or before each replay of a graph."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

from minicnn.kernels.cuda.runtime.hyperparameters import ReplayedValues, device_values


def counter(*first):
    """A function that returns ``first``, and with each call numbers that are larger by one."""
    state = np.array(first) - 1

    def compute():
        state[...] += 1
        return state.tolist()

    return compute


def test_outside_a_graph_they_are_computed_and_sent(cp):
    compute = counter(1, 10)
    first = device_values(compute, 2, np.float64)
    second = device_values(compute, 2, np.uint64)
    assert (first.dtype, second.dtype) == (np.float64, np.uint64)
    assert (first.get().tolist(), second.get().tolist()) == ([1, 10], [2, 11])


def test_in_a_graph_they_are_computed_before_each_replay(cp):
    numbers, order, compute = ReplayedValues(), [], counter(0.5)

    def second():
        order.append("second")
        return [2**64 - 1, 7, 8]

    def first():
        order.append("first")
        return compute()

    with numbers.capturing():
        lr = device_values(first, 1, np.float64)
        seed = device_values(second, 3, np.uint64)
    assert order == []
    for turn in (0, 1, 0):
        numbers.refresh(turn, cp.cuda.get_current_stream())
    assert order == ["first", "second"] * 3
    assert lr.get().tolist() == [2.5]
    assert seed.get().tolist() == [2**64 - 1, 7, 8]
    assert device_values(first, 1, np.float32).get().tolist() == [3.5]  # the capture is over


def test_too_many(cp):
    numbers = ReplayedValues()
    with numbers.capturing():
        device_values(list, 100_000, np.float64)
        with pytest.raises(RuntimeError, match="may take 1048576 bytes, got 1600000"):
            device_values(list, 100_000, np.float64)
