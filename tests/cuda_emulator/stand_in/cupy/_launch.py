"""RawModule and RawKernel: compiles .cu text and launches it on the CPU.

A launch checks what CuPy leaves to luck: types and sizes of arguments, contiguity, empty grids and
the limits of the GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cuda_emulator
import numpy as np

from . import emulation
from ._array import ndarray
from ._memory import Allocation
from ._stream import is_capturing, perform
from .cuda.driver import CUDADriverError
from .cuda.runtime import MAX_SHARED_MEMORY

_DEFAULT_SHARED_MEMORY = 48 << 10
_MAX_THREADS = 1024
_MAX_BLOCK_Z = 64
_MAX_GRID_X = (1 << 31) - 1
_MAX_GRID_YZ = 65535


class RawModule:
    """The kernels of a CUDA source text, compiled when one is first asked for."""

    def __init__(
        self,
        code: str,
        *,
        options: tuple[str, ...] = (),
        name_expressions: Sequence[str] | None = None,
    ) -> None:
        if not isinstance(options, tuple):
            raise TypeError("options must be a tuple of strings")
        self.code = code
        self.options = options
        self.name_expressions = tuple(name_expressions or ())
        self._module: cuda_emulator.Module | None = None
        self._kernels: dict[str, RawKernel] = {}

    def get_function(self, name: str) -> RawKernel:
        """A kernel of the module."""
        if self._module is None:
            self._module = cuda_emulator.Module(
                self.code,
                self.options,
                self.name_expressions,
                arch=f"compute_{_architecture(self.options)}",
            )
        if name not in self._kernels:
            try:
                self._kernels[name] = RawKernel._of(self._module.get(name))
            except cuda_emulator.KernelError as error:
                raise CUDADriverError(f"CUDA_ERROR_NOT_FOUND: {error}") from error
        return self._kernels[name]


def _architecture(options: tuple[str, ...]) -> str:
    """What NVRTC compiles for, as CuPy calls it, with the GPU's architecture as its last option.

    Of 90a and 90 it takes the first; otherwise the last.
    """
    for option in options:
        name, _, value = option.partition("=sm_")
        if name in ("-arch", "--gpu-architecture") and value.rstrip("af") == emulation.arch:
            return value
    return emulation.arch


class RawKernel:
    """A kernel that takes a grid, a block and a tuple of arguments."""

    def __init__(self, *args: Any, **options: Any) -> None:
        raise NotImplementedError("the stand-in makes kernels by RawModule.get_function only")

    @classmethod
    def _of(cls, kernel: cuda_emulator.Kernel) -> RawKernel:
        self = object.__new__(cls)
        self.name: str = kernel.name
        self.max_dynamic_shared_size_bytes = _DEFAULT_SHARED_MEMORY
        self._kernel = kernel
        return self

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        args: Sequence[Any],
        *,
        shared_mem: int = 0,
    ) -> None:
        """Launches the kernel, or puts the launch into the graph that is being captured."""
        self._check_sizes(grid, block, shared_mem)
        values = self._convert(args)
        if is_capturing():  # complain now, not when it is replayed
            self._kernel.check(grid, block, values)
        checked, reachable = emulation.checked, self._reachable(args)

        def launch() -> None:
            emulation.launches[self.name, checked] += 1
            self._kernel(
                grid,
                block,
                values,
                shared_memory=shared_mem,
                seed=emulation.seed,
                checked=checked,
                reachable=reachable,
            )

        perform(launch, [value._allocation for value in args if isinstance(value, ndarray)])

    def _fail(self, problem: str) -> None:
        raise CUDADriverError(f"{self.name}: {problem}")

    def _check_sizes(self, grid: tuple[int, ...], block: tuple[int, ...], shared_mem: int) -> None:
        if type(grid) is not tuple or type(block) is not tuple:
            raise TypeError("grid and block must be tuples")
        blocks = (*map(int, grid), 1, 1)[:3]
        threads = (*map(int, block), 1, 1)[:3]
        if min(blocks + threads) < 1:
            self._fail(f"zero in grid {grid} or block {block} (CuPy would launch one block)")
        count = threads[0] * threads[1] * threads[2]
        if (
            count > _MAX_THREADS
            or threads[2] > _MAX_BLOCK_Z
            or blocks[0] > _MAX_GRID_X
            or max(blocks[1:]) > _MAX_GRID_YZ
        ):
            self._fail(f"CUDA_ERROR_INVALID_VALUE: grid {grid}, block {block}")
        limit = self._kernel.max_threads
        if limit and count > limit:
            self._fail(f"{count} threads exceed __launch_bounds__({limit})")
        allowed = self.max_dynamic_shared_size_bytes
        if shared_mem > allowed:
            self._fail(
                f"CUDA_ERROR_INVALID_VALUE: {shared_mem} bytes of dynamic shared memory exceed "
                f"{allowed}; set kernel.max_dynamic_shared_size_bytes"
            )
        most = MAX_SHARED_MEMORY[emulation.arch]
        if allowed > most:
            self._fail(f"sm_{emulation.arch} has {most} bytes of shared memory, not {allowed}")

    def _convert(self, args: Sequence[Any]) -> list[Any]:
        """The arguments for the emulator, if they are what the kernel takes."""
        parameters = self._kernel.parameters
        if len(args) != len(parameters):
            self._fail(f"takes {len(parameters)} arguments, got {len(args)}")
        return [
            self._convert_one(number, value, parameter.kind == "P")
            for number, (value, parameter) in enumerate(zip(args, parameters))
        ]

    def _convert_one(self, number: int, value: Any, is_pointer: bool) -> Any:
        if isinstance(value, ndarray):
            if not is_pointer:
                self._fail(f"argument {number} is an array, the kernel takes a number")
            return value._array
        if value is None:
            self._fail(f"argument {number} is None, for which CuPy passes nothing at all")
        if isinstance(value, np.ndarray) and value.size == 1 and not is_pointer:
            return value  # passed by value, such as a struct
        if isinstance(value, (np.ndarray, list, tuple, str)):
            raise TypeError(f"Unsupported type {type(value)}")
        if type(value) in (int, float, bool):
            self._fail(
                f"argument {number} is a Python {type(value).__name__}, which CuPy passes as 8 "
                "bytes; use np.int32, np.float32, ..."
            )
        if is_pointer and not isinstance(value, np.uint64):
            self._fail(f"argument {number} is a number, the kernel takes a pointer")
        return value

    def _reachable(self, args: Sequence[Any]) -> list[tuple[int, int]]:
        """Memory beyond the array arguments that a kernel may use.

        Addresses, and arrays of integers wide enough for addresses, may lead anywhere.
        """
        addresses = (np.int64, np.uint64)
        for value, parameter in zip(args, self._kernel.parameters):
            if isinstance(value, ndarray):
                leads_on = value.dtype in addresses
            else:
                leads_on = parameter.kind == "P" and int(value) != 0
            if leads_on:
                return [(piece.address, piece.nbytes) for piece in list(Allocation.live)]
        return []
