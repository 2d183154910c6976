"""Pooling and normalisation, forward and gradient, in milliseconds, against PyTorch.

    python benchmarks/pool2d.py --batch 32 --against torch

First come AlexNet's max-pools for ``--batch`` images, then the cases below, with their own numbers of
images. Each framework has a process of its own, and they take turns in blocks of calls. PyTorch's
time is always from the faster of its two memory layouts. minicnn's is for channels-last arrays, as
its convolutions write them, and again for NCHW arrays. A forward pass includes what the gradient
needs, such as the argmax; inference does not. Stop other programs first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from common import LAYOUTS, layer_parser, layer_table, pass_seconds, synchronizer
from layers import Layer, pool_layers
from turns import Worker

MODEL, SIZE = "alexnet227", 227
ONLY_TRAINING = ("forward", "gradient")
PASSES = {
    "max_pool2d": (*ONLY_TRAINING, "inference"),
    "avg_pool2d": ONLY_TRAINING,
    "local_response_norm": ONLY_TRAINING,
    "batch_norm": (*ONLY_TRAINING, "inference"),
    "batch_norm_relu": (*ONLY_TRAINING, "inference"),
}
NCHW = " of NCHW"  # ends the name of a pass over NCHW arrays
NEIGHBOURS, ALPHA, BETA, K = 5, 1e-4, 0.75, 1.0  # of local response normalisation
EPS = 1e-5  # of batch normalisation
Calls = dict[str, Callable[..., Any]]


def operation_of(layer: Layer) -> str:
    """What begins the name of a case; layers of a network are max-pools."""
    name = layer.name.partition(",")[0]
    return name if name in PASSES else "max_pool2d"


def case(operation: str, *shape: int, kernel: int = 1, stride: int = 1, padding: int = 0) -> Layer:
    """An operation on images of ``shape`` (N, C, H, W), with square windows."""
    sizes = ((size + 2 * padding - kernel) // stride + 1 for size in shape[2:])
    windows = (kernel, kernel), (stride, stride), (padding, padding)
    name = f"{operation}, batch {shape[0]}"
    return Layer(name, shape, (*shape[:2], *sizes), (), *windows)


CASES = (
    case("max_pool2d", 32, 64, 112, 112, kernel=2, stride=2),
    case("max_pool2d", 8, 256, 28, 28, kernel=3, padding=1),
    case("max_pool2d", 1, 192, 28, 28, kernel=3, padding=1),
    case("avg_pool2d", 32, 256, 27, 27, kernel=3, stride=2),
    case("avg_pool2d", 32, 192, 28, 28, kernel=3, padding=1),
    case("avg_pool2d", 32, 128, 56, 56, kernel=2, stride=2),
    case("local_response_norm", 32, 96, 27, 27),
    case("local_response_norm", 1, 96, 55, 55),
    case("batch_norm", 32, 64, 56, 56),
    case("batch_norm_relu", 32, 64, 56, 56),
    case("batch_norm_relu", 32, 256, 14, 14),
    case("batch_norm", 1, 256, 14, 14),
    case("batch_norm_relu", 1, 512, 7, 7),
)


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

    calls: Calls = {"synchronize": synchronizer(mc, device)}
    for ending, order in (("", (0, 2, 3, 1)), (NCHW, (0, 1, 2, 3))):
        back = np.argsort(order).tolist()
        x, grad = (
            mc.tensor(np.ascontiguousarray(a.transpose(order)), device=device).array.transpose(back)
            for a in arrays_of(layer)
        )
        calls |= {name + ending: run for name, run in minicnn_passes(layer, x, grad).items()}
    return calls


def minicnn_passes(layer: Layer, x: Any, grad: Any) -> Calls:
    """What runs each pass on arrays (N, C, H, W) and (N, C, OH, OW) of some memory layout."""
    from minicnn import kernels

    k, geometry = kernels.of(x), layer.geometry
    if operation_of(layer) == "max_pool2d":
        _, argmax = k.max_pool2d(x, geometry)
        return {
            "forward": lambda: k.max_pool2d(x, geometry),
            "gradient": lambda: k.max_pool2d_scatter(grad, argmax, geometry),
            "inference": lambda: k.max_pool2d(x, geometry, with_argmax=False),
        }
    if operation_of(layer) == "avg_pool2d":
        KH, KW = layer.kernel_size
        scale = x[0, 0, 0, :1] * 0 + 1 / (KH * KW)  # an array of its device
        scale = scale.repeat(geometry.output_size[0] * geometry.output_size[1])
        scale = scale.reshape(geometry.output_size)
        return {
            "forward": lambda: k.avg_pool2d(x, scale, geometry),
            "gradient": lambda: k.avg_pool2d_scatter(grad, scale, geometry),
        }
    if operation_of(layer) == "local_response_norm":
        constants = NEIGHBOURS, ALPHA, BETA, K
        return {
            "forward": lambda: k.local_response_norm(x, *constants),
            "gradient": lambda: k.local_response_norm_backward(grad, x, *constants),
        }
    bias = x[0, :, 0, 0] * 0
    weight = bias + 1
    if operation_of(layer) == "batch_norm":
        _, *statistics = k.batch_norm(x, weight, bias, EPS)
        return {
            "forward": lambda: k.batch_norm(x, weight, bias, EPS),
            "gradient": lambda: k.batch_norm_backward(grad, x, weight, *statistics, EPS),
            "inference": lambda: k.channel_affine(x, weight, bias),
        }
    out, *statistics = k.batch_norm_relu(x, weight, bias, EPS)
    return {
        "forward": lambda: k.batch_norm_relu(x, weight, bias, EPS),
        "gradient": lambda: k.batch_norm_relu_backward(grad, out, x, weight, *statistics, EPS),
        "inference": lambda: k.channel_affine_relu(x, weight, bias),
    }


def torch_calls(layer: Layer, device: str) -> Calls:
    import torch

    calls: Calls = {"synchronize": synchronizer(torch, device)}
    for layout in LAYOUTS:
        x, grad = (
            torch.from_numpy(a).to(device).contiguous(memory_format=getattr(torch, layout))
            for a in arrays_of(layer)
        )
        for name, run in torch_passes(layer, x, grad).items():
            calls |= {f"{name} {layout}": run, f"{name}{NCHW} {layout}": run}
    return calls


def torch_passes(layer: Layer, x: Any, grad: Any) -> Calls:
    """The same passes on tensors; NCHW arrays compete with the faster layout, too."""
    import torch

    aten = torch.ops.aten
    window = layer.kernel_size, layer.stride, layer.padding
    if operation_of(layer) == "max_pool2d":
        window = *window, layer.dilation, False
        _, indices = aten.max_pool2d_with_indices(x, *window)
        backward = aten.max_pool2d_with_indices_backward
        return {
            "forward": lambda: aten.max_pool2d_with_indices(x, *window),
            "gradient": lambda: backward(grad, x, *window, indices),
            "inference": lambda: aten.max_pool2d_with_indices(x, *window),
        }
    if operation_of(layer) == "avg_pool2d":
        return {
            "forward": lambda: aten.avg_pool2d(x, *window),
            "gradient": lambda: aten.avg_pool2d_backward(grad, x, *window, False, True, None),
        }
    if operation_of(layer) == "local_response_norm":
        x.requires_grad_()
        run = torch.nn.functional.local_response_norm
        out = run(x, NEIGHBOURS, ALPHA, BETA, K)
        return {
            "forward": lambda: run(x, NEIGHBOURS, ALPHA, BETA, K),
            "gradient": lambda: torch.autograd.grad(out, x, grad, retain_graph=True)[0],
        }
    return torch_batch_norm_passes(x, grad, relu=operation_of(layer) == "batch_norm_relu")


def torch_batch_norm_passes(x: Any, grad: Any, relu: bool) -> Calls:
    import torch

    aten = torch.ops.aten
    zeros, ones = x.new_zeros(x.shape[1]), x.new_ones(x.shape[1])
    running = zeros.clone(), ones.clone()

    def forward(training: bool) -> Any:
        # with momentum 0 the running statistics stay 0 and 1, as minicnn's scale and shift
        out, *statistics = aten.native_batch_norm(x, ones, zeros, *running, training, 0.0, EPS)
        return (aten.relu(out) if relu else out), *statistics

    out, *statistics = forward(training=True)

    def backward() -> Any:
        passed = aten.threshold_backward(grad, out, 0) if relu else grad
        return aten.native_batch_norm_backward(
            passed, x, ones, *running, *statistics, True, EPS, [True] * 3
        )

    return {
        "forward": lambda: forward(training=True),
        "gradient": backward,
        "inference": lambda: forward(training=False),
    }


def measure(layer: Layer, workers: Mapping[str, Worker], args: Any) -> list[dict[str, Any]]:
    """A row of median seconds for each pass of one layer."""
    for name, worker in workers.items():
        worker.make(f"{name}_calls", layer, args.device)
    passes = [pass_ + ending for ending in ("", NCHW) for pass_ in PASSES[operation_of(layer)]]
    found = pass_seconds(workers, passes, args.blocks)
    return [
        {"layer": layer.name, "shape": layer.shapes, "pass": pass_, **seconds}
        for pass_, seconds in zip(passes, found, strict=True)
    ]


if __name__ == "__main__":
    args = layer_parser(__doc__).parse_args()
    layer_table(__file__, args, [*pool_layers(MODEL, args.batch, SIZE), *CASES], measure)
