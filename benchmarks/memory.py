"""The highest memory in use, as each framework and the system tell it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["MIB", "peak_bytes_reader"]

MIB = 2**20


def peak_bytes_reader(framework: str, device: str) -> Callable[[], float]:
    """What tells the peak so far, without what was in use when this was called.

    Args:
        framework: ``minicnn`` or ``torch``, the only one of this process; it is imported already.
        device: on ``cpu`` the memory of the process counts, on a GPU the framework's arrays.
    """
    if device == "cpu":
        before = _peak_resident_bytes()
        return lambda: _peak_resident_bytes() - before
    if framework == "torch":
        return sys.modules["torch"].cuda.max_memory_allocated
    import cupy

    pool = cupy.get_default_memory_pool()

    class Watch(cupy.cuda.MemoryHook):  # type: ignore[misc]
        name = "peak"
        peak = 0

        def malloc_postprocess(self, **_: object) -> None:
            self.peak = max(self.peak, pool.used_bytes())

    watch = Watch()
    watch.__enter__()
    return lambda: watch.peak


def _peak_resident_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory too
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
