"""What the benchmarks share: the machine they ran on, and timings by turns."""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from minicnn import cuda
from minicnn.devices import Device
from minicnn.kernels.cpu.runtime.threads import num_threads

__all__ = [
    "alternate",
    "environment",
    "layer_parser",
    "layer_table",
    "markdown_table",
    "print_environment",
    "synchronizer",
    "write_json",
]


def environment() -> dict[str, Any]:
    """The machine and the software, as far as they bear on speed."""
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {
        "cpu": _cpu_model(),
        "threads": num_threads(),
        "blas": [f"{b['internal_api']} {b['version']} ({b.get('architecture')})" for b in blas],
        **{name: os.environ.get(name) for name in ("OPENBLAS_CORETYPE", "MINICNN_CONV")},
        "python": platform.python_version(),
        **{package: _version(package) for package in ("numpy", "torch")},
        **_gpu(),
    }


def print_environment(measured_in: Mapping[str, Any] | None = None) -> None:
    """Print :func:`environment`, with a warning if an environment variable slows BLAS down.

    Args:
        measured_in: what it was in the process that measured, if that is not this one.
    """
    found = measured_in or environment()
    for name, value in found.items():
        print(f"{name:18} {', '.join(value) if isinstance(value, list) else value}")
    if found["OPENBLAS_CORETYPE"]:
        print("warning: OPENBLAS_CORETYPE overrides the kernels OpenBLAS would choose; unset it")


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


def synchronizer(device: str) -> Callable[[], object]:
    """What waits until ``device`` has finished everything, PyTorch's work included."""
    if Device(device).type == "cpu":
        return lambda: None
    return Device(device).xp.cuda.Device().synchronize


def write_json(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result with the date, the command and the environment that it was measured in."""
    origin = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": " ".join(["python", *sys.argv]),
        "environment": environment(),
    }
    path.write_text(json.dumps({**result, **origin}, indent=1) + "\n")


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are aligned to the right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def layer_parser(description: str) -> argparse.ArgumentParser:
    """The command line of :func:`layer_table`: batch, repeats, against, device and json."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=32, help="images")
    parser.add_argument("--repeats", type=int, default=7, help="timed calls of each (default 7)")
    parser.add_argument("--against", choices=["torch"], help="also time PyTorch")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--json", type=Path, help="also write environment and seconds to this file")
    return parser


def layer_table(
    args: argparse.Namespace,
    layers: Iterable[str],
    measure: Callable[[str, argparse.Namespace], list[dict[str, Any]]],
) -> None:
    """Print and store what ``measure`` finds for each of ``layers``.

    ``measure`` takes a layer and the arguments of :func:`layer_parser` and returns rows: ``layer``,
    ``pass``, and the seconds of ``minicnn`` and of ``torch`` if that was asked for. If they also
    have a ``network``, there is a sum for each; ``algorithm`` and relative ``error`` are optional.
    """
    titles = ["minicnn", "torch", "torch/minicnn"] if args.against else ["minicnn"]
    print(f"{'milliseconds':32}", *(f"{title:>13}" for title in titles))
    rows: list[dict[str, Any]] = []
    for layer in layers:
        for row in measure(layer, args):
            _print_row(row)
            rows.append(row)
    contenders = [name for name in ("minicnn", "torch") if name in rows[0]]
    for network in dict.fromkeys(row.get("network", "") for row in rows):
        summands = [row for row in rows if row.get("network", "") == network]
        total = {name: sum(row[name] for row in summands) for name in contenders}
        _print_row({"layer": f"{network} all".strip(), "pass": ""} | total)
    print()
    print_environment()  # last: by now every BLAS that took part is loaded
    if args.json:
        write_json(args.json, {"batch": args.batch, "device": args.device, "rows": rows})


def _print_row(row: dict[str, Any]) -> None:
    columns = [f"{row['layer']:16}{row['pass']:16}", f"{row['minicnn'] * 1e3:13.1f}"]
    if "torch" in row:
        columns += [
            f"{row['torch'] * 1e3:13.1f}",
            f"{row['torch'] / row['minicnn']:13.2f}",
        ]
    if "algorithm" in row:
        columns += [f"  {row['algorithm']:13} error {row['error']:.1e}"]
    print(*columns, flush=True)


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
    if "cupy" not in sys.modules or not cuda.is_available():  # nothing was measured on it
        return {}
    cupy = sys.modules["cupy"]
    device = cupy.cuda.Device()
    properties = cupy.cuda.runtime.getDeviceProperties(device.id)
    return {
        "gpu": properties["name"].decode(),
        "compute capability": f"{properties['major']}.{properties['minor']}",
        "gpu memory, MiB": properties["totalGlobalMem"] // 2**20,
        "driver": _driver(),
        "cupy": cupy.__version__,
        "nvrtc": ".".join(map(str, cupy.cuda.nvrtc.getVersion())),
        **_torch_cuda(),
    }


def _torch_cuda() -> dict[str, Any]:
    if "torch" not in sys.modules:
        return {}
    torch = sys.modules["torch"]
    return {"torch's CUDA": torch.version.cuda, "cuDNN": torch.backends.cudnn.version()}


@functools.cache
def _driver() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.partition("\n")[0]
