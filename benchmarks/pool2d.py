"""AlexNet's max-pools, forward and gradient, in milliseconds, against PyTorch.

    python benchmarks/pool2d.py --batch 32 --against torch

PyTorch's time is that of the faster of its two memory layouts; minicnn's is channels-last, and
includes finding the places of the maxima that the gradient needs, as PyTorch's does. Stop other
programs first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from common import alternate, layer_parser, layer_table, synchronizer

from minicnn import kernels
from minicnn.devices import Device
from minicnn.kernels import Geometry

LAYERS = {"pool1": (96, 55), "pool2": (256, 27), "pool5": (256, 13)}  # channels, input size
KERNEL_SIZE, STRIDE = 3, 2

Runs = dict[str, Callable[[], object]]


def minicnn_runs(x: np.ndarray, grad: np.ndarray, device: str) -> Runs:
    xp = Device(device).xp
    x, grad = (
        xp.ascontiguousarray(xp.asarray(a).transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        for a in (x, grad)
    )
    geometry = Geometry(x.shape[2:], grad.shape[2:], (KERNEL_SIZE,) * 2, (STRIDE,) * 2)
    module = kernels.of(x)
    _, argmax = module.max_pool2d(x, geometry)
    return {
        "forward": lambda: module.max_pool2d(x, geometry),
        "gradient": lambda: module.max_pool2d_scatter(grad, argmax, geometry),
    }


def torch_runs(x: np.ndarray, grad: np.ndarray, device: str, layout: str) -> Runs:
    import torch

    images, gradient = (
        torch.from_numpy(a).to(device).contiguous(memory_format=getattr(torch, layout))
        for a in (x, grad)
    )
    window = (KERNEL_SIZE, STRIDE, 0, 1, False)
    _, indices = torch.ops.aten.max_pool2d_with_indices(images, *window)
    backward = torch.ops.aten.max_pool2d_with_indices_backward
    return {
        "forward": lambda: torch.ops.aten.max_pool2d_with_indices(images, *window),
        "gradient": lambda: backward(gradient, images, *window, indices),
    }


def measure(layer: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """A row of median seconds for each pass of one layer."""
    C, size = LAYERS[layer]
    out_size = (size - KERNEL_SIZE) // STRIDE + 1
    rng = np.random.default_rng(0)
    x = np.maximum(rng.standard_normal((args.batch, C, size, size), dtype=np.float32), 0)
    grad = rng.standard_normal((args.batch, C, out_size, out_size), dtype=np.float32)

    contenders = {"minicnn": minicnn_runs(x, grad, args.device)}
    if args.against == "torch":
        for layout in ("contiguous_format", "channels_last"):
            contenders[layout] = torch_runs(x, grad, args.device, layout)

    rows = []
    for name in contenders["minicnn"]:
        runs = {contender: runs[name] for contender, runs in contenders.items()}
        seconds = alternate(runs, args.repeats, synchronizer(args.device))
        row = {"layer": layer, "pass": name, "minicnn": seconds.pop("minicnn")}
        rows.append(row | ({"torch": min(seconds.values())} if seconds else {}))
    return rows


if __name__ == "__main__":
    layer_table(layer_parser(__doc__).parse_args(), LAYERS, measure)
