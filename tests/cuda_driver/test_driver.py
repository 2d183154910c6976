"""The stand-in for the driver refuses what a GPU would refuse, or crash at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from cuda_driver import thrust

pytestmark = [pytest.mark.unlaunched_only, pytest.mark.without_numbers]

SOURCE = """
extern "C" __global__ void fill(float* x, int n) { x[0] = n; }
extern "C" __global__ void big(float* x) { extern __shared__ float s[]; s[threadIdx.x] = x[0]; }
extern "C" __global__ void __launch_bounds__(64) few(float* x) { x[threadIdx.x] = 1; }
"""


@pytest.fixture
def cp() -> Any:
    import cupy

    return cupy


@pytest.fixture
def kernel(cp: Any) -> Callable[[str], Any]:
    return cp.RawModule(code=SOURCE).get_function


def test_numbers_survive_copies(cp: Any) -> None:
    numbers = np.arange(12.0).reshape(3, 4)
    x = cp.asarray(numbers)
    assert (x.get() == numbers).all() and (x[1:].get() == numbers[1:]).all()
    with cp.cuda.Device(1):
        y = cp.asarray(x)
    assert y.device.id == 1 and (y.get() == numbers).all()


def refused(call: Callable[[], Any], capfd: pytest.CaptureFixture[str], reason: str) -> None:
    with pytest.raises(Exception, match="CUDA error|cudaError"):
        call()
    assert reason in capfd.readouterr().err


def test_a_launch_on_another_device(cp: Any, kernel: Any, capfd: Any) -> None:
    with cp.cuda.Device(1):
        x = cp.zeros(8, np.float32)
    refused(
        lambda: kernel("fill")((1,), (1,), (x, np.int32(8))),
        capfd,
        "fill runs on device 0 and gets memory of device 1",
    )
    with cp.cuda.Device(1):
        kernel("fill")((1,), (1,), (x, np.int32(8)))


def test_a_stream_of_another_device(cp: Any, kernel: Any, capfd: Any) -> None:
    with cp.cuda.Device(1):
        stream = cp.cuda.Stream()
    x = cp.zeros(8, np.float32)
    launch = lambda: kernel("fill")((1,), (1,), (x, np.int32(8)), stream=stream)
    refused(launch, capfd, "its stream is on device 1")


@pytest.mark.parametrize(
    "grid, block, reason",
    [
        ((1,), (1025,), "blocks of (1025"),
        ((1, 65536), (1,), "a grid of (1, 65536"),
        ((1,), (1, 1, 65), "65)"),
    ],
)
def test_sizes_of_a_launch(
    cp: Any, kernel: Any, capfd: Any, grid: Any, block: Any, reason: str
) -> None:
    x = cp.zeros(8, np.float32)
    refused(lambda: kernel("fill")(grid, block, (x, np.int32(8))), capfd, reason)


def test_launch_bounds(cp: Any, kernel: Any, capfd: Any) -> None:
    x = cp.zeros(128, np.float32)
    kernel("few")((1,), (64,), (x,))
    refused(lambda: kernel("few")((1,), (128,), (x,)), capfd, "its launch bounds say 64")


def test_shared_memory_has_to_be_asked_for(cp: Any, kernel: Any, capfd: Any) -> None:
    x, big = cp.zeros(8, np.float32), kernel("big")
    launch = lambda: big((1,), (32,), (x,), shared_mem=100 << 10)
    refused(launch, capfd, "49152 are allowed")
    big.max_dynamic_shared_size_bytes = 100 << 10
    launch()
    with pytest.raises(Exception, match="CUDA error"):
        big.max_dynamic_shared_size_bytes = 228 << 10


def test_freed_memory(cp: Any, kernel: Any, capfd: Any) -> None:
    address = cp.cuda.runtime.malloc(512)
    cp.cuda.runtime.free(address)
    launch = lambda: kernel("fill")((1,), (1,), (np.uint64(address), np.int32(8)))
    refused(launch, capfd, "an address where nothing is allocated")


def test_a_graph_outlives_its_memory(cp: Any, kernel: Any, capfd: Any) -> None:
    address = cp.cuda.runtime.malloc(512)
    stream = cp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        kernel("fill")((1,), (1,), (np.uint64(address), np.int32(8)))
        graph = stream.end_capture()
    graph.launch(stream)
    cp.cuda.runtime.free(address)
    refused(lambda: graph.launch(stream), capfd, "an address where nothing is allocated")


def test_a_capture_refuses_to_wait(cp: Any, capfd: Any) -> None:
    stream = cp.cuda.Stream(non_blocking=True)
    stream.begin_capture()
    refused(stream.synchronize, capfd, "a synchronization while the stream is captured")
    with pytest.raises(Exception, match="cudaErrorStreamCaptureInvalidated"):
        stream.end_capture()


def test_code_is_compiled(cp: Any) -> None:
    with pytest.raises(cp.cuda.compiler.CompileException, match="undefined"):
        cp.RawKernel('extern "C" __global__ void f() { g(); }', "f")((1,), (1,), ())


def test_sorts_give_valid_indices(cp: Any) -> None:
    x = cp.zeros((3, 8), np.float16)
    assert (x.argsort().get() == np.arange(8)).all()
    assert (cp.lexsort(x).get() == np.arange(8)).all()
    with pytest.raises(NotImplementedError):
        thrust.sort(np.dtype(ml_dtypes.bfloat16), 0, 0, (8,))
