"""From ``.cu`` files to kernels that Python can launch.

A module names the kernels of its file once, at import, and launches them as CUDA does, with square
brackets for the template's types::

    cuda_file = CudaFile("activation.cu")
    erf_kernel = cuda_file.kernel("erf_forward", FLOATS)
    erf_kernel[x.dtype](x.size, x, out)  # erf_forward<float><<<blocks, 256>>>(x.size, x, out)

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

from ...geometry import Geometry

FOLDER = Path(__file__).parent.parent  # of the kernels, from which #include paths start
FLOATS = ("float32", "float64")  # NumPy's names for what a template parameter may be
HALVES = ("float16", "bfloat16")
# Types and numbers of elements for kernels that move vectors of 16 bytes, or single elements where
# vectors do not fit. float64, which is only there to check gradients, always moves single elements.
VECTORS = tuple((dtype, 8) for dtype in HALVES) + (("float32", 4),)
SINGLES = tuple((dtype, 1) for dtype in HALVES + FLOATS)
THREADS_PER_BLOCK = 256
WARP = 32

CPP_TYPES = {
    "float16": "float16",
    "bfloat16": "bfloat16",
    "float32": "float",
    "float64": "double",
    "uint8": "unsigned char",
    "int32": "int",
}
Choice = str | int | tuple[str | int, ...]  # of template arguments: dtypes and numbers
_INCLUDE = re.compile(r'#include "(.+)"')


class CudaFile:
    """One ``.cu`` file and the kernels in it.

    Args:
        name: the file's path in ``kernels/cuda``, such as ``"conv.cu"`` or ``"plain/conv.cu"``, or
            an absolute path.
    """

    def __init__(self, name: str | Path) -> None:
        self.name = str(name)
        self.kernels: list[Kernel | Template] = []

    def kernel(self, name: str, *choices: Iterable[Choice]) -> Kernel:
        """Declares a kernel template and, for each parameter, the dtypes or numbers it may take.

        If not every combination is wanted, a choice may be a tuple, for several parameters.
        """
        kernel = Kernel(self, name, choices)
        self.kernels.append(kernel)
        return kernel

    def template(self, name: str) -> Template:
        """Declares a kernel template with too many instances to list them."""
        template = Template(self, name)
        self.kernels.append(template)
        return template

    @functools.cached_property
    def source(self) -> str:
        """The file's text, with the headers it includes."""
        return _read(self.name)

    @property
    def name_expressions(self) -> tuple[str, ...]:
        """All declared kernels with their template arguments, such as ``erf_forward<float>``."""
        return tuple(name for kernel in self.kernels for name in kernel.instances.values())

    @functools.cache  # noqa: B019 (files live as long as the process)
    def compiled(self, name_expression: str, arch: str | None = None) -> cupy.RawKernel:
        """The kernel of that name, compiled if necessary (by CuPy, for each GPU).

        Each is a module of its own, because a program needs few of the many types. ``arch`` is for
        kernels with instructions that CuPy does not compile for of its own accord, ``"sm_90a"``.
        """
        options = () if arch is None else (f"-arch={arch}",)  # NVRTC heeds it before CuPy's
        module = cupy.RawModule(
            code=self.source, options=options, name_expressions=(name_expression,)
        )
        return module.get_function(name_expression)


def _read(name: str) -> str:
    """The text of a file and its headers; error messages still name the right file and line.

    Headers become part of the text because CuPy's cache of compiled kernels looks at the text alone,
    and would not notice a change in a header.
    """
    lines = [f'#line 1 "{name}"']
    for number, line in enumerate((FOLDER / name).read_text(encoding="utf-8").splitlines(), 1):
        included = _INCLUDE.fullmatch(line)
        lines += [_read(included[1]), f'#line {number + 1} "{name}"'] if included else [line]
    return "\n".join(lines) + "\n"


class Kernel:
    """A kernel template; ``kernel[dtype]`` or ``kernel[dtype, number]`` can be launched.

    The first argument of the template is the dtype of the arrays.
    """

    def __init__(self, file: CudaFile, name: str, choices: Iterable[Iterable[Choice]]) -> None:
        self.file = file
        self.name = name
        self.instances = {
            arguments: f"{name}<{', '.join(map(_cpp, arguments))}>"
            for arguments in map(_flatten, itertools.product(*choices))
        }
        self._launchers: dict[Any, Launcher] = {}

    def __getitem__(self, key: Any) -> Launcher:
        if key not in self._launchers:  # NumPy takes microseconds to name a dtype
            self._launchers[key] = self._launcher(key if isinstance(key, tuple) else (key,))
        return self._launchers[key]

    def _launcher(self, key: tuple[Any, ...]) -> Launcher:
        arguments = tuple(part if isinstance(part, int) else part.name for part in key)
        if arguments not in self.instances:
            allowed = " or ".join(", ".join(map(str, instance)) for instance in self.instances)
            got = ", ".join(map(str, arguments))
            raise TypeError(f"{self.name} on CUDA takes {allowed}, got {got}")
        return Launcher(self, self.instances[arguments], key[0])


def _cpp(argument: str | int) -> str:
    return CPP_TYPES[argument] if isinstance(argument, str) else str(argument)


def _flatten(choices: Iterable[Choice]) -> tuple[str | int, ...]:
    nested = (choice if isinstance(choice, tuple) else (choice,) for choice in choices)
    return tuple(itertools.chain.from_iterable(nested))


class Template:
    """A kernel template with too many instances to list them."""

    def __init__(self, file: CudaFile, name: str) -> None:
        self.file = file
        self.name = name
        self.instances: dict[tuple[str, ...], str] = {}  # none that are listed

    @functools.cache  # noqa: B019 (templates live as long as the process)
    def instance(
        self, dtype: np.dtype[Any], *parameters: str | int, arch: str | None = None
    ) -> Launcher:
        """The kernel with these template parameters, in C++, for arrays of ``dtype``.

        ``arch`` is as in :meth:`CudaFile.compiled`.
        """
        return Launcher(self, f"{self.name}<{', '.join(map(str, parameters))}>", dtype, arch)


class Launcher:
    """A kernel for certain dtypes, ready to be launched on the current stream.

    Arguments may be arrays (C-contiguous, since kernels do not take strides), None for a null
    pointer, and Python and NumPy scalars. The kernel gets ``int`` as ``int``, ``bool`` as ``bool``,
    and ``float`` (also np.float64) in the type that it computes in, ``acc_t<T>``; other NumPy
    scalars keep their type.
    """

    def __init__(
        self,
        kernel: Kernel | Template,
        instance: str,
        dtype: np.dtype[Any],
        arch: str | None = None,
    ) -> None:
        self._kernel = kernel
        self._instance = instance
        self._arch = arch
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
        """Launches a grid of blocks, each with ``shared_memory`` bytes of dynamic shared memory."""
        kernel = self._kernel.file.compiled(self._instance, self._arch)
        arguments = tuple(self._convert(argument) for argument in args)
        if shared_memory:
            _ask_for_shared_memory(kernel, shared_memory, cupy.cuda.runtime.getDevice())
        kernel(grid, block, arguments, shared_mem=shared_memory)

    def _convert(self, argument: Any) -> cupy.ndarray | np.generic:
        # CuPy does not check arguments, and would pass an int or float as 8 bytes
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


@functools.cache  # asking once is enough, and takes as long as a launch
def _ask_for_shared_memory(kernel: cupy.RawKernel, size: int, device: int) -> None:
    """Allows a kernel's blocks ``size`` bytes of shared memory on the current device."""
    kernel.max_dynamic_shared_size_bytes = max(size, kernel.max_dynamic_shared_size_bytes)
    # shared memory and L1 cache divide one memory: as much as possible for shared memory, so that
    # several blocks fit on a multiprocessor
    kernel.preferred_shared_memory_carveout = 100


def accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype for sums over ``dtype``, ``acc_t<T>`` in ``common.cuh``."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


@functools.lru_cache(maxsize=1024)
def geometry_argument(geometry: Geometry) -> np.ndarray[Any, np.dtype[Any]]:
    """``geometry`` as the struct ``Geometry`` of ``common.cuh``, which CuPy passes by value."""
    pairs = ("input_size", "output_size", "kernel_size", "stride", "padding", "dilation")
    numbers = [number for name in pairs for number in getattr(geometry, name)]
    return np.array(numbers, dtype=np.int32).view(np.dtype((np.void, 4 * len(numbers))))
