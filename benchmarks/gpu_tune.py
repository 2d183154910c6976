"""Times every tile and split for the layers of well-known networks, and keeps the fastest.

    python benchmarks/gpu_tune.py                             # AlexNets, VGG16, ResNets, GoogLeNet
    python benchmarks/gpu_tune.py --networks alexnet --batch 128 512 --dtypes bfloat16
    python benchmarks/gpu_tune.py --conv 64,56,56,128,3,1,1 --linear 9216,4096

The table goes to the user's cache folder, where ``kernels/cuda/gemm/tiles.py`` looks for it, or to
``--out FILE``. Its entries for other GPUs and shapes are kept. Without a GPU the program prints one
line and exits with status 3.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import replace_text
from layers import Layer, conv_layers, linear_layers

from minicnn.kernels.tf32 import allow_tf32

NO_GPU = 3  # exit status

try:
    import cupy

    from minicnn.kernels import cuda
    from minicnn.kernels.cuda import conv
    from minicnn.kernels.cuda.gemm import tiles
except ImportError:
    print("gpu_tune: no GPU to measure on (CuPy is not installed)", file=sys.stderr)
    sys.exit(NO_GPU)

_RUNS, _REPEATS = 10, 3  # of a product in a graph, and of the graph
_HOPELESS = 3.0  # plans are not measured if their estimate is so many times the best one
_TYPES = {  # name on the command line: dtype, whether TF32 is allowed
    "bfloat16": ("bfloat16", False),
    "float16": ("float16", False),
    "tf32": ("float32", True),
    "float32": ("float32", False),
}
NETWORKS = {  # height and width of the images, classes
    "alexnet": (224, 1000),
    "alexnet227": (227, 2),
    "vgg16": (224, 1000),
    "resnet34": (224, 1000),
    "resnet50": (224, 1000),
    "googlenet": (224, 1000),
}
_MakeLayer = Callable[[int], Layer]  # of the batch


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        gpu = conv.current_gpu()
    except Exception as error:  # noqa: BLE001  CuPy's errors differ between versions and causes
        print(f"gpu_tune: no GPU to measure on ({error})", file=sys.stderr)
        return NO_GPU
    out = options.out or tiles.table_path()
    table = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    entries = table.setdefault(gpu.name, {})
    for dtype, batch in itertools.product(options.dtypes, options.batch):
        for layer in _layers(options, batch):
            print(f"{_describe(layer)}, {dtype}", flush=True)
            for problem, plan, milliseconds in _tune(layer, dtype, gpu):
                entries[problem.key] = [plan.tile.name, plan.splits]
                print(f"  {problem.kind}: {plan.tile.name}, {plan.splits} splits", end="")
                print(f", {milliseconds:.3f} ms", flush=True)
            out.parent.mkdir(parents=True, exist_ok=True)
            replace_text(out, json.dumps(table, indent=1, sort_keys=True) + "\n")
    print(f"written to {out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--networks", nargs="*", choices=NETWORKS, default=None)
    parser.add_argument("--batch", type=int, nargs="+", default=[128], help="images (default 128)")
    parser.add_argument("--dtypes", nargs="+", choices=_TYPES, default=["bfloat16", "tf32"])
    parser.add_argument(
        "--conv", type=_conv, action="append", default=[], help="C,H,W,O,KERNEL,STRIDE,PADDING"
    )
    parser.add_argument(
        "--linear", type=_linear, action="append", default=[], help="INPUTS,OUTPUTS"
    )
    parser.add_argument("--out", type=Path, help=f"the table (default {tiles.table_path()})")
    return parser


def _conv(text: str) -> _MakeLayer:
    C, H, W, O, kernel, stride, padding = (int(number) for number in text.split(","))
    OH, OW = ((size + 2 * padding - kernel) // stride + 1 for size in (H, W))
    windows = (kernel, kernel), (stride, stride), (padding, padding)
    weight = O, C, kernel, kernel
    return lambda batch: Layer("", (batch, C, H, W), (batch, O, OH, OW), weight, *windows)


def _linear(text: str) -> _MakeLayer:
    inputs, outputs = (int(number) for number in text.split(","))
    return lambda batch: Layer("", (batch, inputs), (batch, outputs), (outputs, inputs))


def _layers(options: argparse.Namespace, batch: int) -> list[Layer]:
    """The layers to measure, each once; all networks if none are given."""
    given = [make(batch) for make in options.conv + options.linear]
    networks = options.networks
    if networks is None:
        networks = [] if given else list(NETWORKS)
    of_networks = [
        layer
        for network in networks
        for find in (conv_layers, linear_layers)
        for layer in find(network, batch, *NETWORKS[network])
    ]
    return list({_describe(layer): layer for layer in [*given, *of_networks]}.values())


def _describe(layer: Layer) -> str:
    if len(layer.input_shape) == 2:
        (N, inputs), (_, outputs) = layer.input_shape, layer.output_shape
        return f"linear {inputs} -> {outputs}, batch {N}"
    N, C, H, W = layer.input_shape
    return (
        f"conv {C} x {H} x {W} -> {layer.output_shape[1]}, kernel {layer.kernel_size}, "
        f"stride {layer.stride}, padding {layer.padding}, batch {N}"
    )


# ---- measuring ----


def _tune(
    layer: Layer, dtype_name: str, gpu: tiles.Gpu
) -> Iterator[tuple[tiles.Problem, tiles.Plan, float]]:
    """The fastest plan for each product of a layer, and its time in milliseconds."""
    name, tf32 = _TYPES[dtype_name]
    before = dict(allow_tf32)
    allow_tf32.update(conv=tf32, linear=tf32)
    try:
        for product in _products(layer, np.dtype(name)):
            yield _fastest(product, gpu)
    finally:
        allow_tf32.update(before)


def _products(layer: Layer, dtype: np.dtype[Any]) -> Iterator[Callable[[], object]]:
    """The three products of a layer, ready to run; two for a network's first layer."""
    shapes = layer.input_shape, layer.weight_shape, layer.output_shape
    x, weight, grad = (_random(shape, dtype) for shape in shapes)
    bias = cupy.zeros(len(weight), np.float32)
    name, geometry = ("linear", ()) if x.ndim == 2 else ("conv2d", (layer.geometry,))
    product = {kind: getattr(cuda, name + kind) for kind in ("", "_weight_grad", "_input_grad")}
    yield functools.partial(product[""], x, weight, bias, *geometry)
    yield functools.partial(product["_weight_grad"], grad, x, *geometry, np.dtype(np.float32))
    if x.shape[1] > 3:  # training never asks for the gradient of an image
        yield functools.partial(product["_input_grad"], grad, weight, *geometry)


def _random(shape: tuple[int, ...], dtype: np.dtype[Any]) -> cupy.ndarray:
    """Random numbers, which repeat; images are channels-last in memory."""
    numbers = np.random.default_rng(0).standard_normal(1 << 16).astype(dtype)
    if len(shape) == 2:
        return cupy.asarray(np.resize(numbers, shape))
    N, C, H, W = shape
    return cupy.asarray(np.resize(numbers, (N, H, W, C))).transpose(0, 3, 1, 2)


def _fastest(
    product: Callable[[], object], gpu: tiles.Gpu
) -> tuple[tiles.Problem, tiles.Plan, float]:
    """Runs ``product`` with every plan that the rule does not think hopeless."""
    problems: list[tiles.Problem] = []

    def note(problem: tiles.Problem, gpu: tiles.Gpu) -> tiles.Plan:
        problems.append(problem)
        return tiles.choose(problem, gpu)

    with conv.planned_by(note):
        product()
    problem = problems[0]
    possible = tiles.plans(problem, gpu)
    limit = _HOPELESS * tiles.cycles(problem, possible[0], gpu)
    times = {}
    for plan in possible:
        if tiles.cycles(problem, plan, gpu) <= limit:
            times[plan] = _milliseconds(product, plan)
    best = min(times, key=times.__getitem__)
    return problem, best, times[best]


def _milliseconds(product: Callable[[], object], plan: tiles.Plan) -> float:
    """The time of a run on the GPU by this plan, in milliseconds.

    Runs are recorded in a graph, so that the time Python takes for a launch does not count.
    """
    pool = cupy.cuda.MemoryPool()  # a graph works on the memory of its recording: nobody else may
    with (
        conv.planned_by(lambda problem, gpu: plan),
        cupy.cuda.using_allocator(pool.malloc),
        cupy.cuda.Stream(non_blocking=True) as stream,
    ):
        product()  # compiles, and leaves memory in the pool for the recording
        stream.begin_capture()
        for _ in range(_RUNS):
            product()
        graph = stream.end_capture()
        return min(_launch_time(graph, stream) for _ in range(_REPEATS)) / _RUNS


def _launch_time(graph: cupy.cuda.Graph, stream: cupy.cuda.Stream) -> float:
    """Milliseconds from a graph's start to its end."""
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    start.record(stream)
    graph.launch(stream)
    end.record(stream)
    end.synchronize()
    return float(cupy.cuda.get_elapsed_time(start, end))


if __name__ == "__main__":
    sys.exit(main())
