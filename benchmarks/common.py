"""What the benchmarks share: the machine they ran on, and timings that a busy machine cannot bend."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from minicnn.kernels.cpu.threads import num_threads

__all__ = ["alternate", "environment", "median_seconds", "print_environment"]


def environment() -> dict[str, Any]:
    """The machine and the software, as far as they bear on speed."""
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    packages = {"numpy": "numpy", "torch": "torch"}
    return {
        "cpu": _cpu_model(),
        "threads": num_threads(),
        "blas": [f"{b['internal_api']} {b['version']} ({b.get('architecture')})" for b in blas],
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE"),
        "python": platform.python_version(),
        **{name: _version(package) for name, package in packages.items()},
        **_gpu(),
    }


def print_environment() -> None:
    """Print :func:`environment`, with a warning if an environment variable slows BLAS down."""
    for name, value in environment().items():
        print(f"{name:18} {', '.join(value) if isinstance(value, list) else value}")
    if "OPENBLAS_CORETYPE" in os.environ:
        print("warning: OPENBLAS_CORETYPE overrides the kernels OpenBLAS would choose; unset it")


def median_seconds(
    run: Callable[[], object], repeats: int = 5, synchronize: Callable[[], object] | None = None
) -> float:
    """The median duration of ``run()`` in seconds, after one call that is not counted."""
    return alternate({"run": run}, repeats, synchronize)["run"]


def alternate(
    runs: Mapping[str, Callable[[], object]],
    repeats: int = 5,
    synchronize: Callable[[], object] | None = None,
) -> dict[str, float]:
    """The median duration of each of ``runs`` in seconds.

    They take turns, so that whatever else the machine does slows all of them alike.

    Args:
        runs: what to call, by name.
        repeats: the counted calls of each; one more comes first.
        synchronize: waits for a GPU to finish; called before each reading of the clock.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            if synchronize:
                synchronize()
            start = time.perf_counter()
            run()
            if synchronize:
                synchronize()
            if repeat:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _gpu() -> dict[str, Any]:
    if "cupy" not in sys.modules:  # nothing was measured on it
        return {}
    cupy = sys.modules["cupy"]
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return {"gpu": properties["name"].decode(), "cupy": cupy.__version__}
