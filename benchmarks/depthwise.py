"""Depthwise and grouped convolutions, each pass in milliseconds, against PyTorch and the hardware.

    python benchmarks/depthwise.py --batch 1 --against torch

The layers are MobileNetV2's with a filter for each channel, and a ResNeXt's of 32 groups. Beside each
stands what the machine needs for it at least: for the bytes of input and output at the speed of a
large copy, and for the multiply-adds at the speed of a large matrix product. Input and output of a
few images stay in the cache, so with them a pass can take less than its bytes.

Everything else is as in ``conv2d.py``.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import conv2d
import numpy as np
from common import layer_parser, layer_table
from conv2d import torch_calls
from layers import Layer
from mobilenet import depthwise_shapes
from turns import Worker

__all__ = ["minicnn_calls", "torch_calls"]

# channels, height and width, stride, groups of the 3x3 filters, which are as many as the channels
SHAPES = {
    "MobileNetV2": [(C, size, stride, C) for C, size, stride in depthwise_shapes()],
    "ResNeXt": [
        (128, 56, 1, 32),
        (256, 56, 2, 32),
        (256, 28, 1, 32),
        (512, 14, 1, 32),
        (1024, 7, 1, 32),
    ],
}


def grouped_layer(batch: int, C: int, size: int, stride: int, groups: int) -> Layer:
    """A convolution with 3x3 filters and a padding of 1."""
    out_size = (size - 1) // stride + 1
    shapes = (batch, C, size, size), (batch, C, out_size, out_size), (C, C // groups, 3, 3)
    windows = (3, 3), (stride, stride), (1, 1), (1, 1)
    return Layer(f"{groups} groups, stride {stride}", *shapes, *windows, groups)


def minicnn_calls(layer: Layer, device: str) -> conv2d.Calls:
    """The calls of ``conv2d.py``, and the machine's speeds."""
    return {**conv2d.minicnn_calls(layer, device), "speeds": speeds}


@functools.cache
def speeds() -> tuple[float, float]:
    """Bytes and multiply-adds in a second: of copying 128 MiB, and of a product of 2048 * 2048."""
    from minicnn.kernels.cpu.runtime.threads import for_each_slice

    values, copy = np.ones(1 << 25, np.float32), np.zeros(1 << 25, np.float32)
    a, out = np.ones((2048, 2048), np.float32), np.empty((2048, 2048), np.float32)

    def copy_slice(start: int, stop: int) -> None:
        np.copyto(copy[start:stop], values[start:stop])

    copied = _fastest(lambda: for_each_slice(len(values), copy_slice))
    return 2 * values.nbytes / copied, 2048**3 / _fastest(lambda: np.matmul(a, a, out=out))


def _fastest(work: Callable[[], Any]) -> float:
    """The least seconds of five calls."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(
    named: tuple[str, Layer], workers: Mapping[str, Worker], args: Any
) -> list[dict[str, Any]]:
    """The rows of ``conv2d.py``, with the least time by bytes and by multiply-adds, in seconds."""
    rows = conv2d.measure(named, workers, args)
    _, layer = named
    if args.device == "cpu":
        bandwidth, peak = workers["minicnn"].call("speeds")
        nbytes = 4 * (math.prod(layer.input_shape) + math.prod(layer.output_shape))
        least = {"bytes": nbytes / bandwidth, "multiply-adds": layer.multiply_adds / peak}
        text = ", ".join(f"{name} {seconds * 1e3:.2f} ms" for name, seconds in least.items())
        for row in rows:
            row |= {"shape": f"{row['shape']}; at least: {text}", "least": least}
    return rows


def main() -> None:
    args = layer_parser(__doc__).parse_args()
    layers = [
        (network, grouped_layer(args.batch, *shape))
        for network, shapes in SHAPES.items()
        for shape in shapes
    ]
    layer_table(__file__, args, layers, measure)


if __name__ == "__main__":
    main()
