"""g++: builds the runtime, which all kernels share, and a library for each kernel."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import cache
from .errors import KernelError

_SOURCES = Path(__file__).resolve().parent / "runtime"
_HEADER = "ptx_ops.h"  # what a translated kernel includes

# _FORTIFY_SOURCE dislikes jumps between stacks.
_RUNTIME_FLAGS = ("-O3", "-std=c++17", "-fPIC", "-w", "-shared", "-U_FORTIFY_SOURCE")
# No fast math, no contraction and wrapping integers, as PTX defines them. -O2 compiles for longer
# and runs no faster. The last flag keeps big local arrays from jumping over guard pages.
_KERNEL_FLAGS = (
    "-O1",
    "-std=c++17",
    "-fPIC",
    "-w",
    "-fvisibility=hidden",
    "-fno-strict-aliasing",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fwrapv",
    "-fstack-clash-protection",
)
_LINK_FLAGS = ("-shared", "-lm", "-Wl,-Bsymbolic,-z,defs")


def compile_cpp(*arguments: str | Path) -> None:
    """Calls the C++ compiler, $CXX or g++, for this CPU."""
    run([_compiler(), *_machine_flags(), *map(str, arguments)])


def run(command: Sequence[str]) -> str:
    """What a command prints.

    Raises:
        KernelError: there is no such command, or it failed.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise KernelError(
            f"no C++ compiler: {command[0]} was not found (install g++ or set CXX)"
        ) from None
    if done.returncode:
        raise KernelError(f"{' '.join(command)} failed:\n{done.stderr[-6000:]}")
    return done.stdout


def load_runtime() -> ctypes.CDLL:
    """The runtime, built if that is not done yet."""
    return _load(str(_runtime()))


def build_kernel(cpp: str) -> Path:
    """The library of a kernel's C++ text; the text stays beside it, to be looked at."""
    runtime = _runtime()

    def build(folder: Path) -> None:
        (folder / "kernel.cpp").write_text(cpp)
        output = ("-o", folder / "kernel.so")
        include = f"-I{runtime.parent}"
        compile_cpp(*_KERNEL_FLAGS, include, folder / "kernel.cpp", *output, runtime, *_LINK_FLAGS)

    return cache.entry(f"kernel-{cache.key([runtime_key(), cpp])}", build) / "kernel.so"


def _runtime() -> Path:
    """The runtime's library, beside the header for kernels and its precompiled form."""
    key = runtime_key()
    library = f"libruntime-{key}.so"  # kernels find it by its name

    def build(folder: Path) -> None:
        sources = sorted(_SOURCES.glob("*.cpp"))
        compile_cpp(*_runtime_flags(), *sources, "-o", folder / library, f"-Wl,-soname,{library}")
        for header in _SOURCES.glob("*.h"):
            shutil.copy(header, folder)
        header = folder / _HEADER
        compile_cpp(*_KERNEL_FLAGS, "-x", "c++-header", header, "-o", f"{header}.gch")

    return cache.entry(f"runtime-{key}", build) / library


def runtime_key() -> str:
    """Names the runtime that fits this CPU, this compiler and these sources."""
    files = sorted(_SOURCES.iterdir())
    texts = [part for path in files for part in (path.name, path.read_bytes())]
    flags = [*_runtime_flags(), "", *_KERNEL_FLAGS, "", *_LINK_FLAGS]
    return cache.key([_compiler_version(), cache.cpu_identity(), *flags, *texts])


def _runtime_flags() -> list[str]:
    portable = os.environ.get("CUDA_EMULATOR_UCONTEXT") == "1"
    return [*_RUNTIME_FLAGS, *(["-DEMU_UCONTEXT"] if portable else [])]


def _machine_flags() -> list[str]:
    """All that this CPU can do, but only if the cache can tell it from others."""
    return ["-march=native"] if cache.cpu_identity() else ["-march=x86-64-v3"]


def _compiler() -> str:
    return os.environ.get("CXX", "g++")


@functools.cache
def _compiler_version() -> str:
    return run([_compiler(), "--version"]).splitlines()[0]


@functools.cache
def _load(path: str) -> ctypes.CDLL:
    return ctypes.CDLL(path)
