"""The convolutions of networks, forward and both gradients, in milliseconds, against PyTorch.

    python benchmarks/conv2d.py --network alexnet vgg16 --against torch

Layers of equal shape are measured once. The batch is 32 for AlexNet, 4 for VGG16 and 8 for
ResNet-34 unless ``--batch`` says otherwise. On the CPU each row also tells the algorithm, and the
relative error of the result against float64.

Each framework has a process of its own, and they take turns in blocks of calls. PyTorch's time is
from the faster of its two memory layouts. The first layer's input gradient is left out: training
never asks for it. Stop other programs first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from common import LAYOUTS, layer_parser, layer_table, pass_seconds, synchronizer
from layers import Layer, conv_layers
from turns import Worker

# name: the model, its input size and how many images of it are measured
NETWORKS = {
    "alexnet": ("alexnet227", 227, 32),
    "vgg16": ("vgg16", 224, 4),
    "resnet34": ("resnet34", 224, 8),
}
PASSES = ("forward", "input gradient", "weight gradient")
Calls = dict[str, Callable[..., Any]]


def minicnn_passes(x: Any, weight: Any, bias: Any, grad: Any, geometry: Any) -> Calls:
    """The three passes of minicnn's kernels on these arrays, on the device that they live on."""
    from minicnn import kernels

    module = kernels.of(x)
    return {
        "forward": lambda: module.conv2d(x, weight, bias, geometry),
        "input gradient": lambda: module.conv2d_input_grad(grad, weight, geometry),
        "weight gradient": lambda: module.conv2d_weight_grad(grad, x, geometry),
    }


def torch_passes(x: Any, weight: Any, bias: Any, grad: Any, geometry: Any) -> Calls:
    """The same of PyTorch on tensors; of ``geometry`` stride, padding, dilation, groups count."""
    import torch

    windows = geometry.stride, geometry.padding, geometry.dilation

    def backward(*output_mask: bool) -> list[Any]:
        return torch.ops.aten.convolution_backward(
            grad, x, weight, None, *windows, False, (0, 0), geometry.groups, output_mask
        )

    return {
        "forward": lambda: torch.conv2d(x, weight, bias, *windows, geometry.groups),
        "input gradient": lambda: backward(True, False, False)[0],
        "weight gradient": lambda: backward(False, True, False)[1],
    }


def arrays_of(layer: Layer) -> list[np.ndarray]:
    """Random x, weight, bias and gradient of the output."""
    rng = np.random.default_rng(0)
    shapes = layer.input_shape, layer.weight_shape, layer.weight_shape[:1], layer.output_shape
    return [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]


def minicnn_calls(layer: Layer, device: str) -> Calls:
    """minicnn's process: the passes, and the errors of their results."""
    import minicnn as mc

    x, weight, bias, grad = arrays = arrays_of(layer)
    # Images come with N, H, W, C strides from the layers before and after.
    x, grad = (np.ascontiguousarray(a.transpose(0, 2, 3, 1)) for a in (x, grad))
    x, weight, bias, grad = (mc.tensor(a, device=device).array for a in (x, weight, bias, grad))
    x, grad = (a.transpose(0, 3, 1, 2) for a in (x, grad))
    passes = minicnn_passes(x, weight, bias, grad, layer.geometry)
    return {
        **passes,
        "error": lambda name: error(name, passes[name](), arrays, layer),
        "algorithms": lambda: algorithms(layer),
        "synchronize": synchronizer(mc, device),
    }


def torch_calls(layer: Layer, device: str) -> Calls:
    """PyTorch's process: each pass in each of its memory layouts."""
    import torch

    calls: Calls = {"synchronize": synchronizer(torch, device)}
    for layout in LAYOUTS:
        memory_format = getattr(torch, layout)
        x, weight, bias, grad = (torch.from_numpy(a).to(device) for a in arrays_of(layer))
        x, weight, grad = (t.contiguous(memory_format=memory_format) for t in (x, weight, grad))
        for name, run in torch_passes(x, weight, bias, grad, layer).items():
            calls[f"{name} {layout}"] = run
    return calls


def error(name: str, result: np.ndarray, arrays: list[np.ndarray], layer: Layer) -> float:
    """Of minicnn's result, relative to the same in float64, in the Frobenius norm.

    The weight gradient is a sum over all images. Otherwise the first image stands for all.
    """
    x, weight, bias, grad = (array.astype(np.float64) for array in arrays)
    if name != "weight gradient":
        x, grad, result = x[:1], grad[:1], result[:1]
    exact = minicnn_passes(x, weight, bias, grad, layer.geometry)[name]()
    return float(np.linalg.norm((result - exact).ravel()) / np.linalg.norm(exact.ravel()))


def algorithms(layer: Layer) -> dict[str, str]:
    """What computes each pass on the CPU."""
    from minicnn import nn

    O, C, *kernel_size = layer.weight_shape
    net = nn.Conv2d(
        C * layer.groups, O, kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups
    )
    (row,) = nn.conv_algorithms(net, layer.input_shape)
    chosen = row.forward, row.input_grad, row.weight_grad
    return dict(zip(PASSES, map(str, chosen), strict=True))


def measure(
    named: tuple[str, Layer], workers: Mapping[str, Worker], args: Any
) -> list[dict[str, Any]]:
    """A row of median seconds for each pass of one layer of a network."""
    network, layer = named
    ours = workers["minicnn"]
    for name, worker in workers.items():
        worker.make(f"{name}_calls", layer, args.device)
    N, C, *_ = layer.input_shape
    passes = [name for name in PASSES if C > 3 or name != "input gradient"]
    rows = []
    chosen = ours.call("algorithms") if args.device == "cpu" else {}
    for pass_, seconds in zip(passes, pass_seconds(workers, passes, args.blocks), strict=True):
        row: dict[str, Any] = {"network": network, "layer": f"{network} {layer.name}"}
        row |= {"shape": layer.shapes, "batch": N, "pass": pass_, **seconds}
        if chosen:
            row |= {"algorithm": chosen[pass_], "error": ours.call("error", pass_)}
        rows.append(row)
    return rows


def main() -> None:
    parser = layer_parser(__doc__)
    parser.set_defaults(batch=None)
    parser.add_argument(
        "--network",
        nargs="+",
        choices=NETWORKS,
        default=["alexnet", "vgg16"],
        help="whose convolutions (default alexnet vgg16)",
    )
    args = parser.parse_args()
    layers = []
    for network in args.network:
        model, size, batch = NETWORKS[network]
        layers += [(network, layer) for layer in conv_layers(model, args.batch or batch, size)]
    layer_table(__file__, args, layers, measure)


if __name__ == "__main__":
    main()
