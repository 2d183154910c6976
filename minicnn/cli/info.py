"""``info``: prints what results and speed depend on."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform

import numpy as np
import PIL
from threadpoolctl import threadpool_info

from .. import backends, cuda, kernels
from ..devices import cuda_is_available, cupy
from ..kernels.cpu.runtime.threads import num_threads
from ..version import __version__
from .table import table

__all__ = ["run"]

# the distributions of optional packages, by what they are good for
OPTIONAL = {
    "plots": ("matplotlib",),
    "fast JPEG": ("simplejpeg",),
    "TensorBoard": ("tensorboardX",),
    "MPI": ("mpi4py",),
    "NCCL": ("nvidia-nccl-cu13", "nvidia-nccl-cu12"),
    "ONNX": ("onnx", "onnxruntime"),
    "CuPy": ("cupy-cuda13x", "cupy-cuda12x", "cupy"),
}


def run(args: argparse.Namespace) -> None:
    """Prints a table."""
    rows = [
        ("minicnn", __version__),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("NumPy", np.__version__),
        ("Pillow", PIL.__version__),
        ("system", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"),
        ("BLAS", _blas()),
        ("threads", str(num_threads())),
        ("GPU", _gpu()),
        ("kernels", f"{kernels.selected()}, convolutions: {backends.cpu.conv}"),
        *((f"for {use}", _installed(names)) for use, names in OPTIONAL.items()),
        *((name, value) for name, value in os.environ.items() if name.startswith("MINICNN_")),
    ]
    print(table(rows[0], rows[1:]))


def _blas() -> str:
    """NumPy's library for matrix products, and for which processor its code is."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return ", ".join(
        f"{blas['internal_api']} {blas['version']}, core {blas.get('architecture', 'unknown')}, "
        f"{blas['num_threads']} threads"
        for blas in found
    ) or "unknown"  # fmt: skip


def _gpu() -> str:
    if cuda_is_available():
        major, minor = cuda.get_device_capability()
        total = cuda.mem_get_info()[1] / 2**30
        return f"{cuda.get_device_name()}, compute capability {major}.{minor}, {total:.0f} GiB"
    try:
        cupy()
    except RuntimeError:
        return "not used: CuPy is not installed"
    return "none found by CuPy"


def _installed(names: tuple[str, ...]) -> str:
    found = []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found) or f"{' or '.join(names)}: not installed"
