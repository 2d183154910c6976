"""What the benchmarks share: the machine they ran on, their tables and files.

Neither framework is imported here, since each has a process of its own (``turns.py``).
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info
from turns import CHECKOUT, Worker, medians, processes, start, take_turns

__all__ = [
    "checkout_or_torch",
    "contenders",
    "environment",
    "environment_of",
    "layer_parser",
    "layer_table",
    "markdown_table",
    "pass_seconds",
    "print_environment",
    "replace_text",
    "synchronizer",
    "write_json",
]

LAYOUTS = ("contiguous_format", "channels_last")  # of PyTorch's memory
ROUNDS, BLOCK_SECONDS = 2, 0.2  # of a layer's passes in a block: at least so many, and so long
VARIABLES = ("OPENBLAS_CORETYPE", "MINICNN_CONV", "MINICNN_KERNELS")


def environment() -> dict[str, Any]:
    """The machine and the software of this process, as far as they bear on speed."""
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {
        "cpu": _cpu_model(),
        **_threads(),
        "blas": [f"{b['internal_api']} {b['version']} ({b.get('architecture')})" for b in blas],
        **{name: os.environ.get(name) for name in VARIABLES},
        "python": platform.python_version(),
        **{package: _version(package) for package in ("numpy", "torch")},
        **({"onnxruntime": _version("onnxruntime")} if "onnxruntime" in sys.modules else {}),
        **_gpu(),
        **_torch_cuda(),
    }


def environment_of(processes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What :func:`environment` found in several processes, as one; the first has precedence."""
    result: dict[str, Any] = {}
    for found in processes:
        result |= {key: value for key, value in found.items() if key not in result}
    return result


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


def synchronizer(framework: Any, device: str) -> Callable[[], object]:
    """What waits until ``minicnn`` or ``torch`` has finished its work on ``device``."""
    return framework.cuda.synchronize if device.startswith("cuda") else lambda: None


def write_json(
    path: Path, result: Mapping[str, Any], measured_in: Mapping[str, Any] | None = None
) -> None:
    """Write a result with the date, the command and the environment that it was measured in.

    Args:
        path: of the file.
        result: what is written before them.
        measured_in: the environment, if it was not that of this process.
    """
    origin = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": " ".join(["python", *sys.argv]),
        "environment": measured_in or environment(),
    }
    replace_text(path, json.dumps({**result, **origin}, indent=1) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Write a file so that whoever is killed meanwhile leaves the old one or the new one."""
    draft = path.with_suffix(".tmp")
    draft.write_text(text)
    draft.replace(path)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are aligned to the right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def checkout_or_torch(text: str) -> str:
    """The value of ``--against``: "torch", or the folder of another checkout of minicnn."""
    if text != "torch" and not (Path(text) / "minicnn" / "__init__.py").exists():
        raise argparse.ArgumentTypeError(
            f"expected torch or the folder of another checkout of minicnn, got {text}"
        )
    return text


def contenders(against: str | None) -> dict[str, Path]:
    """Who is measured (minicnn; torch, or minicnn in an ``other`` checkout), with its checkout."""
    if against is None:
        return {"minicnn": CHECKOUT}
    rival = {"torch": CHECKOUT} if against == "torch" else {"other": Path(against).resolve()}
    return {"minicnn": CHECKOUT, **rival}


def layer_parser(description: str) -> argparse.ArgumentParser:
    """The command line of :func:`layer_table`: batch, blocks, against, device and json."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=32, help="images")
    parser.add_argument("--blocks", type=int, default=5, help="turns of each (default 5)")
    parser.add_argument("--against", choices=["torch"], help="also time PyTorch")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--json", type=Path, help="also write environment and seconds to this file")
    return parser


def layer_table(
    script: str,
    args: argparse.Namespace,
    layers: Iterable[Any],
    measure: Callable[[Any, Mapping[str, Worker], argparse.Namespace], list[dict[str, Any]]],
) -> None:
    """Print and store what ``measure`` finds for each of ``layers``.

    ``measure`` takes a layer, a process for each framework and the arguments of
    :func:`layer_parser`. It returns rows: ``layer``, ``shape``, ``pass``, and the seconds of
    ``minicnn`` and of ``torch`` if that was asked for. If they also have a ``network``, there is a
    sum for each; ``algorithm`` and relative ``error`` are optional.
    """
    frameworks = contenders(args.against)
    titles = [*frameworks, *(["torch/minicnn"] if args.against else [])]
    print(f"{'milliseconds':24}", *(f"{title:>13}" for title in titles))
    rows: list[dict[str, Any]] = []
    with start(script, frameworks) as workers:
        for layer in layers:
            found = measure(layer, workers, args)
            print(f"{found[0]['layer']}: {found[0]['shape']}")
            for row in found:
                _print_row(row["pass"], row)
            rows += found
        measured_in = environment_of(worker.environment() for worker in workers.values())
    for network in dict.fromkeys(row.get("network", "") for row in rows):
        summands = [row for row in rows if row.get("network", "") == network]
        total = {name: sum(row[name] for row in summands) for name in frameworks}
        _print_row(f"{network} all".strip(), total)
    print()
    print_environment(measured_in)
    if args.json:
        how = {"processes": processes(args.blocks, ROUNDS)}
        result = {"batch": args.batch, "device": args.device, "rows": rows, **how}
        write_json(args.json, result, measured_in)


def pass_seconds(
    workers: Mapping[str, Worker], passes: Sequence[str], blocks: int
) -> list[dict[str, float]]:
    """For each pass of a layer, the median seconds of each framework over its blocks.

    minicnn has a call for each pass, torch one for each pass in each of its ``LAYOUTS``, of which
    the faster one counts.
    """
    calls = {
        "minicnn": {pass_: [pass_] for pass_ in passes},
        "torch": {pass_: [f"{pass_} {layout}" for layout in LAYOUTS] for pass_ in passes},
    }

    def turn(worker: Worker) -> dict[str, float]:
        names = [call for calls_of_pass in calls[worker.name].values() for call in calls_of_pass]
        return medians(worker.block(names, ROUNDS, BLOCK_SECONDS))

    seconds = {name: medians(found) for name, found in take_turns(workers, turn, blocks).items()}
    return [
        {name: min(seconds[name][call] for call in calls[name][pass_]) for name in workers}
        for pass_ in passes
    ]


def _print_row(title: str, row: Mapping[str, Any]) -> None:
    columns = [f"  {title:22}", f"{row['minicnn'] * 1e3:13.2f}"]
    if "torch" in row:
        columns += [
            f"{row['torch'] * 1e3:13.2f}",
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


def _threads() -> dict[str, int]:
    """The threads of each framework that this process has loaded."""
    names = {"minicnn": "threads", "torch": "torch threads"}
    return {
        title: sys.modules[framework].get_num_threads()
        for framework, title in names.items()
        if framework in sys.modules
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _gpu() -> dict[str, Any]:
    cupy = sys.modules.get("cupy")
    if not cupy or not cupy.is_available():  # nothing was measured on it
        return {}
    device = cupy.cuda.Device()
    properties = cupy.cuda.runtime.getDeviceProperties(device.id)
    return {
        "gpu": properties["name"].decode(),
        "compute capability": f"{properties['major']}.{properties['minor']}",
        "gpu memory, MiB": properties["totalGlobalMem"] // 2**20,
        "driver": _driver(),
        "cupy": cupy.__version__,
        "nvrtc": ".".join(map(str, cupy.cuda.nvrtc.getVersion())),
    }


def _torch_cuda() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if not torch or not torch.cuda.is_initialized():
        return {}
    return {"torch's CUDA": torch.version.cuda, "cuDNN": torch.backends.cudnn.version()}


@functools.cache
def _driver() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.partition("\n")[0]
