"""The kernels that are bound by memory: time and GB/s of each at the sizes of a training step.

    python benchmarks/gpu_kernels.py --json kernels.json

GB/s counts every byte once that must be read or written, so it is never more than the memory
gives: what a kernel reads twice counts against it. No array fits into the L2 cache.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common import print_environment, write_json
from conv2d import geometry_of
from gpu import gpu_seconds, require_gpu

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import kernels, optim

BATCH = 512
NUM_WEIGHTS = 58_289_538  # AlexNet227 with two classes
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Case = tuple[str, Callable[[], object], int]  # name, call, bytes that it must move


def cases(batch: int = BATCH, num_weights: int = NUM_WEIGHTS) -> Iterator[Case]:
    """Each kernel with arrays of its own, which the next one replaces."""
    for dtype in (mc.bfloat16, mc.float32):
        yield from activations(batch, dtype)
    yield from pictures(batch)
    yield from optimizer(num_weights)


def activations(batch: int, dtype: Any) -> Iterator[Case]:
    """What lies between the convolutions, at AlexNet's second layer: 256 channels of 27 x 27."""
    x = random_images((batch, 256, 27, 27), dtype)
    grad = random_images(x.shape, dtype)
    module, name = kernels.of(x), mc.Tensor(x).dtype.name

    yield f"relu_bias_backward {name}", lambda: module.relu_bias_backward(grad, x), 3 * x.nbytes

    geometry = geometry_of((256, 256, 27, 3, 2, 0))
    out, argmax = module.max_pool2d(x, geometry, relu=True)
    pooled = x.nbytes + out.nbytes + argmax.nbytes
    yield f"max_pool2d {name}", lambda: module.max_pool2d(x, geometry, relu=True), pooled
    scatter = module.max_pool2d_scatter
    yield f"max_pool2d_scatter {name}", lambda: scatter(out, argmax, geometry), pooled

    weight, bias = (module.channel_sum(x, mc.float32) for _ in range(2))
    _, mean, variance = module.batch_norm(x, weight, bias, 1e-5)
    # x is read twice, for the statistics and for the result; its gradient needs both inputs twice
    yield (
        f"batch_norm {name}",
        lambda: module.batch_norm(x, weight, bias, 1e-5),
        3 * x.nbytes,
    )
    yield (
        f"batch_norm_backward {name}",
        lambda: module.batch_norm_backward(grad, x, weight, mean, variance, 1e-5),
        5 * x.nbytes,
    )

    images = mc.Tensor(x)
    yield f"dropout {name}", lambda: F.dropout(images, p=0.5), 2 * x.nbytes


def pictures(batch: int) -> Iterator[Case]:
    """Pictures as the loader gives them: (N, 3, 227, 227), uint8."""
    images = random_images((batch, 3, 227, 227), mc.float32).astype(mc.uint8)
    module = kernels.of(images)
    for dtype in (mc.bfloat16, mc.float32):
        out = module.normalize_images(images, MEAN, STD, dtype)
        yield (
            f"normalize_images {mc.Tensor(out).dtype.name}",
            lambda dtype=dtype: module.normalize_images(images, MEAN, STD, dtype),
            images.nbytes + out.nbytes,
        )


def optimizer(num_weights: int) -> Iterator[Case]:
    """SGD with momentum: reads weights, gradients, momenta; writes weights and momenta."""
    weights = mc.zeros(num_weights, device="cuda", requires_grad=True)
    weights.grad = mc.ones(num_weights, device="cuda")
    sgd = optim.SGD([weights], lr=1e-3, momentum=0.9, weight_decay=5e-4)
    yield "sgd_step float32", sgd.step, 5 * 4 * num_weights


def random_images(shape: tuple[int, ...], dtype: Any) -> Any:
    """An array on the GPU, channels-last in memory, with normal random numbers."""
    N, C, H, W = shape
    values = mc.randn(1, H, W, C, device="cuda").data
    xp = mc.Device("cuda").xp
    return xp.repeat(values, N, axis=0).astype(dtype).transpose(0, 3, 1, 2)


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
