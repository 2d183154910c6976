"""Times every tile and split for the layers of well-known networks, and keeps the fastest.

::

    python -m minicnn.kernels.cuda.tune                       # AlexNets, VGG16, ResNets, GoogLeNet
    python -m minicnn.kernels.cuda.tune --networks alexnet --batch 128 512 --dtypes bfloat16
    python -m minicnn.kernels.cuda.tune --conv 64,56,56,128,3,1,1 --linear 9216,4096

The table goes to the user's cache folder, where ``tiles.py`` looks for it, or to ``--out FILE``; what
is in it for other GPUs and shapes stays. Without a GPU: one line, and exit status 3.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cupy
import numpy as np

from ..geometry import Geometry
from ..tf32 import allow_tf32
from . import conv, tiles

NO_GPU = 3  # exit status
_RUNS, _REPEATS = 10, 3  # of a product in a graph, and of the graph
_HOPELESS = 3.0  # times the estimate for the best plan: slower ones are not measured
_TYPES = {  # name on the command line: dtype, whether TF32 is allowed
    "bfloat16": ("bfloat16", False),
    "float16": ("float16", False),
    "tf32": ("float32", True),
    "float32": ("float32", False),
}


@dataclass(frozen=True)
class Layer:
    """A convolution (square windows); a linear layer has images of one pixel."""

    C: int
    H: int
    W: int
    O: int
    kernel_size: int = 1
    stride: int = 1
    padding: int = 0

    @property
    def geometry(self) -> Geometry:
        pad, k, s = self.padding, self.kernel_size, self.stride
        output_size = (self.H + 2 * pad - k) // s + 1, (self.W + 2 * pad - k) // s + 1
        return Geometry((self.H, self.W), output_size, (k, k), (s, s), (pad, pad))

    def __str__(self) -> str:
        if (self.H, self.W) == (1, 1):
            return f"linear {self.C} -> {self.O}"
        return (
            f"conv {self.C} x {self.H} x {self.W} -> {self.O}, kernel {self.kernel_size}, "
            f"stride {self.stride}, padding {self.padding}"
        )


def _linear(inputs: int, outputs: int) -> Layer:
    return Layer(inputs, 1, 1, outputs)


def alexnet() -> list[Layer]:
    """The layers of torchvision's AlexNet."""
    return [
        Layer(3, 224, 224, 64, 11, 4, 2),
        Layer(64, 27, 27, 192, 5, 1, 2),
        Layer(192, 13, 13, 384, 3, 1, 1),
        Layer(384, 13, 13, 256, 3, 1, 1),
        Layer(256, 13, 13, 256, 3, 1, 1),
        _linear(9216, 4096),
        _linear(4096, 4096),
        _linear(4096, 1000),
    ]


def alexnet227() -> list[Layer]:
    """The layers of AlexNet with the channels of the paper, for two classes."""
    return [
        Layer(3, 227, 227, 96, 11, 4),
        Layer(96, 27, 27, 256, 5, 1, 2),
        Layer(256, 13, 13, 384, 3, 1, 1),
        Layer(384, 13, 13, 384, 3, 1, 1),
        Layer(384, 13, 13, 256, 3, 1, 1),
        _linear(9216, 4096),
        _linear(4096, 4096),
        _linear(4096, 2),
    ]


def vgg16() -> list[Layer]:
    """The layers of VGG16."""
    layers, channels, size = [], 3, 224
    for outputs, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers.append(Layer(channels, size, size, outputs, 3, 1, 1))
            channels = outputs
        size //= 2
    return [*layers, _linear(25088, 4096), _linear(4096, 4096), _linear(4096, 1000)]


def resnet34() -> list[Layer]:
    """The layers of ResNet-34."""
    layers = [Layer(3, 224, 224, 64, 7, 2, 3)]
    channels, size = 64, 56
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers.append(Layer(channels, size, size, width, 3, stride, 1))
        if stride > 1:
            layers.append(Layer(channels, size, size, width, 1, stride))
        size //= stride
        layers.append(Layer(width, size, size, width, 3, 1, 1))
        channels = width
    return [*layers, _linear(512, 1000)]


def resnet50() -> list[Layer]:
    """The layers of torchvision's ResNet-50, whose 3 x 3 convolutions have the strides."""
    layers = [Layer(3, 224, 224, 64, 7, 2, 3)]
    channels, size = 64, 56
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [
            Layer(channels, size, size, width),
            Layer(width, size, size, width, 3, stride, 1),
            Layer(channels, size, size, 4 * width, 1, stride),
        ]
        size //= stride
        channels = 4 * width
        layers += [
            Layer(width, size, size, channels),
            Layer(channels, size, size, width),
            Layer(width, size, size, width, 3, 1, 1),
        ]
    return [*layers, _linear(2048, 1000)]


def googlenet() -> list[Layer]:
    """The layers of torchvision's GoogLeNet, whose "5 x 5" convolutions are 3 x 3."""
    layers = [
        Layer(3, 224, 224, 64, 7, 2, 3),
        Layer(64, 56, 56, 64),
        Layer(64, 56, 56, 192, 3, 1, 1),
    ]
    # size, input, then outputs: 1 x 1, before 3 x 3, 3 x 3, before 5 x 5, 5 x 5, after the pooling
    modules = (
        (28, 192, 64, 96, 128, 16, 32, 32),
        (28, 256, 128, 128, 192, 32, 96, 64),
        (14, 480, 192, 96, 208, 16, 48, 64),
        (14, 512, 160, 112, 224, 24, 64, 64),
        (14, 512, 128, 128, 256, 24, 64, 64),
        (14, 512, 112, 144, 288, 32, 64, 64),
        (14, 528, 256, 160, 320, 32, 128, 128),
        (7, 832, 256, 160, 320, 32, 128, 128),
        (7, 832, 384, 192, 384, 48, 128, 128),
    )
    for size, channels, one, before_three, three, before_five, five, pooled in modules:
        layers += [Layer(channels, size, size, o) for o in (one, before_three, before_five, pooled)]
        layers.append(Layer(before_three, size, size, three, 3, 1, 1))
        layers.append(Layer(before_five, size, size, five, 3, 1, 1))
    return [*layers, _linear(1024, 1000)]


NETWORKS: dict[str, Callable[[], list[Layer]]] = {
    "alexnet": alexnet,
    "alexnet227": alexnet227,
    "vgg16": vgg16,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "googlenet": googlenet,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        gpu = conv.current_gpu()
    except Exception as error:  # noqa: BLE001  CuPy's errors differ between versions and causes
        print(f"tune: no GPU to measure on ({error})", file=sys.stderr)
        return NO_GPU
    out = options.out or tiles.table_path()
    table = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    entries = table.setdefault(gpu.name, {})
    for dtype, batch, layer in itertools.product(options.dtypes, options.batch, _layers(options)):
        print(f"{layer}, batch {batch}, {dtype}", flush=True)
        for problem, plan, milliseconds in _tune(layer, batch, dtype, gpu):
            entries[problem.key] = [plan.tile.name, plan.splits]
            print(f"  {problem.kind}: {plan.tile.name}, {plan.splits} splits", end="")
            print(f", {milliseconds:.3f} ms", flush=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"written to {out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minicnn.kernels.cuda.tune", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--networks", nargs="*", choices=NETWORKS, default=None)
    parser.add_argument("--batch", type=int, nargs="+", default=[128], help="images (default 128)")
    parser.add_argument("--dtypes", nargs="+", choices=_TYPES, default=["bfloat16", "tf32"])
    parser.add_argument(
        "--conv",
        type=_conv_layer,
        action="append",
        default=[],
        help="C,H,W,O,KERNEL,STRIDE,PADDING",
    )
    parser.add_argument(
        "--linear", type=_linear_layer, action="append", default=[], help="INPUTS,OUTPUTS"
    )
    parser.add_argument("--out", type=Path, help=f"the table (default {tiles.table_path()})")
    return parser


def _conv_layer(text: str) -> Layer:
    return Layer(*(int(number) for number in text.split(",")))


def _linear_layer(text: str) -> Layer:
    inputs, outputs = (int(number) for number in text.split(","))
    return _linear(inputs, outputs)


def _layers(options: argparse.Namespace) -> list[Layer]:
    """The layers to measure, each once; all networks if none are given."""
    given = options.conv + options.linear
    networks = options.networks
    if networks is None:
        networks = [] if given else list(NETWORKS)
    layers = [*given, *(layer for network in networks for layer in NETWORKS[network]())]
    return list(dict.fromkeys(layers))


# ---- measuring ----


def _tune(
    layer: Layer, batch: int, dtype_name: str, gpu: tiles.Gpu
) -> Iterator[tuple[tiles.Problem, tiles.Plan, float]]:
    """The fastest plan for each product of a layer, and its time in milliseconds."""
    name, tf32 = _TYPES[dtype_name]
    before = dict(allow_tf32)
    allow_tf32.update(conv=tf32, linear=tf32)
    try:
        for product in _products(layer, batch, np.dtype(name)):
            yield _fastest(product, gpu)
    finally:
        allow_tf32.update(before)


def _products(layer: Layer, batch: int, dtype: np.dtype[Any]) -> Iterator[Callable[[], object]]:
    """The three products of a layer, ready to run; two for a network's first layer."""
    g, kind = layer.geometry, "linear" if (layer.H, layer.W) == (1, 1) else "conv"
    numbers = np.random.default_rng(0).standard_normal(1 << 16).astype(dtype)

    def random(*shape: int) -> cupy.ndarray:
        return cupy.asarray(np.resize(numbers, shape))

    x = random(batch, layer.H, layer.W, layer.C)
    weight = random(layer.O, layer.kernel_size, layer.kernel_size, layer.C)
    grad = random(batch, *g.output_size, layer.O)
    bias = cupy.zeros(layer.O, np.float32)
    yield lambda: conv.forward(x, weight, bias, g, True, kind)
    yield lambda: conv.weight_grad(grad, x, g, np.dtype(np.float32), kind)
    if layer.C > 3:  # nobody asks for the gradient of an image
        yield lambda: conv.input_grad(grad, weight, g, kind)


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
