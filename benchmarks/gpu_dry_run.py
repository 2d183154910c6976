"""Runs a GPU benchmark without a GPU: CuPy's stand-in emulates one, and PyTorch computes on the CPU.

    python benchmarks/gpu_dry_run.py gpu_train_step.py --batch 2

``gpu_suite.py --dry-run`` puts the stand-in of ``tests/cuda_emulator`` on the path. The program runs as
it is, on layers and networks of toy size, because an emulated GPU is slow: its figures say nothing.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cupy
import gpu
import ml_dtypes
import torch
from layers import Layer
from torch.overrides import TorchFunctionMode

import minicnn as mc
from minicnn import models, nn

WINDOWS = (3, 3), (1, 1), (1, 1)  # kernel, stride, padding
CONVOLUTIONS = [
    Layer("conv1", (2, 3, 9, 8), (2, 8, 9, 8), (8, 3, 3, 3), *WINDOWS),
    Layer("conv2", (2, 8, 9, 8), (2, 16, 9, 8), (16, 8, 3, 3), *WINDOWS),
]
POOLS = [Layer("pool", (2, 8, 7, 5), (2, 8, 3, 2), (), (3, 3), (2, 2))]
NCU_PRINTS = (
    '"ID","Kernel Name","Metric Name","Metric Unit","Metric Value"\n'
    '"0","not a real kernel","Duration","us","1"\n'
)


class OnTheCpu(TorchFunctionMode):
    """Inside, ``device="cuda"`` means the CPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if torch.device(kwargs.get("device") or "cpu").type == "cuda":
            kwargs["device"] = "cpu"
        return func(*args, **kwargs)


class Anything:
    """A stream, a graph or a context that does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def wait_stream(self, _: object) -> None: ...


def pretend_torch_has_cuda() -> None:
    """Replace what the benchmarks ask of ``torch.cuda``, and the exchange of arrays."""
    for name in ("synchronize", "empty_cache", "reset_peak_memory_stats"):
        setattr(torch.cuda, name, lambda: None)
    for name in ("memory_allocated", "max_memory_allocated"):
        setattr(torch.cuda, name, lambda: 0)
    for name in ("Stream", "stream", "current_stream"):
        setattr(torch.cuda, name, Anything)
    torch.compile = lambda function, **_: function  # compiling would take most of the time
    torch.from_dlpack = to_torch
    cupy.from_dlpack = from_torch
    mc.from_dlpack = lambda tensor: mc.Tensor.of(from_torch(tensor))


def from_torch(tensor: torch.Tensor) -> Any:
    """An array of the stand-in with the numbers and the strides of a tensor."""
    rows = tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor
    if rows.dtype == torch.bfloat16:
        array = rows.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    else:
        array = rows.contiguous().numpy()
    moved = cupy.asarray(array)
    return moved.transpose(0, 3, 1, 2) if tensor.ndim == 4 else moved


def to_torch(array: Any) -> torch.Tensor:
    """A tensor in float32 with the numbers of an array of the stand-in."""
    return torch.from_numpy(cupy.asnumpy(array).astype("float32"))


def complete_the_stand_in() -> None:
    """What the benchmarks ask of CuPy and minicnn does not."""
    cupy.is_available = lambda: False  # for the environment: no GPU takes part
    cupy.cuda.set_allocator = lambda allocator: None
    for name in ("profilerStart", "profilerStop"):
        setattr(cupy.cuda.runtime, name, lambda: None)
    gpu.spin = lambda seconds: None
    gpu.peak_bytes = lambda run: (run(), 0)[1]
    gpu.free_bytes = lambda: 0
    gpu.gpu_seconds = functools.partial(gpu.gpu_seconds, repeats=1)


def small_network(library: Any) -> Any:
    """For images of 19 x 19, in minicnn or PyTorch."""
    return library.Sequential(
        library.Conv2d(3, 8, 3, stride=2),
        library.ReLU(),
        library.MaxPool2d(3, 2),
        library.Flatten(),
        library.Dropout(),
        library.Linear(128, 2),
    )


def shrink_training(program: ModuleType) -> None:
    program.our_network = lambda model: small_network(nn)
    program.their_network = lambda model: small_network(torch.nn)
    program.training_flops = lambda model, batch: batch
    program.torch_graph = lambda step, *_: step
    program.SIZES = dict.fromkeys(program.MODELS, 19)
    program.CHECK_BATCH = program.CHECK_STEPS = 2
    program.WARM_UP_STEPS = program.STEPS_PER_TURN = program.NUM_BATCHES = 1


def shrink_main_job(program: ModuleType) -> None:
    models.AlexNet227 = lambda **_: nn.Sequential(  # type: ignore[assignment]
        nn.Conv2d(3, 8, 11, stride=16),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(288, 2),
    )


def shrink_layers(program: ModuleType) -> None:
    program.conv_layers = lambda *_: CONVOLUTIONS
    program.pool_layers = lambda *_: POOLS


def shrink_ceilings(program: ModuleType) -> None:
    program.MATRIX_SIZES, program.COPY_BYTES = (16,), 1 << 12


def shrink_kernels(program: ModuleType) -> None:
    program.cases = functools.partial(program.cases, num_weights=1000)


def shrink_profile(program: ModuleType) -> None:
    program.CHANNELS, program.PIXELS = (8, 16), 7
    program.profile = lambda: (program.launch(1), NCU_PRINTS)[1]


def emulate(program: ModuleType) -> None:
    program.DEVICE = "cuda-emulated"


SHRINK: dict[str, Callable[[ModuleType], None]] = {
    "gpu_train_step": shrink_training,
    "gpu_main_job": shrink_main_job,
    "gpu_conv2d": shrink_layers,
    "gpu_plain": shrink_layers,
    "gpu_ceilings": shrink_ceilings,
    "gpu_kernels": shrink_kernels,
    "gpu_ncu": shrink_profile,
    "gpu_tests": emulate,
}


def main() -> None:
    script, *arguments = sys.argv[1:]
    name = Path(script).stem
    complete_the_stand_in()
    pretend_torch_has_cuda()
    program = importlib.import_module(name)
    SHRINK.get(name, lambda program: None)(program)
    sys.argv = [script, *arguments]
    with OnTheCpu():
        sys.exit(program.main())


if __name__ == "__main__":
    main()
