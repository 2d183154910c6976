"""What happens when the GPU, or a limit of CuPy's pool, has too little memory for an array."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

import pytest

import minicnn as mc

cp = pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")

pytestmark = [pytest.mark.cuda_only, pytest.mark.without_numbers]

MIB = 1 << 20


def of_bytes(size: int) -> mc.Tensor:
    return mc.empty(size // 4)


@pytest.fixture
def pool() -> Iterator[Any]:
    """CuPy's pool with nothing unused in it; a test may set a limit."""
    pool = cp.get_default_memory_pool()
    gc.collect()
    mc.cuda.empty_cache()
    yield pool
    pool.set_limit(size=0)


@contextlib.contextmanager
def bytes_left(left: int) -> Iterator[None]:
    """Inside, the GPU has so many bytes free."""
    free, total = mc.cuda.mem_get_info()
    if hasattr(cp, "emulation"):
        cp.emulation.memory = total - free + left
        yield
        cp.emulation.memory = total
    else:
        others = cp.cuda.Memory(free - left)
        yield
        del others


def test_the_error_says_what_was_asked_and_who_has_the_rest(pool: Any) -> None:
    kept = of_bytes(8 * MIB)
    with bytes_left(MIB), pytest.raises(mc.cuda.OutOfMemoryError) as caught:
        of_bytes(64 * MIB)
    assert kept.shape == (2 * MIB,)
    message = str(caught.value)
    assert message.startswith("GPU 0 is out of memory: 64.00 MiB were asked for, and 1.00 MiB of ")
    assert f"Arrays take {pool.used_bytes() / MIB:.2f} MiB, CUDA graphs " in message


def test_unused_memory_is_given_back_before_giving_up(pool: Any) -> None:
    pool.set_limit(size=pool.total_bytes() + 7 * MIB)
    of_bytes(4 * MIB)  # which the pool keeps
    assert of_bytes(6 * MIB).shape == (6 * MIB // 4,)


def test_a_limit_of_the_pool(pool: Any) -> None:
    pool.set_limit(size=pool.total_bytes() + MIB)
    with pytest.raises(mc.cuda.OutOfMemoryError, match="MiB were asked for"):
        of_bytes(2 * MIB + pool.free_bytes())


def test_other_errors_of_cuda_stay_as_they_are() -> None:
    from minicnn.cuda_memory import _thorough

    def malloc(size: int) -> None:
        raise cp.cuda.runtime.CUDARuntimeError(1)

    with pytest.raises(cp.cuda.runtime.CUDARuntimeError):
        _thorough(cp, malloc)(1)


def test_an_array_too_many_in_a_graph(pool: Any) -> None:
    """Neither is the error taken for a step that cannot be captured, nor is it an end."""
    size = MIB

    def step(x: mc.Tensor) -> mc.Tensor:
        return x + of_bytes(size).sum()

    x, graph = mc.ones(1), mc.cuda.graph(step)
    for _ in range(2):
        graph(x)
    size = 64 * MIB
    with bytes_left(8 * MIB), pytest.raises(mc.cuda.OutOfMemoryError, match="64.00 MiB were asked"):
        graph(x)
    assert (x + 1).shape == (1,)


@pytest.mark.unlaunched_only
def test_what_a_captured_graph_writes_to_is_not_given_back(pool: Any) -> None:
    def step(x: mc.Tensor) -> mc.Tensor:
        return x + of_bytes(4 * MIB).sum()

    x, graphs = mc.ones(1), [mc.cuda.graph(step) for _ in range(2)]
    for graph, calls in zip(graphs, (3, 1)):
        for _ in range(calls):
            graph(x)
    captured, new = (graph._memory.pool for graph in graphs)
    before = captured.total_bytes()
    assert before >= 4 * MIB and new.free_bytes() >= 4 * MIB
    with bytes_left(2 * MIB):
        of_bytes(5 * MIB)  # there is enough with what the second graph has unused
    assert captured.total_bytes() == before and new.free_bytes() < 4 * MIB
    graphs[0](x)
