"""AlexNet's max-pools, forward and gradient, in milliseconds, against PyTorch.

    python benchmarks/pool2d.py --batch 32 --against torch

Each framework has a process of its own, and they take turns in blocks of calls. PyTorch's time is
from the faster of its two memory layouts; minicnn's is channels-last, and includes finding the
argmax that the gradient needs, as PyTorch's does. Stop other programs first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from common import LAYOUTS, layer_parser, layer_table, pass_seconds, synchronizer
from layers import Layer, pool_layers
from turns import Worker

MODEL, SIZE = "alexnet227", 227
PASSES = ("forward", "gradient")
Calls = dict[str, Callable[..., Any]]


def arrays_of(layer: Layer) -> list[np.ndarray]:
    """A random input after a ReLU, and the gradient of the output."""
    rng = np.random.default_rng(0)
    x, grad = (
        rng.standard_normal(shape, dtype=np.float32)
        for shape in (layer.input_shape, layer.output_shape)
    )
    return [np.maximum(x, 0), grad]


def minicnn_calls(layer: Layer, device: str) -> Calls:
    import minicnn as mc
    from minicnn import kernels

    x, grad = (
        mc.tensor(np.ascontiguousarray(a.transpose(0, 2, 3, 1)), device=device).array
        for a in arrays_of(layer)
    )
    x, grad = x.transpose(0, 3, 1, 2), grad.transpose(0, 3, 1, 2)
    module, geometry = kernels.of(x), layer.geometry
    _, argmax = module.max_pool2d(x, geometry)
    return {
        "forward": lambda: module.max_pool2d(x, geometry),
        "gradient": lambda: module.max_pool2d_scatter(grad, argmax, geometry),
        "synchronize": synchronizer(mc, device),
    }


def torch_calls(layer: Layer, device: str) -> Calls:
    import torch

    calls: Calls = {"synchronize": synchronizer(torch, device)}
    for layout in LAYOUTS:
        calls |= {f"{name} {layout}": run for name, run in torch_passes(layer, device, layout)}
    return calls


def torch_passes(layer: Layer, device: str, layout: str) -> list[tuple[str, Callable[[], Any]]]:
    import torch

    x, grad = (
        torch.from_numpy(a).to(device).contiguous(memory_format=getattr(torch, layout))
        for a in arrays_of(layer)
    )
    window = layer.kernel_size, layer.stride, layer.padding, layer.dilation, False
    forward = torch.ops.aten.max_pool2d_with_indices
    backward = torch.ops.aten.max_pool2d_with_indices_backward
    _, indices = forward(x, *window)
    return [
        ("forward", lambda: forward(x, *window)),
        ("gradient", lambda: backward(grad, x, *window, indices)),
    ]


def measure(layer: Layer, workers: Mapping[str, Worker], args: Any) -> list[dict[str, Any]]:
    """A row of median seconds for each pass of one layer."""
    for name, worker in workers.items():
        worker.make(f"{name}_calls", layer, args.device)
    found = pass_seconds(workers, PASSES, args.blocks)
    return [
        {"layer": layer.name, "shape": layer.shapes, "pass": pass_, **seconds}
        for pass_, seconds in zip(PASSES, found, strict=True)
    ]


if __name__ == "__main__":
    args = layer_parser(__doc__).parse_args()
    layer_table(__file__, args, pool_layers(MODEL, args.batch, SIZE), measure)
