"""The kernels that memory limits: time and GB/s of each at the sizes of a training step.

    python benchmarks/gpu_kernels.py --json kernels.json

GB/s counts every byte that must be read or written once. A kernel that reads bytes twice without
need gets a lower figure, and none can exceed the memory's bandwidth. The arrays are larger than the
L2 cache.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common import print_environment, write_json
from gpu import gpu_seconds, require_gpu

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import kernels, optim
from minicnn.kernels import Geometry

BATCH = 512
NUM_WEIGHTS = 58_289_538  # AlexNet227 with two classes
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
EPS = 1e-5

Case = tuple[str, Callable[[], object], int]  # name, call, bytes that it must move


def cases(batch: int, num_weights: int = NUM_WEIGHTS, device: str = "cuda") -> Iterator[Case]:
    """Each kernel with arrays of its own, which the next one replaces."""
    for dtype in (mc.bfloat16, mc.float32):
        yield from activations(batch, dtype, device)
    yield from images(batch, device)
    yield from optimizer(num_weights, device)


def activations(batch: int, dtype: Any, device: str) -> Iterator[Case]:
    """The operations between convolutions, at AlexNet's second layer: 256 channels of 27 x 27."""
    x, grad = (batch_of(mc.randn(27, 27, 256, device=device), batch, dtype) for _ in range(2))
    kernel, name = kernels.of(x), x.dtype.name

    yield f"relu_bias_backward {name}", lambda: kernel.relu_bias_backward(grad, x), 3 * x.nbytes

    geometry = Geometry((27, 27), (13, 13), (3, 3), (2, 2))
    out, argmax = kernel.max_pool2d_relu(x, geometry)
    pooled = x.nbytes + out.nbytes + argmax.nbytes
    yield f"max_pool2d_relu {name}", lambda: kernel.max_pool2d_relu(x, geometry), pooled
    scatter = kernel.max_pool2d_scatter
    yield f"max_pool2d_scatter {name}", lambda: scatter(out, argmax, geometry), pooled

    weight = bias = mc.ones(256, device=device).array
    _, mean, variance = kernel.batch_norm(x, weight, bias, EPS)
    # reads the inputs twice: the sums must be complete before the first value can be written
    yield f"batch_norm {name}", lambda: kernel.batch_norm(x, weight, bias, EPS), 3 * x.nbytes
    statistics = weight, mean, variance, EPS
    yield (
        f"batch_norm_backward {name}",
        lambda: kernel.batch_norm_backward(grad, x, *statistics),
        5 * x.nbytes,
    )

    tensor = mc.Tensor.of(x)
    yield f"dropout {name}", lambda: F.dropout(tensor, p=0.5), 2 * x.nbytes


def images(batch: int, device: str) -> Iterator[Case]:
    """Images of 227 x 227 pixels, as the loader gives them."""
    pixels = batch_of(mc.randint(0, 256, (227, 227, 3), device=device), batch, mc.uint8)
    normalize, crop = kernels.of(pixels).normalize_images, kernels.of(pixels).normalize_crops
    size, line = 227 * 227 * 3, 227 * 3
    crops = mc.tensor([[n * size, line, n % 2] for n in range(batch)], device=device).array
    whole = pixels.transpose(0, 2, 3, 1).reshape(-1)
    for dtype in (mc.bfloat16, mc.float32):
        out = normalize(pixels, MEAN, STD, dtype)
        yield (
            f"normalize_images {out.dtype.name}",
            functools.partial(normalize, pixels, MEAN, STD, dtype),
            pixels.nbytes + out.nbytes,
        )
        yield (
            f"normalize_crops {out.dtype.name}",
            functools.partial(crop, whole, crops, (227, 227), MEAN, STD, dtype),
            pixels.nbytes + out.nbytes // 3 * 4,  # it writes a fourth channel, of zeros
        )


def optimizer(num_weights: int, device: str) -> Iterator[Case]:
    """SGD with momentum: reads weights, gradients and momenta; writes weights and momenta."""
    weights = mc.zeros(num_weights, device=device, requires_grad=True)
    weights.grad = mc.ones(num_weights, device=device)
    sgd = optim.SGD([weights], lr=1e-3, momentum=0.9, weight_decay=5e-4)
    yield "sgd_step float32", sgd.step, 5 * 4 * num_weights


def batch_of(image: mc.Tensor, batch: int, dtype: Any) -> Any:
    """(H, W, C) -> (N, C, H, W): the image ``batch`` times, channels-last in memory."""
    tiled = image.device.xp.tile(image.array.astype(dtype), (batch, 1, 1, 1))
    return tiled.transpose(0, 3, 1, 2)


def measure(name: str, run: Callable[[], object], num_bytes: int) -> dict[str, Any]:
    seconds = gpu_seconds({name: run})[name]
    return {"kernel": name, "seconds": seconds, "gbs": num_bytes / seconds / 1e9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=BATCH, help=f"images (default {BATCH})")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    args = parser.parse_args()
    require_gpu()
    rows: list[dict[str, Any]] = []
    print(f"{'batch ' + str(args.batch):32}{'ms':>10}{'GB/s':>10}")
    for name, run, num_bytes in cases(args.batch):
        rows.append(row := measure(name, run, num_bytes))
        print(f"{name:32}{row['seconds'] * 1e3:10.3f}{row['gbs']:10.0f}", flush=True)
        if args.json:  # after each, so that a run that is stopped leaves what it measured
            write_json(args.json, {"batch": args.batch, "rows": rows})
    print()
    print_environment()


if __name__ == "__main__":
    main()
