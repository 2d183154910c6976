"""NVRTC, NVIDIA's compiler for CUDA C++: a library that needs no GPU."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import glob
import os
import re
import site
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import CompileError

# Those of cupy.RawModule, in its order, which puts the architecture behind the first.
CUPY_OPTIONS = ("--std=c++17", "-ftz=true", "--device-as-default-execution-space")


@dataclass(frozen=True)
class Compiled:
    """PTX text or a cubin, with the compiler's log and the symbol of each name expression."""

    code: bytes
    log: str
    symbols: dict[str, str]


@functools.lru_cache
def library_path() -> str:
    """Where libnvrtc is: in its wheel, else in a CUDA toolkit."""
    folders = [*sys.path, *site.getsitepackages(), site.getusersitepackages()]
    candidates = []
    for folder in dict.fromkeys(folders):
        pattern = os.path.join(folder, "nvidia", "*", "lib", "libnvrtc.so.*")
        candidates += glob.glob(pattern)
    if not candidates:
        roots = [os.environ.get("CUDA_PATH"), os.environ.get("CUDA_HOME"), "/usr/local/cuda"]
        for root in filter(None, roots):
            candidates += glob.glob(os.path.join(root, "lib*", "libnvrtc.so.*"))
    named = [path for path in candidates if re.search(r"libnvrtc\.so\.[\d.]+$", path)]
    if named:
        return max(named, key=_version_of_path)
    system = ctypes.util.find_library("nvrtc")
    if system:
        return system
    raise ImportError(
        'libnvrtc was not found. Install the wheel "nvidia-cuda-nvrtc" '
        "(pip install nvidia-cuda-nvrtc), or set CUDA_PATH to a CUDA toolkit."
    )


def _version_of_path(path: str) -> list[int]:
    version = path.rpartition(".so.")[2]
    return [int(part) for part in version.split(".")]


def identity() -> str:
    """Tells this NVRTC from another, without loading it."""
    path = library_path()
    if not os.path.isfile(path):  # a bare name for the system's loader
        return path
    return f"{os.path.basename(path)} {os.path.getsize(path)}"


@functools.lru_cache
def _library() -> ctypes.CDLL:
    path = library_path()
    # NVRTC loads a second library by its bare name. Not all wheels tell the
    # loader that it lies in the same folder, so it is loaded here.
    for builtins in glob.glob(os.path.join(os.path.dirname(path), "libnvrtc-builtins.so.*")):
        ctypes.CDLL(builtins, mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(path)


def version() -> tuple[int, int]:
    """NVRTC's version, such as (13, 0)."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(_library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return major.value, minor.value


def compile_source(
    source: str,
    options: Sequence[str] = (),
    name_expressions: Sequence[str] = (),
    *,
    cubin: bool = False,
    name: str = "kernel.cu",
) -> Compiled:
    """Compiles to PTX, or to machine code (a cubin).

    Args:
        source: the text.
        options: the compiler's; a cubin needs ``-arch=sm_80`` or another real one. With
            ``--ptxas-options=-v`` a cubin's log lists registers and spills.
        name_expressions: the templates to instantiate.
        cubin: whether to compile to machine code.
        name: what messages call the file.

    Raises:
        CompileError: the compiler refuses the source.
    """
    library = _library()
    program = ctypes.c_void_p()
    _check(
        library.nvrtcCreateProgram(
            ctypes.byref(program), source.encode(), name.encode(), 0, None, None
        )
    )
    try:
        for expression in name_expressions:
            _check(library.nvrtcAddNameExpression(program, expression.encode()))
        array = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = library.nvrtcCompileProgram(program, len(options), array)
        log = _read(program, "ProgramLog").decode(errors="replace")
        if status:
            raise CompileError(f"{_error_text(status)}\n{log.strip()}")
        mangled = {
            expression: _mangled_name(program, expression) for expression in name_expressions
        }
        code = _read(program, "CUBIN" if cubin else "PTX")
        return Compiled(code, log, mangled)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _read(program: ctypes.c_void_p, what: str) -> bytes:
    """One of the texts that a compiled program holds."""
    library = _library()
    size = ctypes.c_size_t()
    _check(getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(getattr(library, f"nvrtcGet{what}")(program, buffer))
    return buffer.raw if what == "CUBIN" else buffer.value


def _mangled_name(program: ctypes.c_void_p, expression: str) -> str:
    name = ctypes.c_char_p()
    _check(_library().nvrtcGetLoweredName(program, expression.encode(), ctypes.byref(name)))
    return name.value.decode()


def _error_text(status: int) -> str:
    function = _library().nvrtcGetErrorString
    function.restype = ctypes.c_char_p
    return function(status).decode()


def _check(status: int) -> None:
    if status:
        raise CompileError(_error_text(status))
