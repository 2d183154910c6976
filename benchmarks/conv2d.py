"""AlexNet's convolutions, forward and both gradients, in milliseconds, against PyTorch.

    python benchmarks/conv2d.py --batch 32 --against torch

PyTorch's time is that of the faster of its two memory layouts. The first layer's input gradient is
left out: training never asks for it. Unset OPENBLAS_CORETYPE and stop other programs first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from common import alternate, layer_table, synchronizer

from minicnn import kernels
from minicnn.device import Device
from minicnn.kernels import Geometry

# name: input channels, output channels, input size, kernel size, stride, padding
LAYERS = {
    "conv1": (3, 96, 227, 11, 4, 0),
    "conv2": (96, 256, 27, 5, 1, 2),
    "conv3": (256, 384, 13, 3, 1, 1),
    "conv4": (384, 384, 13, 3, 1, 1),
    "conv5": (384, 256, 13, 3, 1, 1),
}
Runs = dict[str, Callable[[], object]]


def geometry_of(layer: tuple[int, ...]) -> Geometry:
    """Where the windows of a layer lie: of (input and output channels,) input size and so on."""
    size, kernel_size, stride, padding = layer[2:]
    out_size = (size + 2 * padding - kernel_size) // stride + 1
    return Geometry((size,) * 2, (out_size,) * 2, (kernel_size,) * 2, (stride,) * 2, (padding,) * 2)


def minicnn_passes(x: Any, weight: Any, bias: Any, grad: Any, geometry: Geometry) -> Runs:
    """The three passes of minicnn's kernels on these arrays, on the device that they live on."""
    module = kernels.of(x)
    return {
        "forward": lambda: module.conv2d(x, weight, bias, geometry),
        "input gradient": lambda: module.conv2d_input_grad(grad, weight, geometry),
        "weight gradient": lambda: module.conv2d_weight_grad(grad, x, geometry),
    }


def torch_passes(x: Any, weight: Any, bias: Any, grad: Any, geometry: Geometry) -> Runs:
    """The same of PyTorch on tensors."""
    import torch

    stride, padding, dilation = geometry.stride, geometry.padding, geometry.dilation

    def backward(*output_mask: bool) -> list[Any]:
        return torch.ops.aten.convolution_backward(
            grad,
            x,
            weight,
            None,
            stride,
            padding,
            dilation,
            False,
            (0, 0),
            1,
            output_mask,
        )

    return {
        "forward": lambda: torch.conv2d(x, weight, bias, stride, padding, dilation),
        "input gradient": lambda: backward(True, False, False)[0],
        "weight gradient": lambda: backward(False, True, False)[1],
    }


def minicnn_runs(arrays: list[np.ndarray], geometry: Geometry, device: str) -> Runs:
    xp = Device(device).xp
    x, weight, bias, grad = (xp.asarray(array) for array in arrays)
    # Images come with N, H, W, C strides from the layers before and after.
    x, grad = (
        xp.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) for a in (x, grad)
    )
    return minicnn_passes(x, weight, bias, grad, geometry)


def torch_runs(arrays: list[np.ndarray], geometry: Geometry, device: str, layout: str) -> Runs:
    import torch

    memory_format = getattr(torch, layout)
    x, weight, bias, grad = (torch.from_numpy(array).to(device) for array in arrays)
    x, weight, grad = (t.contiguous(memory_format=memory_format) for t in (x, weight, grad))
    return torch_passes(x, weight, bias, grad, geometry)


def measure(layer: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """A row of median seconds for each pass of one layer."""
    C, O = LAYERS[layer][:2]
    geometry = geometry_of(LAYERS[layer])
    rng = np.random.default_rng(0)
    shapes = [(args.batch, C, *geometry.input_size), (O, C, *geometry.kernel_size), (O,)]
    shapes += [(args.batch, O, *geometry.output_size)]
    arrays = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]

    contenders = {"minicnn": minicnn_runs(arrays, geometry, args.device)}
    if args.against == "torch":
        for layout in ("contiguous_format", "channels_last"):
            contenders[layout] = torch_runs(arrays, geometry, args.device, layout)
    synchronize = synchronizer(args.device)

    rows = []
    for name in contenders["minicnn"]:
        if layer == "conv1" and name == "input gradient":
            continue
        runs = {contender: runs[name] for contender, runs in contenders.items()}
        seconds = alternate(runs, args.repeats, synchronize)
        row = {"layer": layer, "pass": name, "minicnn": seconds.pop("minicnn")}
        rows.append(row | ({"torch": min(seconds.values())} if seconds else {}))
    return rows


if __name__ == "__main__":
    layer_table(__doc__, LAYERS, measure)
