"""What the GPU benchmarks share: the card's name, timing, and memory.

    python benchmarks/gpu.py

prints the card's name, as the folder of its results is called. Without a card that can run the
benchmarks it says so in one line and exits with status 3.
"""

from __future__ import annotations

import functools
import gc
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import minicnn as mc
from minicnn.devices import cupy

PRECISIONS = ("bf16", "tf32")
NO_GPU_STATUS = 3
BURST_SECONDS = 5e-3
MAX_BURST = 50  # calls; the GPU's queue holds about a thousand launches

_SPIN = """
extern "C" __global__ void spin(long long cycles) {
    long long start = clock64();
    while (clock64() - start < cycles) {}
}
"""
_CYCLES_PER_SECOND = 2e9  # or a little less


def require_gpu() -> str:
    """The name of the GPU; without one, prints a line and exits with status 3."""
    if not mc.cuda.is_available():
        _refuse("no NVIDIA GPU was found (or CuPy is not installed)")
    properties = cupy().cuda.runtime.getDeviceProperties(0)
    name = properties["name"].decode()
    if properties["major"] < 8:
        capability = f"{properties['major']}.{properties['minor']}"
        _refuse(f"needs compute capability 8.0 or later, and {name} has {capability}")
    return name


def slug(name: str) -> str:
    """A card's name as the name of a folder."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def allow_tf32(allowed: bool = True) -> None:
    """Let float32 matrix products and convolutions run in TF32, or not, in both frameworks."""
    import torch

    for backends in (mc.backends, torch.backends):
        backends.cuda.matmul.allow_tf32 = allowed
        backends.cudnn.allow_tf32 = allowed


def gpu_seconds(runs: Mapping[str, Callable[[], object]], repeats: int = 7) -> dict[str, float]:
    """The median GPU time of one call of each of ``runs``, which take turns.

    CUDA events time a burst of calls. The GPU is kept waiting until the whole burst is queued, so
    the time Python takes to launch kernels, which a CUDA graph saves anyway, does not count.
    """
    bursts = {name: _burst(run) for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            calls, launch_seconds = bursts[name]
            spin(2 * launch_seconds + 1e-4)
            seconds[name].append(event_seconds(run, calls))
    return {name: statistics.median(values) for name, values in seconds.items()}


def event_seconds(run: Callable[[], object], calls: int) -> float:
    """Seconds for each of ``calls`` of ``run`` between two CUDA events."""
    events = cupy().cuda.Event(), cupy().cuda.Event()
    events[0].record()
    for _ in range(calls):
        run()
    events[1].record()
    cupy().cuda.Device().synchronize()
    return cupy().cuda.get_elapsed_time(*events) / 1e3 / calls


def spin(seconds: float) -> None:
    """Keep the GPU busy for about this long, without waiting for it."""
    _spin_kernel()((1,), (1,), (int(seconds * _CYCLES_PER_SECOND),))


@functools.cache
def _spin_kernel() -> Any:
    return cupy().RawKernel(_SPIN, "spin")


def _burst(run: Callable[[], object]) -> tuple[int, float]:
    """How many calls to time together, and the seconds to launch these."""
    synchronize = cupy().cuda.Device().synchronize
    for _ in range(2):  # compiles, tries algorithms, fills the memory pools
        run()
    synchronize()
    start = time.perf_counter()
    run()
    launched = time.perf_counter()
    synchronize()
    calls = int(BURST_SECONDS / (time.perf_counter() - start))
    calls = min(max(calls, 1), MAX_BURST)
    return calls, calls * (launched - start)


def free_unused_memory() -> None:
    """Free the memory that both frameworks keep, since neither can use the other's."""
    import torch

    gc.collect()
    mc.cuda.empty_cache()
    torch.cuda.empty_cache()


def free_bytes() -> int:
    """What the GPU has free, after all of its work."""
    cupy().cuda.Device().synchronize()
    return cupy().cuda.runtime.memGetInfo()[0]


def peak_bytes(run: Callable[[], object]) -> int:
    """The peak of bytes allocated from the frameworks' pools in ``run()``, minus those before.

    CuPy's pools call a hook for every block. PyTorch keeps its own count, which ``run`` may restart
    by ``torch.cuda.reset_peak_memory_stats``.
    """
    import torch

    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    with live_bytes_hook() as hook:
        run()
    return hook.peak + torch.cuda.max_memory_allocated() - before


def live_bytes_hook() -> Any:
    """A hook of CuPy's that knows the bytes in use and their ``peak`` since it was entered."""

    class LiveBytes(cupy().cuda.MemoryHook):  # type: ignore[misc,name-defined]
        """Counts bytes over all pools, because a captured graph has a pool of its own."""

        name = "live bytes"
        live = peak = 0

        def malloc_postprocess(self, *, mem_size: int, **_: Any) -> None:
            self.live += mem_size
            self.peak = max(self.peak, self.live)

        def free_postprocess(self, *, mem_size: int, **_: Any) -> None:
            self.live -= mem_size

    return LiveBytes()


def _refuse(reason: str) -> None:
    print(f"the GPU benchmarks were not run: {reason}", file=sys.stderr)
    sys.exit(NO_GPU_STATUS)


def main() -> None:
    print(slug(require_gpu()))


if __name__ == "__main__":
    main()
