"""The plain CUDA kernels beside the fast ones: convolution and pooling, at AlexNet's layers.

    python benchmarks/gpu_plain.py --json plain.json

The plain kernels (``kernels/cuda/plain``) take images as N, C, H, W in memory, the fast ones as
N, H, W, C, and each get them so. In float32, the fast convolution may use TF32.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from common import print_environment, write_json
from gpu import allow_tf32, gpu_seconds, require_gpu
from layers import Layer, conv_layers, pool_layers

import minicnn as mc

BATCH = 64
DTYPES = {"bf16": mc.bfloat16, "tf32": mc.float32}

Runs = dict[str, Callable[[], Any]]  # by pass


def cases(layers: Iterable[Layer], precision: str) -> Iterator[tuple[Layer, str, Runs]]:
    """Each layer and pass, with the calls of the plain and the fast kernels."""
    from minicnn.kernels import cuda
    from minicnn.kernels.cuda import plain

    for layer in layers:
        passes = convolution if layer.weight_shape else max_pool
        arrays = [random(shape, precision) for shape in shapes(layer)]
        fast = passes(cuda, layer, *map(channels_last, arrays))
        slow = passes(plain, layer, *arrays)
        for name in slow:
            yield layer, name, {"plain": slow[name], "fast": fast[name]}


def shapes(layer: Layer) -> list[tuple[int, ...]]:
    """Of the input, the output's gradient, and of a convolution's weight."""
    return [s for s in (layer.input_shape, layer.output_shape, layer.weight_shape) if s]


def convolution(kernels: Any, layer: Layer, x: Any, grad: Any, weight: Any) -> Runs:
    geometry = layer.geometry
    return {
        "forward": lambda: kernels.conv2d(x, weight, None, geometry),
        "input gradient": lambda: kernels.conv2d_input_grad(grad, weight, geometry),
        "weight gradient": lambda: kernels.conv2d_weight_grad(grad, x, geometry),
    }


def max_pool(kernels: Any, layer: Layer, x: Any, grad: Any) -> Runs:
    geometry = layer.geometry
    _, argmax = kernels.max_pool2d(x, geometry)
    return {
        "forward": lambda: kernels.max_pool2d(x, geometry),
        "gradient": lambda: kernels.max_pool2d_scatter(grad, argmax, geometry),
    }


def random(shape: tuple[int, ...], precision: str) -> Any:
    """An array on the GPU, in C order."""
    return mc.randn(*shape, device="cuda").array.astype(DTYPES[precision])


def channels_last(x: Any) -> Any:
    """The same array with N, H, W, C strides."""
    return x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)


def measure(layer: Layer, name: str, precision: str, runs: Runs) -> dict[str, Any]:
    seconds = gpu_seconds(runs)
    flops = 2 * layer.multiply_adds if layer.weight_shape else None
    return {
        "layer": layer.name,
        "pass": name,
        "precision": precision,
        **seconds,
        "ratio": seconds["plain"] / seconds["fast"],
        "plain_gflops": flops / seconds["plain"] / 1e9 if flops else None,
    }


def print_row(row: dict[str, Any]) -> None:
    gflops = "" if row["plain_gflops"] is None else f"{row['plain_gflops']:.0f}"
    print(
        f"{row['layer']:14} {row['pass']:16} {row['precision']}",
        f"{row['plain'] * 1e3:10.3f}{row['fast'] * 1e3:10.3f}{row['ratio']:12.1f}{gflops:>14}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=BATCH, help=f"images (default {BATCH})")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    args = parser.parse_args()
    require_gpu()
    allow_tf32()
    layers = conv_layers("alexnet", args.batch) + pool_layers("alexnet", args.batch)
    rows: list[dict[str, Any]] = []
    header = f"{'plain, ms':>12}{'fast, ms':>10}{'plain/fast':>12}{'plain GFLOP/s':>14}"
    print(f"{'batch ' + str(args.batch):34}{header}")
    for precision in DTYPES:
        for layer, name, runs in cases(layers, precision):
            rows.append(row := measure(layer, name, precision, runs))
            print_row(row)
            if args.json:
                write_json(args.json, {"batch": args.batch, "rows": rows})
    print()
    print_environment()


if __name__ == "__main__":
    main()
