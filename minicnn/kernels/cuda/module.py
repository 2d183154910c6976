"""From ``.cu`` files to kernels that Python can launch.

A launcher names the kernels of its file once, at import, and launches them like CUDA does, with
square brackets for the template's types::

    cuda_file = CudaFile("activation.cu")
    relu_kernel = cuda_file.kernel("relu", FLOATS)
    relu_kernel[x.dtype](x.size, x, out)  # relu<float><<<blocks, 256>>>(x.size, x, out)

Nothing is compiled before the first launch; CuPy then keeps the result on disk.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cupy
import numpy as np

from ..geometry import Geometry

FOLDER = Path(__file__).parent
FLOATS = ("float32", "float64")  # NumPy's names for what a template parameter may be
HALVES = ("float16", "bfloat16")
THREADS_PER_BLOCK = 256
WARP = 32
_ORDINARY_SHARED_MEMORY = 48 << 10  # bytes that a block may have without asking

CPP_TYPES = {
    "float16": "float16",
    "bfloat16": "bfloat16",
    "float32": "float",
    "float64": "double",
    "uint8": "unsigned char",
    "int32": "int",
}
_INCLUDE = re.compile(r'#include "(.+)"')


class CudaFile:
    """One ``.cu`` file of this folder and the kernels in it.

    Args:
        name: the file's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.kernels: list[Kernel | Template] = []

    def kernel(self, name: str, *types: Iterable[str]) -> Kernel:
        """Declares a kernel template; ``types`` are the dtypes that each parameter may take."""
        kernel = Kernel(self, name, types)
        self.kernels.append(kernel)
        return kernel

    def template(self, name: str) -> Template:
        """Declares a kernel template with so many instances that each is compiled on demand."""
        template = Template(self, name)
        self.kernels.append(template)
        return template

    @functools.cached_property
    def source(self) -> str:
        """The file's text, with the headers it includes."""
        return _read(self.name)

    @property
    def name_expressions(self) -> tuple[str, ...]:
        """Every kernel to compile together, such as ``relu<float>``."""
        return tuple(name for kernel in self.kernels for name in kernel.instances.values())

    @functools.cached_property
    def _module(self) -> cupy.RawModule:
        return cupy.RawModule(code=self.source, name_expressions=self.name_expressions)

    @functools.cache  # noqa: B019 (files live as long as the process)
    def compiled(self, name_expression: str) -> cupy.RawKernel:
        """The kernel of that name, compiled if it was not yet (CuPy does so on each GPU)."""
        if name_expression in self.name_expressions:
            return self._module.get_function(name_expression)
        alone = cupy.RawModule(code=self.source, name_expressions=(name_expression,))
        return alone.get_function(name_expression)


def _read(name: str) -> str:
    """The text of a file and its headers; error messages still name the right file and line.

    Headers go into the text because CuPy looks only at the text to decide whether it has compiled
    the same before, and would not notice a change in a header.
    """
    lines = [f'#line 1 "{name}"']
    for number, line in enumerate((FOLDER / name).read_text(encoding="utf-8").splitlines(), 1):
        included = _INCLUDE.fullmatch(line)
        lines += [_read(included[1]), f'#line {number + 1} "{name}"'] if included else [line]
    return "\n".join(lines) + "\n"


class Kernel:
    """A kernel template; ``kernel[dtype]`` or ``kernel[dtype, other_dtype]`` can be launched."""

    def __init__(self, file: CudaFile, name: str, types: Iterable[Iterable[str]]) -> None:
        self.file = file
        self.name = name
        self.instances = {
            dtypes: f"{name}<{', '.join(CPP_TYPES[dtype] for dtype in dtypes)}>"
            for dtypes in itertools.product(*types)
        }

    def __getitem__(self, dtypes: np.dtype[Any] | tuple[np.dtype[Any], ...]) -> Launcher:
        key = dtypes if isinstance(dtypes, tuple) else (dtypes,)
        names = tuple(dtype.name for dtype in key)
        if names not in self.instances:
            allowed = " or ".join(", ".join(instance) for instance in self.instances)
            raise TypeError(f"{self.name} on CUDA takes {allowed}, got {', '.join(names)}")
        return Launcher(self, self.instances[names], key[0])


class Template:
    """A kernel template whose instances are compiled one by one, when they are first launched."""

    def __init__(self, file: CudaFile, name: str) -> None:
        self.file = file
        self.name = name
        self.instances: dict[tuple[str, ...], str] = {}  # that are compiled with the whole file

    def instance(self, dtype: np.dtype[Any], *parameters: str | int) -> Launcher:
        """The kernel with these template parameters, in C++, for arrays of ``dtype``."""
        return Launcher(self, f"{self.name}<{', '.join(map(str, parameters))}>", dtype)


class Launcher:
    """A kernel for certain dtypes, ready to be launched on the current stream.

    Arguments may be arrays (C-contiguous: kernels know no strides), None for a null pointer, and
    Python and NumPy scalars. ``int`` goes to the kernel as ``int``, ``bool`` as ``bool``, and
    ``float`` (also NumPy's, np.float64) as the type that the kernel computes in, ``acc_t<T>``;
    other NumPy scalars keep their type.
    """

    def __init__(self, kernel: Kernel | Template, instance: str, dtype: np.dtype[Any]) -> None:
        self._kernel = kernel
        self._instance = instance
        self._real = accumulator(dtype)
        self._floats = dtype, self._real

    def __call__(self, count: int, *args: Any) -> None:
        """Launches ``count`` threads; the kernel's first argument is ``count``."""
        blocks = -(-count // THREADS_PER_BLOCK)
        if blocks:
            self.launch((blocks,), (THREADS_PER_BLOCK,), np.int64(count), *args)

    def launch(
        self, grid: tuple[int, ...], block: tuple[int, ...], *args: Any, shared_memory: int = 0
    ) -> None:
        """Launches blocks of a given shape, with so many bytes of dynamic shared memory each."""
        kernel = self._kernel.file.compiled(self._instance)
        arguments = tuple(self._convert(argument) for argument in args)
        if shared_memory:
            if shared_memory > _ORDINARY_SHARED_MEMORY:  # more has to be asked for
                kernel.max_dynamic_shared_size_bytes = shared_memory
            # as much for shared memory, of what it shares with the cache, as there may be: several
            # blocks can then run on a multiprocessor
            kernel.preferred_shared_memory_carveout = 100
        kernel(grid, block, arguments, shared_mem=shared_memory)

    def _convert(self, argument: Any) -> Any:
        # CuPy checks nothing, and would pass an int or float as 8 bytes
        if isinstance(argument, cupy.ndarray):
            self._check(argument)
            return argument
        if argument is None:
            return np.uint64(0)
        if isinstance(argument, bool):
            return np.bool_(argument)
        if isinstance(argument, int):
            return np.int32(argument)
        if isinstance(argument, float):
            return self._real.type(argument)
        return argument

    def _check(self, array: cupy.ndarray) -> None:
        if not array.flags.c_contiguous:
            raise ValueError(
                f"{self._instance} expects C-contiguous arrays, got one of shape {array.shape} "
                f"with strides {array.strides}"
            )
        if array.dtype.kind in "fV" and array.dtype not in self._floats:
            raise TypeError(f"{self._instance} got an array of {array.dtype}")


def accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that sums over ``dtype`` run in, ``acc_t<T>`` in ``common.cuh``."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def geometry_argument(geometry: Geometry) -> np.ndarray[Any, np.dtype[Any]]:
    """``geometry`` as the struct ``Geometry`` of ``common.cuh``; CuPy passes such by value."""
    pairs = ("input_size", "output_size", "kernel_size", "stride", "padding", "dilation")
    numbers = [number for name in pairs for number in getattr(geometry, name)]
    return np.array(numbers, dtype=np.int32).view(np.dtype((np.void, 4 * len(numbers))))


# ---- memory layout ----


def channels_last(x: cupy.ndarray) -> cupy.ndarray:
    """(N, C, ...) -> dense (N, ..., C): a view if ``x`` is channels-last in memory, else a copy."""
    return cupy.ascontiguousarray(x.transpose(0, *range(2, x.ndim), 1))


def channels_first(x: cupy.ndarray) -> cupy.ndarray:
    """(N, ..., C) -> (N, C, ...), a view: undoes :func:`channels_last`."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def flatten(*arrays: cupy.ndarray) -> list[cupy.ndarray]:
    """1-D forms of ``arrays`` (of equal shape), all in the memory order of the first.

    They are views where the memory is dense in that order, else copies.
    """
    order = _memory_order(arrays[0])
    return [cupy.ascontiguousarray(array.transpose(order)).reshape(-1) for array in arrays]


def unflatten(flat: cupy.ndarray, reference: cupy.ndarray) -> cupy.ndarray:
    """The inverse of :func:`flatten`: a view of ``flat`` with shape and order of ``reference``."""
    order = _memory_order(reference)
    shape = [reference.shape[axis] for axis in order]
    return flat.reshape(shape).transpose([order.index(axis) for axis in range(reference.ndim)])


def _memory_order(array: cupy.ndarray) -> list[int]:
    """The axes of ``array`` from the largest stride to the smallest."""
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
