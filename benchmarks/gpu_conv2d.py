"""Each convolution of AlexNet, VGG16 and ResNet-34 on the GPU, in three directions, against cuDNN.

    python benchmarks/gpu_conv2d.py --json conv2d.json

cuDNN is called through PyTorch, with channels-last memory and ``cudnn.benchmark``. Both frameworks
work on the very same arrays, and each result is first compared with the other's. There is no bias.
The first layers' input gradients are left out: training never asks for them.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from common import print_environment, write_json
from conv2d import minicnn_passes, torch_passes
from gpu import PRECISIONS, allow_tf32, gpu_seconds, require_gpu
from layers import Layer, conv_layers

from minicnn.devices import cupy

BATCH = 64
NETWORKS = {  # name in minicnn.models, height and width of the images
    "AlexNet": ("alexnet227", 227),
    "VGG16": ("vgg16", 224),
    "ResNet-34": ("resnet34", 224),
}
# Largest difference that rounding explains, as a share of the largest value: bf16 keeps 8 bits of
# a result, TF32 11 bits of each operand.
TOLERANCE = {"bf16": 2e-2, "tf32": 5e-3}


def operands(layer: Layer, precision: str) -> list[Any]:
    """x, weight and the output's gradient: random tensors on the GPU, channels-last in memory."""
    import torch

    shapes = layer.input_shape, layer.weight_shape, layer.output_shape
    dtype = {"bf16": torch.bfloat16, "tf32": torch.float32}[precision]
    tensors = [torch.randn(shape, device="cuda").to(dtype) for shape in shapes]
    return [tensor.contiguous(memory_format=torch.channels_last) for tensor in tensors]


def passes(tensors: list[Any], layer: Layer) -> dict[str, dict[str, Any]]:
    """For each direction, the calls of both frameworks."""
    x, weight, grad = tensors
    arrays = [cupy().from_dlpack(tensor) for tensor in tensors]
    theirs = torch_passes(x, weight, None, grad, layer.geometry)
    ours = minicnn_passes(arrays[0], arrays[1], None, arrays[2], layer.geometry)
    return {name: {"minicnn": ours[name], "torch": theirs[name]} for name in ours}


def difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two results, as a share of the largest value."""
    import torch

    ours, theirs = torch.from_dlpack(ours).float(), theirs.float()
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def measure(network: str, layer: Layer, precision: str, repeats: int) -> Iterator[dict[str, Any]]:
    """A row for each direction of one layer."""
    for direction, runs in passes(operands(layer, precision), layer).items():
        if layer.input_shape[1] == 3 and direction == "input gradient":
            continue
        error = difference(runs["minicnn"](), runs["torch"]())
        seconds = gpu_seconds(runs, repeats=repeats)
        yield {
            "layer": f"{network} {layer.name}",
            "pass": direction,
            "precision": precision,
            **seconds,
            "tflops": 2 * layer.multiply_adds / seconds["minicnn"] / 1e12,
            "ratio": seconds["torch"] / seconds["minicnn"],
            "difference": error,
            "agrees": error <= TOLERANCE[precision],
        }


def print_row(row: dict[str, Any]) -> None:
    print(
        f"{row['layer']:30} {row['pass']:16} {row['precision']}",
        f"{row['minicnn'] * 1e3:10.3f}{row['torch'] * 1e3:10.3f}",
        f"{row['ratio']:12.2f}{row['tflops']:10.1f}",
        "" if row["agrees"] else f"  results differ by {row['difference']:.1e}",
        flush=True,
    )


def print_ratios(rows: list[dict[str, Any]], precisions: Iterable[str]) -> None:
    for precision in precisions:
        ratios = [row["ratio"] for row in rows if row["precision"] == precision]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"torch/minicnn, geometric mean in {precision}: {mean:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=BATCH, help=f"images (default {BATCH})")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--repeats", type=int, default=5, help="timed bursts (default 5)")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    args = parser.parse_args()
    require_gpu()
    import torch

    allow_tf32()
    torch.backends.cudnn.benchmark = True
    rows: list[dict[str, Any]] = []
    print(f"{'milliseconds, batch ' + str(args.batch):52} {'minicnn':>10}{'cuDNN':>10}", end=" ")
    print(f"{'cuDNN/minicnn':>12}{'TFLOP/s':>10}")
    layers = [
        (network, layer)
        for network in args.networks
        for layer in conv_layers(NETWORKS[network][0], args.batch, NETWORKS[network][1])
    ]
    for precision in args.precision:
        for network, layer in layers:
            for row in measure(network, layer, precision, args.repeats):
                print_row(row)
                rows.append(row)
                if args.json:  # after each, so that a run that is stopped leaves what it measured
                    write_json(args.json, {"batch": args.batch, "rows": rows})
    print_ratios(rows, args.precision)
    print()
    print_environment()
    wrong = [row for row in rows if not row["agrees"]]
    if wrong:
        sys.exit(f"{len(wrong)} of {len(rows)} results differ from cuDNN's")


if __name__ == "__main__":
    main()
