"""Runs CUDA kernels on a CPU, for tests.

It finds wrong results, wrong accesses to memory, missing barriers and wrong launches on machines
without a GPU, in kernels that know nothing of it. It says nothing about speed. It needs Linux, g++
and the wheel ``nvidia-cuda-nvrtc``; neither CuPy nor a CUDA toolkit.

How it works:

1. NVRTC, NVIDIA's own compiler, turns a ``.cu`` file into PTX (``nvrtc.py``, ``module.py``).
2. The PTX of a kernel is translated to C++, statement by statement: registers become local
   variables, branches gotos, addresses in shared memory offsets into one buffer (``ptx/``).
3. g++ makes a library of it, when the kernel is first asked for (``build.py``). It calls a runtime
   that all kernels share (``runtime/``).
4. A launch runs the threads of a block one after another on one core. Each that waits, at a barrier
   or for the other lanes of its warp, keeps its stack, a fiber, and another goes on. The last lane
   that arrives at a shuffle or ``mma`` computes it for all (``kernel.py``).

To run a kernel by hand, with ``tests`` on PYTHONPATH::

    import numpy as np
    from cuda_emulator import Module

    module = Module(open("axpy.cu").read())
    x, y = np.ones(1000, np.float32), np.zeros(1000, np.float32)
    arguments = (y, x, np.float32(2), np.int32(1000))  # NumPy arrays, scalars of the exact type
    module.get("axpy")((4,), (256,), arguments, seed=1, checked=True)

What it catches, as a :class:`KernelError` with block, thread and source line:

- Always: shared memory out of bounds, misaligned accesses, divergent barriers, lanes missing from
  a mask or foreign to it, integer division by zero, stack overflow, wild pointers. Accesses past
  the end of arrays that :func:`fenced` or :func:`fenced_copy` made. For ``wgmma``: a missing
  ``wgmma.fence``, accumulators read or written before ``wgmma.wait_group``, products that were
  never committed or waited for, wrong descriptors, warps of a warpgroup that are missing or differ.
- With ``checked=True``, also: every access to global memory outside the arrays that were passed
  and what ``reachable`` names, races in shared and global memory (words of 4 bytes), between blocks
  or within one, reads of uninitialised shared memory, reads before ``cp.async.wait_group``,
  ``ld.global.nc`` (``__ldg``, ``const __restrict__``) of data that the kernel wrote, operands of
  ``wgmma`` that were written without ``fence.proxy.async`` or are overwritten in flight.
- As a wrong result: shared memory, registers and local arrays start as NaN, ``cp.async`` copies as
  late as it may, ``wgmma`` reads its operands as late as it may, and sees nothing that was written
  without ``fence.proxy.async``. One warp always runs as far ahead of the others as the barriers
  let it. A ``seed`` shuffles blocks, warps and lanes: odd seeds start new threads before they go on
  with those that waited, even seeds the other way round.

What it cannot catch:

- The order between streams, events and the host: a launch is finished when it returns.
- Blocks that wait for each other: blocks run one after another, and such a launch hangs.
- The last bits of the hardware's approximate functions and of ``mma``, and the order of float
  atomics. After ``build.load_runtime().emu_truncate_mma(True)`` sums of ``mma`` are cut off at least
  as early as tensor cores do; else they are rounded. Denormals are never flushed, although CuPy
  compiles with ``-ftz=true``.
- Misreadings that kernel and emulator share, such as the layout of a matrix fragment or of an
  operand of ``wgmma`` in shared memory; run the same tests on a GPU once.
- Whether ptxas keeps ``wgmma`` asynchronous, or makes it wait because of how registers are used.
- Races on paths that the test does not take, or hidden by a shuffle, vote or ``mma``, which count
  as ``__syncwarp`` here. Global races of accesses narrower than 4 bytes.
- Occupancy, register limits, memory exhaustion, the driver.

Stricter than the hardware: a thread that has returned does not count at a barrier, and a race is
reported even if it is harmless. The warps of a warpgroup do not wait for each other at ``wgmma``;
``fence.proxy.async`` counts only in the thread that wrote; ``wgmma`` needs a base offset of 0 and
A in shared memory. For kernels whose blocks hand data to each other on purpose there is
``check_races=False``.

To add an opcode, write a function in ``ptx/opcodes``::

    @translates("sad")
    def _sad(op: Operation) -> str:
        a, b, c = op.value(1), op.value(2), op.value(3)
        return op.assign(f"sum_of_difference<{op.c_type}>({a}, {b}, {c})")

and the C++ function in ``runtime/ptx_ops.h``. ``op.value(i)`` is operand i as C++, ``op.assign``
stores the result in operand 0, ``op.address`` is a checked pointer, ``op.at_site`` notes the source
line before something that may fail or block. Name every modifier that the function understands;
others are refused, with their source line. Add a row to ``test_opcodes.py`` with a model in Python.
An instruction of a whole warp also needs a function in ``runtime/warp_ops.cpp``.

Compiled kernels are kept in ``~/.cache/cuda-emulator``, or the folder that CUDA_EMULATOR_CACHE
names, together with their PTX and C++, to look at. Everything there may be deleted. CXX names
another C++ compiler; CUDA_EMULATOR_UCONTEXT=1 chooses the portable way of switching between
threads, which other CPUs than x86-64 always go.

``python -m cuda_emulator.resources`` lists the registers and shared memory of minicnn's kernels.
"""

from .errors import CompileError, KernelError, UnsupportedPtx
from .kernel import Kernel, Statistics
from .memory import fenced, fenced_copy
from .module import Module

__all__ = [
    "CompileError",
    "Kernel",
    "KernelError",
    "Module",
    "Statistics",
    "UnsupportedPtx",
    "fenced",
    "fenced_copy",
]
