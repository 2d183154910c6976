"""All launches, copies and fills of a step, on a driver for CUDA that launches nothing.

The real CuPy runs over ``tests/cuda_driver``, which needs no GPU. minicnn's kernels are noted with
their arrays where they are launched, together with the plan of a matrix product. Kernels that CuPy
generates are known to the driver alone, by their name and the structs that describe their arrays.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from gpu_roofline import Launch, Product
from turns import CHECKOUT

__all__ = ["pretend_gpu", "record"]


def pretend_gpu() -> None:
    """Let CuPy find the driver's devices; call it before CuPy is imported."""
    sys.path.insert(0, str(CHECKOUT / "tests"))
    import cuda_driver

    cuda_driver.install()


def record(run: Callable[[], object]) -> list[Launch]:
    """The launches of ``run()``, in their order."""
    import cuda_driver

    recorder = _Recorder()
    cuda_driver.keep_calls(True)
    try:
        with recorder.watching():
            run()
        recorder.note_calls_of_cupy()
    finally:
        cuda_driver.keep_calls(False)
    return [launch() for launch in recorder.launches]


class _Recorder:
    """Notes launches; each becomes a :class:`Launch` when all is done.

    Only then do the tables of weights that optimizers read lie in memory.
    """

    def __init__(self) -> None:
        self.launches: list[Callable[[], Launch]] = []
        self.planned: tuple[Any, Any] | None = None  # problem and plan of the next launch
        self.calls = 0  # of the driver, that were looked at

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Inside, launches are noted."""
        from minicnn.kernels.cuda import conv
        from minicnn.kernels.cuda.gemm import tiles
        from minicnn.kernels.cuda.runtime.module import Launcher

        def plan(problem: Any, gpu: Any) -> Any:
            self.planned = problem, tiles.choose(problem, gpu)
            return self.planned[1]

        launch = Launcher.launch

        @functools.wraps(launch)
        def noted(launcher: Any, grid: Any, block: Any, *args: Any, **options: Any) -> None:
            self.note_calls_of_cupy()
            launch(launcher, grid, block, *args, **options)
            self.note(launcher, grid, args)

        with ExitStack() as stack:
            stack.enter_context(conv.planned_by(plan))
            Launcher.launch = noted
            stack.callback(setattr, Launcher, "launch", launch)
            yield

    def note(self, launcher: Any, grid: tuple[int, ...], args: tuple[Any, ...]) -> None:
        """The launch of one of minicnn's kernels, which the driver's last call was."""
        import cuda_driver

        *before, call = cuda_driver.calls(self.calls)
        self.calls += len(before) + 1
        kernel, instance = launcher._kernel.name, launcher._instance
        product, self.planned = self.planned and _product(*self.planned, instance, grid, args), None
        num_bytes = _bytes_moved(kernel, instance, args)
        self.launches.append(lambda: Launch(kernel, num_bytes(), product, call.beside))

    def note_calls_of_cupy(self) -> None:
        """The driver's calls since the last ones, which were not minicnn's."""
        import cuda_driver

        for call in cuda_driver.calls(self.calls):
            self.calls += 1
            num_bytes = 2 * call.size if call.name == "copy within the device" else call.size
            num_bytes += _bytes_of(call)
            launch = Launch(call.name.partition("__")[0], num_bytes, beside=call.beside)
            self.launches.append(functools.partial(replace, launch))


def _bytes_moved(kernel: str, instance: str, args: tuple[Any, ...]) -> Callable[[], int]:
    """What tells the bytes that a kernel of minicnn's moves; it keeps no array alive but a table."""
    import cupy

    if kernel.endswith("_step"):
        return functools.partial(_step_bytes, instance, args[0], half_grads=args[2])
    if kernel == "unscale":
        return functools.partial(_unscale_bytes, instance, args[0], scales=args[2] is not None)
    total = sum(arg.nbytes for arg in args if isinstance(arg, cupy.ndarray))
    return lambda: total


def _bytes_of(call: Any) -> int:
    """The bytes of the arrays that one of CuPy's kernels gets, each once.

    The kernel's name ends with the dtypes of its arrays. Dimensions with a stride of 0 are broadcast.
    """
    from cuda_driver import is_device_address

    dtypes = iter(call.name.partition("__")[2].split("_"))
    total = 0
    for address, *words in call.arguments:
        if words and is_device_address(address):
            ndim = len(words) // 2
            shape, strides = words[1 : 1 + ndim], words[1 + ndim :]
            elements = math.prod(size for size, stride in zip(shape, strides) if stride)
            total += elements * _itemsize(next(dtypes, ""))
    return total


def _itemsize(name: str) -> int:
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name, name) or "float64").itemsize


def _step_bytes(instance: str, table: Any, half_grads: bool) -> int:
    """What an optimizer moves: weights and states are read and written, gradients read.

    A row of its table (``optim.cu``) has the addresses of weight, gradient, states and half-precision
    copy, then the number of weights and the first block.
    """
    weight, half = _itemsizes(instance)
    rows = table.get().reshape(-1, 8).astype(int)
    total = 0
    for _, _, *states, half_copy, count, _ in rows:
        written = weight * (1 + sum(state != 0 for state in states))
        total += count * (2 * written + (half if half_grads else weight) + half * (half_copy != 0))
    return int(total)


def _unscale_bytes(instance: str, table: Any, scales: bool) -> int:
    """What a check of gradients moves; it writes them if it also scales them."""
    (itemsize,) = _itemsizes(instance)
    return int(table.get().reshape(-1, 3)[:, 1].sum()) * itemsize * (1 + scales)


def _itemsizes(instance: str) -> list[int]:
    """Of the types in a kernel's template."""
    names = instance.partition("<")[2].rstrip(">").split(", ")
    return [2 if "16" in name else {"float": 4, "double": 8}[name] for name in names]


def _product(
    problem: Any, plan: Any, instance: str, grid: tuple[int, ...], args: tuple[Any, ...]
) -> Product:
    """The matrix product of a launch by its problem and plan."""
    tile, x, weight = plan.tile, args[0], args[1]
    itemsize = x.dtype.itemsize
    depth = problem.depth
    multiply_adds = problem.M * problem.N * depth * problem.count
    if problem.kind == "input_grad":
        # The problem is that of the remainder with most taps; a tap belongs to one remainder.
        multiply_adds = x.size // x.shape[-1] * weight.size
        remainders = grid[2] // plan.splits
        depth = -(-weight.size // (weight.shape[-1] * remainders * grid[1]))
    step_depth = tile.depth(itemsize)
    steps = -(-depth // (step_depth * plan.splits))
    blocks = int(np.prod(grid))
    return Product(
        problem.key,
        f"{tile.M}x{tile.N}",
        plan.splits,
        _unit(problem, instance),
        itemsize,
        multiply_adds,
        blocks,
        tile.M * tile.N * steps * step_depth,
        blocks * steps * step_depth * itemsize * (tile.M + tile.N),
    )


def _unit(problem: Any, instance: str) -> str:
    """What multiplies in a kernel, by the types and names in its template."""
    if problem.type == "float":
        return "float cores"
    return "wgmma" if "Warpgroup" in instance else "mma.sync"
