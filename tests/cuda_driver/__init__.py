"""Takes the place of the CUDA driver, for the real CuPy and the real NVRTC on machines without a GPU.

It launches nothing, so no number that comes from a kernel means anything. It finds what the emulated
GPU cannot, whose CuPy is a stand-in: calls that CuPy refuses, dtypes that it does not know, CUDA
code that it generates and NVRTC rejects, launches that a GPU would not accept.

How it works:

1. There are two devices. Their memory is memory of the host, so copies are real, and integers,
   shapes and whatever else the host computes are right.
2. Kernels are compiled for sm_90. A launch checks the sizes of grid and blocks, registers and
   shared memory, and that every address among the arguments lies in memory of the device that the
   kernel runs on. Streams, events and graphs do as much as these checks need.
3. ``driver/`` is a ``libcuda.so.1`` for what CuPy asks the driver, which is little. The rest it asks
   NVIDIA's runtime, which accepts no other driver than NVIDIA's. It is asked in one module,
   ``cupy_backends.cuda.api.runtime``, by functions that Cython hands from module to module:
   :func:`install` puts others in their place, before ``cupy`` is imported.
4. ``nccl.cpp`` is a library of NCCL's functions, with which CuPy's own module for it can be loaded.
5. ``thrust.py`` is the module of CuPy's sorts, which were compiled with a runtime of their own.
6. :func:`calls` lists what the devices were asked for, so that bytes and launches can be counted.

What it cannot find: wrong numbers; arguments of a kernel that are missing or of the wrong type, as
the driver is told neither (the emulated GPU checks them); what precompiled libraries would say
(cuBLAS, Thrust, and CUB, without which CuPy sums by kernels of its own).

Launches that are wrong say why on stderr, beside CuPy's exception.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from cuda_emulator import build, cache

from . import thrust

FOLDER = Path(__file__).parent
AT_START = FOLDER / "at_start"  # for programs that tests start: calls install()
_FLAGS = ("-O1", "-std=c++17", "-fPIC", "-shared", "-w")
_C_TYPES = {
    "int": ctypes.c_int,
    "unsigned int": ctypes.c_uint,
    "size_t": ctypes.c_size_t,
    "intptr_t": ctypes.c_ssize_t,
    "float": ctypes.c_float,
    "PyObject *": ctypes.py_object,
}


class _Replacement(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("layout", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
    )


class Call(NamedTuple):
    """What a device was asked for.

    Args:
        name: of the kernel as the compiler has it; "fill", or "copy to the device" and the like.
        grid, block: of a launch.
        size: of a copy or fill, in bytes.
        arguments: of a kernel, each as its words of 8 bytes. An array is an address; to CuPy's own
            kernels it is a struct of address, number of elements, shape and strides.
        beside: whether a launch is captured on another stream than the one that began the capture.
    """

    name: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    size: int
    arguments: list[list[int]]
    beside: bool


class _CallView(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("size", ctypes.c_uint64),
        ("words", ctypes.POINTER(ctypes.c_uint64)),
        ("lengths", ctypes.POINTER(ctypes.c_uint64)),
        ("arguments", ctypes.c_uint64),
        ("beside", ctypes.c_uint64),
    )


def keep_calls(keep: bool) -> None:
    """Begins a new list for :func:`calls`, or ends it."""
    _driver().keep_calls(keep)


def calls(first: int = 0) -> Iterator[Call]:
    """The calls since :func:`keep_calls`, from the number ``first`` on."""
    view = _CallView()
    while _driver().read_call(ctypes.c_uint64(first), ctypes.byref(view)):
        lengths = view.lengths[: view.arguments]
        words = iter(view.words[: sum(lengths)])
        arguments = [list(islice(words, length)) for length in lengths]
        shape = tuple(view.grid), tuple(view.block)
        yield Call(view.name.decode(), *shape, view.size, arguments, bool(view.beside))
        first += 1


def is_device_address(word: int) -> bool:
    """Whether a word of an argument is an address of a device's memory."""
    return bool(_driver().on_device(ctypes.c_uint64(word)))


@functools.cache
def _driver() -> ctypes.PyDLL:
    return ctypes.PyDLL(str(_libraries() / "libcuda.so.1"))


@functools.cache
def install() -> None:
    """Lets CuPy find two devices in this process; call it before ``import cupy``.

    Raises:
        RuntimeError: if this CuPy's functions have other parameters than those of the stand-in.
    """
    os.environ.setdefault("CUPY_CACHE_DIR", str(cache.folder() / "cupy"))
    libraries = _libraries()  # once loaded, dlopen finds them by their names
    for name in ("libcublasLt.so.13", "libcublas.so.13"):
        ctypes.CDLL(str(libraries / name))
    library = _driver()
    ctypes.CDLL(str(libraries / "libnccl.so.2"))
    from cupy_backends.cuda.api import runtime

    interface = runtime.__pyx_capi__
    library.set_check_status(_address(interface["check_status"]))
    library.replacement.restype = ctypes.POINTER(_Replacement)
    number = 0
    while found := library.replacement(number):
        _replace(runtime, found.contents)
        number += 1
    os.environ["CUPY_ACCELERATORS"] = ""  # no CUB
    sys.modules["cupy.cuda.thrust"] = thrust


@functools.cache
def _libraries() -> Path:
    """The folder of the libraries, which are built if that is not done yet."""
    from cuda import pathfinder

    headers = pathfinder.find_nvidia_header_directory("cudart")
    driver = sorted((FOLDER / "driver").iterdir())
    cublas, nccl = FOLDER / "cublas.cpp", FOLDER / "nccl.cpp"
    functions = _cublas_functions()
    parts = [part for path in (*driver, cublas, nccl) for part in (path.name, path.read_bytes())]
    parts += [cache.cpu_identity(), *functions, *_FLAGS]

    def library(name: str, *arguments: str | Path) -> None:
        build.compile_cpp(*_FLAGS, *arguments, f"-Wl,-soname,{name}")

    def compile(folder: Path) -> None:
        sources = [path for path in driver if path.suffix == ".cpp"]
        made = folder / "libcuda.so.1"
        library(made.name, f"-I{headers}", *sources, "-o", made)
        library("libnccl.so.2", f"-I{headers}", nccl, made, "-o", folder / "libnccl.so.2")
        lines = [f"DOES_NOTHING({function})\n" for function in functions]
        (folder / "others.inc").write_text("".join(lines))
        (folder / "versions").write_text("libcublas.so.13 { cublas*; };")  # of the symbols
        script = f"-Wl,--version-script={folder / 'versions'}"
        for name in ("libcublas.so.13", "libcublasLt.so.13"):
            library(name, f"-I{folder}", cublas, script, "-o", folder / name)

    return cache.entry(f"driver-{cache.key(parts)}", compile)


def _cublas_functions() -> list[str]:
    """The functions that CuPy's module is linked with, which are in its table of strings."""
    folder = Path(find_spec("cupy_backends.cuda.libs").origin).parent
    (module,) = folder.glob("cublas.*.so")
    already = re.findall(r"int (cublas\w+)", (FOLDER / "cublas.cpp").read_text())
    found = {
        name.decode() for name in re.findall(rb"\0(cublas[A-Z]\w+)(?=\0)", module.read_bytes())
    }
    return sorted(found - set(already))


def _replace(runtime: ModuleType, replacement: _Replacement) -> None:
    """Puts one function in the place of CuPy's, for Cython and for Python."""
    name = replacement.name.decode()
    capsule = runtime.__pyx_capi__[name]
    signature = _signature(capsule)
    result, *parameters = _types(signature)
    layout = f"{_width(result)}:{''.join(map(_width, parameters))}"
    if layout != replacement.layout.decode():
        raise RuntimeError(
            f"the stand-in for the driver has a {name} of layout {replacement.layout.decode()}, but "
            f"CuPy's is {signature.decode()}; it was written for CuPy 14.2"
        )
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    _signatures.append(signature)  # a capsule does not keep its name
    runtime.__pyx_capi__[name] = new(replacement.function, signature, None)
    if not name.startswith("_"):
        setattr(runtime, name, _callable(replacement.function, signature))


_signatures: list[bytes] = []


def _callable(address: int, signature: bytes) -> Callable[..., Any]:
    """A function for Python; of Cython's own parameters the first is 0 and the others null."""
    result, *parameters = _types(signature)
    function = ctypes.PYFUNCTYPE(result, *parameters)(address)
    text = signature.decode()
    rest = (0, None)[: text.count("__pyx_skip_dispatch") + text.count("__pyx_optional_args")]
    return lambda *arguments: function(*arguments, *rest)


def _types(signature: bytes) -> list[Any]:
    """The result's and the parameters' types of ``"intptr_t (size_t, int __pyx_skip_dispatch)"``."""
    result, parameters = re.fullmatch(r"(.+?) ?\((.*)\)", signature.decode()).groups()
    names = [re.sub(r" __pyx_\w+$", "", part) for part in parameters.split(", ")]
    return [
        _C_TYPES.get(name, ctypes.c_void_p) for name in (result, *names) if name and name != "void"
    ]


def _width(c_type: Any) -> str:
    return "f" if c_type is ctypes.c_float else str(ctypes.sizeof(c_type))


def _signature(capsule: Any) -> bytes:
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return name(capsule)


def _address(capsule: Any) -> ctypes.c_void_p:
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.c_void_p(pointer(capsule, _signature(capsule)))
