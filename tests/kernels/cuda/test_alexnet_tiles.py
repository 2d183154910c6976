"""AlexNet's layers in both precisions, every product with the tile chosen for it, against torch.

On a GPU the layers have their real sizes, and the tiles are those that it takes for batches of 128 and
512. The emulated GPU is given the tiles that an H100 takes for 512, on layers cut down to a few tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")
torch = pytest.importorskip("torch")

import minicnn
from benchmarks.layers import Layer, conv_layers, linear_layers
from minicnn.kernels import cuda, tf32
from minicnn.kernels.cuda import conv
from minicnn.kernels.cuda.gemm import tiles

pytestmark = pytest.mark.cuda_only

H100 = tiles.Gpu("H100", 132, 232448, compute_capability=90)
NETWORK = "alexnet227", 128, 227, 2
LAYERS = [*conv_layers(*NETWORK), *linear_layers(*NETWORK)]
# Differences that rounding explains, as a share of the largest result: of results in bfloat16, of
# operands in TF32, and of sums of up to 400,000 products.
TYPES = {"bfloat16": (minicnn.bfloat16, 8e-3), "tfloat32": (minicnn.float32, 5e-3)}


@pytest.fixture(params=LAYERS, ids=lambda layer: layer.name)
def layer(request: pytest.FixtureRequest) -> Layer:
    return request.param


@pytest.fixture(params=TYPES)
def type_(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The type of our products; torch's, in float32, have no TF32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    for kind in ("conv", "linear"):
        monkeypatch.setitem(tf32.allow_tf32, kind, request.param == "tfloat32")
    return request.param


@pytest.mark.not_emulated
@pytest.mark.parametrize("batch", [128, 512])
def test_real_layers(cp: Any, put: Any, layer: Layer, type_: str, batch: int) -> None:
    plans = plans_for(layer, batch, type_, conv.current_gpu())
    with conv.planned_by(lambda problem, gpu: plans[problem.kind]):
        check(cp, put, layer, type_)


@pytest.mark.emulated_only
def test_layers_cut_down(
    cp: Any, put: Any, layer: Layer, type_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cp.emulation, "arch", str(H100.compute_capability))
    plans = plans_for(layer, 512, type_, H100)
    several_tiles = set()

    def plan(problem: tiles.Problem, gpu: tiles.Gpu) -> tiles.Plan:
        chosen = plans[problem.kind]
        if problem.tiles(chosen.tile) * problem.count > 1:
            several_tiles.add(problem.kind)
        return replace(chosen, splits=min(chosen.splits, 2))

    with conv.planned_by(plan):
        check(cp, put, cut_down(layer), type_)
    assert {"forward", "weight_grad"} <= several_tiles


def plans_for(layer: Layer, batch: int, type_: str, gpu: tiles.Gpu) -> dict[str, tiles.Plan]:
    """The tile and the splits of each product of a layer, by the kind of the product."""
    O, C, *kernel_size = (*layer.weight_shape, 1, 1)[:4]
    output_size = layer.output_shape[2:]
    pixels, taps, C4 = batch * math.prod(output_size), math.prod(kernel_size), -(-C // 4) * 4
    itemsize = TYPES[type_][0].itemsize
    input_rows = batch * math.prod(
        -(-size // stride) for size, stride in zip(layer.input_shape[2:], layer.stride)
    )
    window_rows = math.prod(-(-k // stride) for k, stride in zip(kernel_size, layer.stride))
    offsets = math.prod(layer.stride)
    problems = [
        tiles.Problem("forward", type_, pixels, O, taps * C4, 1, itemsize),
        tiles.Problem("weight_grad", type_, O, taps * C4, pixels, 1, 4),
        tiles.Problem("input_grad", type_, input_rows, C, window_rows * O, offsets, itemsize),
    ]
    return {problem.kind: tiles.plans(problem, gpu)[0] for problem in problems}


def cut_down(layer: Layer) -> Layer:
    """A layer with the same windows, and little more than one of the largest tiles of work."""
    if len(layer.weight_shape) == 2:
        return replace(
            layer, input_shape=(260, 24), output_shape=(260, 264), weight_shape=(264, 24)
        )
    _, C, KH, KW = layer.weight_shape
    C, O, OH, OW = min(C, 8), 264, 17, 16
    H, W = (
        (size - 1) * stride + kernel - 2 * padding
        for size, stride, kernel, padding in zip(
            (OH, OW), layer.stride, (KH, KW), layer.padding, strict=True
        )
    )
    shapes = (1, C, H, W), (1, O, OH, OW), (O, C, KH, KW)
    return replace(layer, input_shape=shapes[0], output_shape=shapes[1], weight_shape=shapes[2])


def check(cp: Any, put: Callable[..., Any], layer: Layer, type_: str) -> None:
    """Compares the products of a layer with torch's in float32."""
    dtype, tolerance = TYPES[type_]
    rng = np.random.default_rng(0)
    shapes = layer.input_shape, layer.weight_shape, layer.output_shape
    arrays = [rng.standard_normal(shape, dtype=np.float32).astype(dtype) for shape in shapes]
    x, weight, grad = (put(a) if a.ndim == 4 else cp.asarray(a) for a in arrays)
    for name, result, expected in zip(
        ("forward", "weight_grad", "input_grad"),
        our_products(layer, x, weight, grad),
        torch_products(layer, *arrays),
    ):
        difference = np.abs(cp.asnumpy(result).astype(np.float32) - expected).max()
        assert difference <= tolerance * np.abs(expected).max(), name


def our_products(layer: Layer, x: Any, weight: Any, grad: Any) -> list[Any]:
    kind, geometry = ("linear", ()) if x.ndim == 2 else ("conv2d", (layer.geometry,))
    forward, weight_grad, input_grad = (
        getattr(cuda, kind + product) for product in ("", "_weight_grad", "_input_grad")
    )
    return [
        forward(x, weight, None, *geometry),
        weight_grad(grad, x, *geometry, np.dtype(np.float32)),
        input_grad(grad, weight, *geometry),
    ]


def torch_products(layer: Layer, *arrays: np.ndarray) -> list[np.ndarray]:
    """On the GPU if this torch can, in float32."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, weight, grad = (torch.tensor(a.astype(np.float32), device=device) for a in arrays)
    x.requires_grad_(), weight.requires_grad_()
    F = torch.nn.functional
    if x.ndim == 2:
        out = F.linear(x, weight)
    else:
        out = F.conv2d(x, weight, None, layer.stride, layer.padding)
    out.backward(grad)
    return [tensor.detach().cpu().numpy() for tensor in (out, weight.grad, x.grad)]
