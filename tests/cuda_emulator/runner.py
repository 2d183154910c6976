"""Compile .cu text for the CPU and launch its kernels on NumPy arrays."""

from __future__ import annotations

import ctypes
import functools
import json
import math
import os
import re
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import cache, memory, nvrtc, ptx2cpp, ptx_parser

_FOLDER = Path(__file__).resolve().parent
_RUNTIME = _FOLDER / "runtime"  # C++, shared by all kernels
_RUNTIME_SOURCES = ("runtime.cpp", "warp_ops.cpp", "memory.cpp")

_RUNTIME_FLAGS = (
    "-O3",
    "-std=c++17",
    "-fPIC",
    "-w",
    "-shared",
    "-U_FORTIFY_SOURCE",
)  # it dislikes jumps between stacks
# No fast math, no contraction and wrapping integers, as PTX defines them.
# -O2 compiles for longer and runs no faster.
_KERNEL_FLAGS = (
    "-O1",
    "-std=c++17",
    "-fPIC",
    "-w",
    "-shared",
    "-fvisibility=hidden",
    "-fno-strict-aliasing",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fwrapv",
    "-fstack-clash-protection",
)  # no jumping over guard pages
_LINK_FLAGS = ("-lm", "-Wl,-Bsymbolic,-z,defs")

# Options that choose the target or the output are ours to choose.
_DROPPED_OPTIONS = (
    "-arch",
    "--gpu-architecture",
    "--ptxas-options",
    "-lineinfo",
    "--generate-line-info",
    "-G",
)
_MAX_THREADS = 1024  # per block

_INCLUDE_OPTION = re.compile(r"(?:-I|--include-path=)\s*(.+)")


class KernelError(RuntimeError):
    """A kernel could not be compiled for the CPU, launched, or went wrong."""


class _Dim3(ctypes.Structure):
    _fields_ = [("x", ctypes.c_uint32), ("y", ctypes.c_uint32), ("z", ctypes.c_uint32)]


class _Range(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]


class _Launch(ctypes.Structure):
    _fields_ = [
        ("grid", _Dim3),
        ("block", _Dim3),
        ("dynamic_shared", ctypes.c_size_t),
        ("seed", ctypes.c_int),
        ("checked", ctypes.c_int),
        ("races", ctypes.c_int),
        ("arrays", ctypes.POINTER(_Range)),
        ("array_count", ctypes.c_size_t),
    ]


class _Statistics(ctypes.Structure):
    _fields_ = [
        ("switches", ctypes.c_uint64),
        ("ldmatrix_phases", ctypes.c_uint64),
        ("ldmatrix_replays", ctypes.c_uint64),
    ]


@dataclass(frozen=True)
class Statistics:
    """What a launch did.

    `ldmatrix_replays` counts the extra passes that bank conflicts would cost;
    a conflict-free layout has none.
    """

    switches: int
    ldmatrix_phases: int
    ldmatrix_replays: int


@dataclass(frozen=True)
class ParameterType:
    """A kernel parameter, as far as PTX and the source text tell.

    `kind` is 'P' for a pointer, 'f', 'i' or 'u' for numbers, 'V' for structs.
    For a pointer to a known type `element` is its (kind, size).
    """

    kind: str
    nbytes: int
    element: tuple[str, int] | None = None


# ---- building ----


@functools.lru_cache
def _compiler() -> str:
    """Name the C++ compiler and its version."""
    command = [_cxx(), "--version"]
    return _run(command).splitlines()[0]


def _cxx() -> str:
    return os.environ.get("CXX", "g++")


def _run(command: Sequence[str]) -> str:
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise KernelError(
            f"no C++ compiler: {command[0]} was not found (install g++ or set CXX)"
        ) from None
    if process.returncode:
        raise KernelError(f"{' '.join(map(str, command))} failed:\n{process.stderr[-6000:]}")
    return process.stdout


def _machine_flags() -> list[str]:
    """Use all of this CPU, but only if the cache can tell it from others."""
    if cache.cpu_identity():
        return ["-march=native"]
    return ["-march=x86-64-v3"]


def _runtime_flags() -> list[str]:
    flags = [*_RUNTIME_FLAGS, *_machine_flags()]
    if os.environ.get("CUDA_EMULATOR_UCONTEXT") == "1":
        flags.append("-DEMU_UCONTEXT")
    return flags


@functools.lru_cache
def _emulator_version() -> str:
    """Hash the emulator's own sources."""
    files = sorted([*_FOLDER.glob("ptx*.py"), _FOLDER / "runner.py", *_RUNTIME.iterdir()])
    return cache.key(part for path in files for part in (path.name, path.read_bytes()))


def _base_key() -> list[str]:
    return [_emulator_version(), _compiler(), cache.cpu_identity(), " ".join(_runtime_flags())]


def _runtime_name() -> str:
    return f"libruntime-{cache.key(_base_key())}.so"


def _runtime_path() -> Path:
    """Build the runtime, which all kernels share, if that is not done yet."""
    library = _runtime_name()

    def build(folder: Path) -> None:
        sources = [str(_RUNTIME / source) for source in _RUNTIME_SOURCES]
        _run(
            [
                _cxx(),
                *_runtime_flags(),
                *sources,
                "-o",
                str(folder / library),
                f"-Wl,-soname,{library}",
            ]
        )

    return cache.entry(library.removesuffix(".so"), build) / library


@functools.lru_cache
def _load_runtime(name: str) -> ctypes.CDLL:
    """Load the runtime, once: kernels find it by its name."""
    library = ctypes.CDLL(str(_runtime_path()))
    library.emu_error.restype = ctypes.c_char_p
    library.emu_run.argtypes = [
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.POINTER(_Launch),
        ctypes.POINTER(_Statistics),
    ]
    return library


# The runtime has one state per process.
_launching = threading.Lock()


class Module:
    """The kernels of one CUDA source text.

    `options` are NVRTC's; '-I' folders matter most. Kernels that are
    templates need `name_expressions`, as in cupy.RawModule. `arch` is the
    virtual architecture that NVRTC compiles for.
    """

    def __init__(
        self,
        source: str,
        options: Sequence[str] = (),
        name_expressions: Sequence[str] = (),
        *,
        arch: str = "compute_80",
        name: str = "kernel.cu",
    ):
        self._source = source
        self._name = name
        self._name_expressions = tuple(name_expressions)
        self._options = _compiler_options(options, arch)
        self._headers = cache.included_files(source, _include_folders(options))
        folder = cache.entry(self._key(), self._build)
        self._facts = json.loads((folder / "kernels.json").read_text())
        self._runtime = _load_runtime(_runtime_name())  # before the kernels
        self._library = ctypes.CDLL(str(folder / "kernels.so"))
        self._kernels: dict[str, Kernel] = {}

    @property
    def names(self) -> list[str]:
        """Name the kernels that `get` accepts."""
        return list(self._facts["kernels"])

    def get(self, name: str) -> Kernel:
        """Return a kernel by its name or name expression."""
        if name in self._facts["unsupported"]:
            raise KernelError(f"{name} cannot be emulated: {self._facts['unsupported'][name]}")
        if name not in self._facts["kernels"]:
            raise KernelError(f"no kernel {name!r}; there are {', '.join(self.names)}")
        if name not in self._kernels:
            self._kernels[name] = Kernel(
                name, self._facts["kernels"][name], self._library, self._runtime
            )
        return self._kernels[name]

    def _key(self) -> str:
        headers = [part for path in self._headers for part in (path.name, path.read_bytes())]
        # What the include folders hold is here; where they are is not.
        options = [option for option in self._options if not _INCLUDE_OPTION.fullmatch(option)]
        return cache.key(
            [
                *_base_key(),
                nvrtc.identity(),
                " ".join(_KERNEL_FLAGS),
                self._name,
                self._source,
                *options,
                "\0",
                *self._name_expressions,
                "\0",
                *headers,
            ]
        )

    def _build(self, folder: Path) -> None:
        """Compile into `folder`; PTX and C++ stay there to be looked at."""
        compiled = nvrtc.compile_source(
            self._source, self._options, self._name_expressions, name=self._name
        )
        ptx = compiled.code.decode()
        translation = ptx2cpp.translate(ptx_parser.parse(ptx))
        facts = self._collect_facts(translation, compiled.lowered_names)
        (folder / "kernels.json").write_text(json.dumps(facts, indent=1))
        (folder / "kernels.ptx").write_text(ptx)
        (folder / "kernels.cpp").write_text(translation.cpp)
        _run(
            [
                _cxx(),
                *_KERNEL_FLAGS,
                *_machine_flags(),
                f"-I{_RUNTIME}",
                str(folder / "kernels.cpp"),
                "-o",
                str(folder / "kernels.so"),
                str(_runtime_path()),
                *_LINK_FLAGS,
            ]
        )

    def _collect_facts(
        self, translation: ptx2cpp.Translation, lowered_names: dict[str, str]
    ) -> dict[str, Any]:
        """Gather what a launch needs to know, for kernels.json."""
        text = "\n".join([self._source, *(path.read_text() for path in self._headers)])
        text = _strip_comments(text)
        expressions = {lowered: expression for expression, lowered in lowered_names.items()}
        kernels = {}
        for kernel in translation.kernels:
            name = expressions.get(kernel.name, kernel.name)
            parameters = _parameter_types(kernel, name, text)
            kernels[name] = {
                "symbol": kernel.symbol,
                "max_threads": kernel.max_threads,
                "parameters": [asdict(p) for p in parameters],
            }
        unsupported = {
            expressions.get(name, name): reason for name, reason in translation.unsupported.items()
        }
        return {"kernels": kernels, "unsupported": unsupported}


def _include_folders(options: Sequence[str]) -> list[str]:
    matches = map(_INCLUDE_OPTION.fullmatch, options)
    return [match[1] for match in matches if match]


def _compiler_options(options: Sequence[str], arch: str) -> list[str]:
    """Complete the caller's NVRTC options."""
    kept = [option for option in options if option.split("=")[0] not in _DROPPED_OPTIONS]
    standard = [option for option in kept if option.startswith(("-std=", "--std="))]
    return [f"--gpu-architecture={arch}", "-lineinfo", *([] if standard else ["-std=c++17"]), *kept]


# ---- what the source text says about parameters ----

_ELEMENT_TYPES = {
    "float": ("f", 4),
    "double": ("f", 8),
    "float2": ("f", 4),
    "float4": ("f", 4),
    "int": ("i", 4),
    "unsigned": ("u", 4),
    "unsigned int": ("u", 4),
    "u32": ("u", 4),
    "uint32_t": ("u", 4),
    "int32_t": ("i", 4),
    "short": ("i", 2),
    "unsigned short": ("u", 2),
    "u16": ("u", 2),
    "uint16_t": ("u", 2),
    "long long": ("i", 8),
    "int64_t": ("i", 8),
    "unsigned long long": ("u", 8),
    "uint64_t": ("u", 8),
    "unsigned char": ("u", 1),
    "uint8_t": ("u", 1),
}
_QUALIFIERS = re.compile(r"\b(?:const|volatile|__restrict__|__restrict|__grid_constant__)\b")


def _strip_comments(text: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)


def _declared_parameters(text: str, kernel: str) -> list[str]:
    """Return the parameter declarations of a kernel; [] if not found."""
    name = re.escape(kernel.split("<")[0].split("::")[-1])
    match = re.search(rf"__global__[^;{{]*?\b{name}\s*\(", text)
    if not match:
        return []
    end = match.end()
    depth = 1
    while depth and end < len(text):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    declarations = text[match.end() : end - 1].split(",")
    return [d.strip() for d in declarations if d.strip()]


def _parameter_types(kernel: ptx2cpp.TranslatedKernel, name: str, text: str) -> list[ParameterType]:
    """Combine PTX's types with the source's, which knows pointers."""
    declared = _declared_parameters(text, name)
    if len(declared) != len(kernel.parameters):
        declared = [None] * len(kernel.parameters)
    return [
        _parameter_type(ptx_type, nbytes, declaration)
        for (ptx_type, nbytes), declaration in zip(kernel.parameters, declared)
    ]


def _parameter_type(ptx_type: str, nbytes: int, declaration: str | None) -> ParameterType:
    kind = {"f": "f", "s": "i"}.get(ptx_type[0], "i")
    if nbytes not in (1, 2, 4, 8) or ptx_type == "b8":
        return ParameterType("V", nbytes)
    if declaration is None:
        # Unknown: 64-bit integers are most likely pointers.
        return ParameterType("P" if ptx_type in ("u64", "b64") else kind, nbytes)
    spaced = _QUALIFIERS.sub(" ", declaration.replace("*", " * "))
    words = re.sub(r"\w+\s*$", "", spaced).split()
    element = _ELEMENT_TYPES.get(" ".join(w for w in words if w != "*"))
    if words.count("*") == 1:
        return ParameterType("P", nbytes, element)
    if "*" in words:
        return ParameterType("P", nbytes)
    return ParameterType(kind, nbytes)


# ---- launching ----


class Kernel:
    """A kernel that runs on the CPU."""

    def __init__(
        self, name: str, facts: dict[str, Any], library: ctypes.CDLL, runtime: ctypes.CDLL
    ):
        self.name = name
        self._runtime = runtime
        self.max_threads: int | None = facts["max_threads"]
        self.parameters = [
            ParameterType(p["kind"], p["nbytes"], tuple(p["element"]) if p["element"] else None)
            for p in facts["parameters"]
        ]
        self._descriptor = ctypes.addressof(ctypes.c_char.in_dll(library, facts["symbol"]))

    def __call__(
        self,
        grid: Sequence[int],
        block: Sequence[int],
        args: Sequence[Any],
        *,
        shared_memory: int = 0,
        seed: int = 0,
        checked: bool = False,
        check_races: bool = True,
        reachable: Sequence[tuple[int, int]] = (),
    ) -> Statistics:
        """Run the whole grid and return when it is done.

        Arrays are NumPy arrays, scalars NumPy scalars of the exact type. A
        `seed` other than 0 shuffles the order of blocks, warps and lanes. A
        `checked` launch checks every access; it may then touch the arrays
        among `args` and the (address, size) ranges in `reachable`, and
        nothing else. Turn `check_races` off for kernels in which blocks
        hand data to each other through global memory.
        """
        self._check_sizes(grid, block)
        if seed < 0:
            raise ValueError(f"seed (={seed}) must not be negative")
        pointers, keep, ranges = self._marshal(args)
        ranges += reachable
        arrays = (_Range * max(1, len(ranges)))(*ranges)
        launch = _Launch(
            _dim3(grid),
            _dim3(block),
            shared_memory,
            seed,
            checked,
            check_races,
            arrays,
            len(ranges),
        )
        statistics = _Statistics()
        with _launching:
            failed = self._runtime.emu_run(
                self._descriptor,
                ctypes.addressof(pointers),
                ctypes.byref(launch),
                ctypes.byref(statistics),
            )
            error = self._runtime.emu_error().decode()
        if failed:
            raise KernelError(f"{self.name}: {error}")
        self._check_canaries(keep)
        return Statistics(
            statistics.switches, statistics.ldmatrix_phases, statistics.ldmatrix_replays
        )

    def check(self, grid: Sequence[int], block: Sequence[int], args: Sequence[Any]) -> None:
        """Raise if a launch with these sizes and arguments is wrong."""
        self._check_sizes(grid, block)
        self._marshal(args)

    def _check_sizes(self, grid: Sequence[int], block: Sequence[int]) -> None:
        threads = math.prod(block)
        if min(*grid, *block) < 1:
            raise KernelError(f"{self.name}: empty grid {tuple(grid)} or block {tuple(block)}")
        if threads > (self.max_threads or _MAX_THREADS):
            raise KernelError(
                f"{self.name}: {threads} threads per block, "
                f"more than {self.max_threads or _MAX_THREADS}"
            )

    def _marshal(self, args: Sequence[Any]):
        """Lay the arguments out as cuLaunchKernel takes them."""
        if len(args) != len(self.parameters):
            raise KernelError(
                f"{self.name} takes {len(self.parameters)} arguments, got {len(args)}"
            )
        pointers = (ctypes.c_void_p * max(1, len(args)))()
        keep = []
        ranges = []
        for i, (value, parameter) in enumerate(zip(args, self.parameters)):
            if parameter.kind == "P" and isinstance(value, np.ndarray):
                self._check_array(i, value, parameter)
                ranges.append((value.ctypes.data, value.nbytes))
                holder = ctypes.c_uint64(value.ctypes.data)
                pointers[i] = ctypes.addressof(holder)
            elif parameter.kind == "P":
                holder = ctypes.c_uint64(0 if value is None else int(value))
                pointers[i] = ctypes.addressof(holder)
            else:
                holder = np.ascontiguousarray(value)
                self._check_scalar(i, holder, parameter)
                pointers[i] = holder.ctypes.data
            keep.append((value, holder))
        return pointers, keep, ranges

    def _check_array(self, index: int, array: np.ndarray, parameter: ParameterType) -> None:
        def fail(problem: str) -> None:
            raise KernelError(f"{self.name}: argument {index}: {problem}")

        if not array.flags.c_contiguous:
            fail(f"the array is not C-contiguous (strides {array.strides})")
        if not parameter.element:
            return
        kind, size = parameter.element
        if size > 1 and array.dtype.itemsize != size:
            fail(f"array of {array.dtype} for a pointer to {size}-byte elements")
        # 2-byte elements may be raw bits of a 16-bit float.
        if size >= 4 and (kind == "f") != (array.dtype.kind == "f"):
            fail(
                f"array of {array.dtype} for a pointer to {'floats' if kind == 'f' else 'integers'}"
            )

    def _check_scalar(self, index: int, value: np.ndarray, parameter: ParameterType) -> None:
        def fail(problem: str) -> None:
            raise KernelError(f"{self.name}: argument {index}: {problem}")

        if value.dtype.itemsize != parameter.nbytes or value.size != 1:
            fail(
                f"{value.dtype} of {value.nbytes} bytes for a parameter of {parameter.nbytes} bytes"
            )
        wants_float = parameter.kind == "f"
        is_float = value.dtype.kind == "f"
        if parameter.kind != "V" and wants_float != is_float:
            fail(
                f"{value.dtype} for a parameter that is "
                f"{'a float' if wants_float else 'an integer'}"
            )

    def _check_canaries(self, keep: list[tuple[Any, Any]]) -> None:
        for index, (value, _) in enumerate(keep):
            if not isinstance(value, np.ndarray):
                continue
            if memory.overwritten(value.ctypes.data + value.nbytes):
                raise KernelError(f"{self.name}: the kernel wrote past the end of argument {index}")


def _dim3(extents: Sequence[int]) -> _Dim3:
    x, y, z = [int(extent) for extent in extents] + [1] * (3 - len(extents))
    return _Dim3(x, y, z)
