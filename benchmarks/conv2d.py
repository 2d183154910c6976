"""The convolutions of networks, forward and both gradients, in milliseconds, against PyTorch.

    python benchmarks/conv2d.py --network alexnet vgg16 --against torch

Layers of equal shape are measured once. The batch is 32 for AlexNet, 4 for VGG16 and 8 for
ResNet-34 unless ``--batch`` says otherwise. On the CPU each row also tells the algorithm, and the
relative error of the result against float64.

PyTorch's time is that of the faster of its two memory layouts. The first layer's input gradient is
left out: training never asks for it. Unset OPENBLAS_CORETYPE and stop other programs first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from common import alternate, layer_parser, layer_table, synchronizer

from minicnn import kernels
from minicnn.devices import Device
from minicnn.kernels import Geometry
from minicnn.kernels.cpu.conv_algorithm import choose

# name: input channels, output channels, input size, kernel size, stride, padding
ALEXNET = {
    "conv1": (3, 96, 227, 11, 4, 0),
    "conv2": (96, 256, 27, 5, 1, 2),
    "conv3": (256, 384, 13, 3, 1, 1),
    "conv4": (384, 384, 13, 3, 1, 1),
    "conv5": (384, 256, 13, 3, 1, 1),
}
VGG16 = {
    "conv1_1": (3, 64, 224, 3, 1, 1),
    "conv1_2": (64, 64, 224, 3, 1, 1),
    "conv2_1": (64, 128, 112, 3, 1, 1),
    "conv2_2": (128, 128, 112, 3, 1, 1),
    "conv3_1": (128, 256, 56, 3, 1, 1),
    "conv3_2": (256, 256, 56, 3, 1, 1),
    "conv4_1": (256, 512, 28, 3, 1, 1),
    "conv4_2": (512, 512, 28, 3, 1, 1),
    "conv5_1": (512, 512, 14, 3, 1, 1),
}
RESNET34 = {
    "conv1": (3, 64, 224, 7, 2, 3),
    "layer1": (64, 64, 56, 3, 1, 1),
    "layer2.0": (64, 128, 56, 3, 2, 1),
    "layer2.0.downsample": (64, 128, 56, 1, 2, 0),
    "layer2": (128, 128, 28, 3, 1, 1),
    "layer3.0": (128, 256, 28, 3, 2, 1),
    "layer3.0.downsample": (128, 256, 28, 1, 2, 0),
    "layer3": (256, 256, 14, 3, 1, 1),
    "layer4.0": (256, 512, 14, 3, 2, 1),
    "layer4.0.downsample": (256, 512, 14, 1, 2, 0),
    "layer4": (512, 512, 7, 3, 1, 1),
}
NETWORKS = {"alexnet": ALEXNET, "vgg16": VGG16, "resnet34": RESNET34}
BATCHES = {"alexnet": 32, "vgg16": 4, "resnet34": 8}
LAYERS = {
    f"{network} {name}": layer
    for network, layers in NETWORKS.items()
    for name, layer in layers.items()
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


def error(name: str, result: np.ndarray, arrays: list[np.ndarray], geometry: Geometry) -> float:
    """Of minicnn's result, relative to the same in float64, in the Frobenius norm.

    The weight gradient is a sum over all images. Otherwise the first image stands for all.
    """
    x, weight, bias, grad = (array.astype(np.float64) for array in arrays)
    if name != "weight gradient":
        x, grad, result = x[:1], grad[:1], result[:1]
    exact = cast(np.ndarray, minicnn_passes(x, weight, bias, grad, geometry)[name]())
    return float(np.linalg.norm((result - exact).ravel()) / np.linalg.norm(exact.ravel()))


def measure(name: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """A row of median seconds for each pass of one layer."""
    network = name.split()[0]
    N, (C, O, *_) = args.batch or BATCHES[network], LAYERS[name]
    geometry = geometry_of(LAYERS[name])
    rng = np.random.default_rng(0)
    shapes = [(N, C, *geometry.input_size), (O, C, *geometry.kernel_size), (O,)]
    shapes += [(N, O, *geometry.output_size)]
    arrays = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]

    contenders = {"minicnn": minicnn_runs(arrays, geometry, args.device)}
    if args.against == "torch":
        for layout in ("contiguous_format", "channels_last"):
            contenders[layout] = torch_runs(arrays, geometry, args.device, layout)
    synchronize = synchronizer(args.device)

    rows = []
    for pass_ in contenders["minicnn"]:
        if C == 3 and pass_ == "input gradient":
            continue
        runs = {contender: runs[pass_] for contender, runs in contenders.items()}
        seconds = alternate(runs, args.repeats, synchronize)
        row: dict[str, Any] = {"network": network, "layer": name, "batch": N, "pass": pass_}
        row["minicnn"] = seconds.pop("minicnn")
        row |= {"torch": min(seconds.values())} if seconds else {}
        if args.device == "cpu":
            short = pass_.replace("gradient", "grad").replace(" ", "_")
            algorithm = choose(short, arrays[0].dtype, N, arrays[1].shape, geometry)
            row["algorithm"] = str(algorithm)
            row["error"] = error(pass_, runs["minicnn"](), arrays, geometry)
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
    layer_table(args, [f"{n} {layer}" for n in args.network for layer in NETWORKS[n]], measure)


if __name__ == "__main__":
    main()
