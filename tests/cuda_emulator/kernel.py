"""A kernel that runs on the CPU: checks the arguments of a launch and runs the grid."""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from . import build, memory
from .errors import KernelError
from .parameters import ParameterType
from .variables import Range, Variables

_MAX_THREADS = 1024  # per block


class _Dim3(ctypes.Structure):
    _fields_ = (("x", ctypes.c_uint32), ("y", ctypes.c_uint32), ("z", ctypes.c_uint32))


class _Launch(ctypes.Structure):
    _fields_ = (
        ("grid", _Dim3),
        ("block", _Dim3),
        ("dynamic_shared", ctypes.c_size_t),
        ("seed", ctypes.c_int),
        ("checked", ctypes.c_int),
        ("races", ctypes.c_int),
        ("arrays", ctypes.POINTER(Range)),
        ("array_count", ctypes.c_size_t),
        ("variables", ctypes.POINTER(Range)),
        ("variable_count", ctypes.c_size_t),
    )


class _Statistics(ctypes.Structure):
    _fields_ = (
        ("switches", ctypes.c_uint64),
        ("ldmatrix_phases", ctypes.c_uint64),
        ("ldmatrix_replays", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class Statistics:
    """What a launch did.

    ``ldmatrix_replays`` counts the extra passes that bank conflicts would cost; a conflict-free
    layout has none.
    """

    switches: int
    ldmatrix_phases: int
    ldmatrix_replays: int


_launching = threading.Lock()  # the runtime has one state per process


class Kernel:
    """A kernel that runs on the CPU.

    ``parameters`` are its parameters' types, ``max_threads`` what __launch_bounds__ allows.
    """

    def __init__(
        self,
        name: str,
        max_threads: int | None,
        parameters: list[ParameterType],
        library: Path,
        variables: Variables,
    ) -> None:
        self.name = name
        self.max_threads = max_threads
        self.parameters = parameters
        self._variables = variables
        self._runtime = build.load_runtime()  # before the kernel, which needs it
        self._runtime.emu_error.restype = ctypes.c_char_p
        self._library = ctypes.CDLL(str(library))
        self._descriptor = ctypes.c_char.in_dll(self._library, "emu_kernel")

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
        """Runs the whole grid and returns when it is done.

        Args:
            grid: blocks along x, y and z; trailing ones may be left out.
            block: threads of a block, likewise.
            args: NumPy arrays for pointers, NumPy scalars of the exact type for the rest.
            shared_memory: bytes of dynamic shared memory.
            seed: if not 0, shuffles the order of blocks, warps and lanes.
            checked: check every access; the kernel may then touch the arrays among ``args`` and
                what ``reachable`` names, and nothing else.
            check_races: off for kernels whose blocks hand data to each other in global memory.
            reachable: pairs of address and size in bytes.

        Raises:
            KernelError: the launch is wrong, or the kernel went wrong.
        """
        self._check_sizes(grid, block)
        if seed < 0:
            raise ValueError(f"seed (={seed}) must not be negative")
        pointers, holders, ranges = self._lay_out(args)
        ranges += reachable
        arrays = (Range * max(1, len(ranges)))(*ranges)
        launch = _Launch(
            _dim3(grid),
            _dim3(block),
            shared_memory,
            seed,
            checked,
            check_races,
            arrays,
            len(ranges),
            self._variables.ranges,
            self._variables.count,
        )
        statistics = _Statistics()
        with _launching:
            failed = self._runtime.emu_run(
                ctypes.byref(self._descriptor),
                pointers,
                ctypes.byref(launch),
                ctypes.byref(statistics),
            )
            error = self._runtime.emu_error().decode()
        if failed:
            raise KernelError(f"{self.name}: {error}")
        del holders  # were needed until here
        self._check_slack(args)
        return Statistics(
            statistics.switches, statistics.ldmatrix_phases, statistics.ldmatrix_replays
        )

    def check(self, grid: Sequence[int], block: Sequence[int], args: Sequence[Any]) -> None:
        """Raises KernelError if a launch with these sizes and arguments is wrong."""
        self._check_sizes(grid, block)
        self._lay_out(args)

    def _check_sizes(self, grid: Sequence[int], block: Sequence[int]) -> None:
        threads = math.prod(block)
        if min(*grid, *block) < 1:
            raise KernelError(f"{self.name}: empty grid {tuple(grid)} or block {tuple(block)}")
        if threads > (self.max_threads or _MAX_THREADS):
            raise KernelError(
                f"{self.name}: {threads} threads per block, "
                f"more than {self.max_threads or _MAX_THREADS}"
            )

    def _lay_out(
        self, args: Sequence[Any]
    ) -> tuple[ctypes.Array[ctypes.c_void_p], list[np.ndarray], list[tuple[int, int]]]:
        """The arguments as cuLaunchKernel takes them.

        Returns:
            A pointer to each argument, the arrays that hold them, and the memory to be reached.
        """
        if len(args) != len(self.parameters):
            raise KernelError(
                f"{self.name} takes {len(self.parameters)} arguments, got {len(args)}"
            )
        pointers = (ctypes.c_void_p * max(1, len(args)))()
        holders = []
        ranges = []
        for index, (value, parameter) in enumerate(zip(args, self.parameters)):
            if parameter.kind != "P":
                holder = np.ascontiguousarray(value)
                self._check_scalar(index, holder, parameter)
                ranges.append((holder.ctypes.data, holder.nbytes))  # a kernel may take its address
            elif isinstance(value, np.ndarray):
                self._check_array(index, value, parameter)
                ranges.append((value.ctypes.data, value.nbytes))
                holder = np.array(value.ctypes.data, np.uint64)
            else:
                holder = np.array(0 if value is None else int(value), np.uint64)
            pointers[index] = holder.ctypes.data
            holders.append(holder)
        return pointers, holders, ranges

    def _check_array(self, index: int, array: np.ndarray, parameter: ParameterType) -> None:
        if not array.flags.c_contiguous:
            self._refuse(index, f"the array is not C-contiguous (strides {array.strides})")
        if not parameter.element:
            return
        kind, size = parameter.element
        if size > 1 and array.dtype.itemsize != size:
            self._refuse(index, f"array of {array.dtype} for a pointer to {size}-byte elements")
        # 2-byte elements may be raw bits of a 16-bit float.
        if size >= 4 and (kind == "f") != (array.dtype.kind == "f"):
            wanted = "floats" if kind == "f" else "integers"
            self._refuse(index, f"array of {array.dtype} for a pointer to {wanted}")

    def _check_scalar(self, index: int, value: np.ndarray, parameter: ParameterType) -> None:
        if value.dtype.itemsize != parameter.nbytes or value.size != 1:
            self._refuse(
                index,
                f"{value.dtype} of {value.nbytes} bytes for a parameter of "
                f"{parameter.nbytes} bytes",
            )
        if parameter.kind != "V" and (parameter.kind == "f") != (value.dtype.kind == "f"):
            wanted = "a float" if parameter.kind == "f" else "an integer"
            self._refuse(index, f"{value.dtype} for a parameter that is {wanted}")

    def _refuse(self, index: int, problem: str) -> NoReturn:
        raise KernelError(f"{self.name}: argument {index}: {problem}")

    def _check_slack(self, args: Sequence[Any]) -> None:
        for index, value in enumerate(args):
            if isinstance(value, np.ndarray) and memory.overwritten(
                value.ctypes.data + value.nbytes
            ):
                raise KernelError(f"{self.name}: the kernel wrote past the end of argument {index}")


def _dim3(extents: Sequence[int]) -> _Dim3:
    x, y, z = [int(extent) for extent in extents] + [1] * (3 - len(extents))
    return _Dim3(x, y, z)
