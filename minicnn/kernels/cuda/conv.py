"""Convolution on the GPU: implicit matrix products on tensor cores, or in full float32.

float16 and bfloat16 run on tensor cores, and so does float32 if ``tf32.allow_tf32`` allows it. On
Hopper two instructions multiply 16-bit floats; the plan for a product (``gemm/tiles.py``) says which:
``plan.tile.instruction``. One launch computes all groups. Where every filter sees one channel, there
is no matrix product to make (``conv_depthwise.py``). float64 goes through im2col and cuBLAS
(``im2col.py``). With the environment variable ``MINICNN_CUDA_CONV=im2col`` all other dtypes do, too,
for comparison. Linear layers (``linear.py``) are convolutions of images of one pixel and use the same
functions.

All sums are in float32, but tensor cores cut them off where other arithmetic rounds, after every 16
products (TF32: 8). In sums of some hundred products this was up to 1.3e-6 of the largest result,
three times the error of rounding, on an emulated GPU that cuts off after 24 bits. Such errors have
one direction and grow with the number of products.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import cupy
import numpy as np

from ..geometry import Geometry
from ..tf32 import allow_tf32
from . import conv_depthwise
from .activation import channel_total, relu, relu_bias_backward
from .gemm.tiles import Gpu, Plan, Problem, choose
from .im2col import (
    col2im,
    conv2d_by_im2col,
    conv2d_input_grad_by_im2col,
    conv2d_weight_grad_by_im2col,
    im2col,
)
from .runtime.layout import channels_first, channels_last, zero_padded
from .runtime.module import CPP_TYPES, FLOATS, HALVES, CudaFile, Template, geometry_argument

__all__ = [
    "col2im",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_input_grad_relu",
    "conv2d_relu",
    "conv2d_weight_grad",
    "im2col",
]

cuda_file = CudaFile("conv.cu")
_forward = cuda_file.template("conv_forward")
_input_grad = cuda_file.template("conv_input_grad")
_input_grad_relu = cuda_file.template("conv_input_grad_relu")
_weight_grad = cuda_file.template("conv_weight_grad")
_add_splits = cuda_file.kernel(
    "add_splits",
    [
        *((dtype, dtype) for dtype in HALVES),
        *((dtype, "float32") for dtype in (*HALVES, "float32")),
    ],
)  # of the result and the bias
_pad_channels = cuda_file.kernel("pad_channels", (*HALVES, "float32"))


def conv2d(
    x: cupy.ndarray, weight: cupy.ndarray, bias: cupy.ndarray | None, geometry: Geometry
) -> cupy.ndarray:
    """Convolution, as ``torch.nn.functional.conv2d``.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, KH, KW).
        bias: (O,) or None, of the dtype of ``x`` or float32.
        geometry: where the windows lie.

    Returns:
        (N, O, OH, OW), channels-last in memory.
    """
    if conv_depthwise.possible(weight.shape[1], geometry):
        return conv_depthwise.conv2d(x, weight, bias, geometry)
    if uses_cublas(x.dtype):
        return conv2d_by_im2col(x, weight, bias, geometry)
    images, filters = _images(x, geometry), channels_last(weight)
    return channels_first(forward(images, filters, bias, geometry, "conv"))


def conv2d_relu(
    x: cupy.ndarray, weight: cupy.ndarray, bias: cupy.ndarray | None, geometry: Geometry
) -> cupy.ndarray:
    """ReLU of :func:`conv2d`, applied before the result is written."""
    if conv_depthwise.possible(weight.shape[1], geometry):
        return conv_depthwise.conv2d(x, weight, bias, geometry, relu=True)
    if uses_cublas(x.dtype):
        return relu(conv2d_by_im2col(x, weight, bias, geometry))
    images, filters = _images(x, geometry), channels_last(weight)
    return channels_first(forward(images, filters, bias, geometry, "conv", relu=True))


def conv2d_input_grad(grad: cupy.ndarray, weight: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """The gradient of :func:`conv2d` by its input; also the transposed convolution.

    Args:
        grad: (N, O, OH, OW).
        weight: (O, C / groups, KH, KW).
        geometry: as given to the convolution.

    Returns:
        (N, C, H, W), channels-last in memory.
    """
    if conv_depthwise.possible(weight.shape[1], geometry):
        return conv_depthwise.conv2d_input_grad(grad, weight, geometry)
    if uses_cublas(grad.dtype):
        return conv2d_input_grad_by_im2col(grad, weight, geometry)
    return channels_first(input_grad(channels_last(grad), channels_last(weight), geometry, "conv"))


def conv2d_input_grad_relu(
    grad: cupy.ndarray,
    weight: cupy.ndarray,
    x: cupy.ndarray,
    geometry: Geometry,
    dtype: np.dtype[Any] | None = None,
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """:func:`conv2d_input_grad`, and on through the ReLU that made the input, and the bias before it.

    Args:
        grad: (N, O, OH, OW).
        weight: (O, C / groups, KH, KW).
        x: (N, C, H, W), the input of the convolution: ``relu(... + bias)``.
        geometry: as given to the convolution.
        dtype: of the bias's gradient, by default the dtype of ``grad``.

    Returns:
        The gradient of what the ReLU was given, (N, C, H, W), and that of the bias, (C,).
    """
    images = channels_last(x)
    if not (conv_depthwise.possible(weight.shape[1], geometry) or uses_cublas(grad.dtype)):
        operands = channels_last(grad), channels_last(weight)
        found = input_grad_relu(*operands, images, geometry)
        if found is not None:
            out, sums = found
            return channels_first(out), channel_total(sums, dtype or grad.dtype)
    return relu_bias_backward(conv2d_input_grad(grad, weight, geometry), x, dtype)


def conv2d_weight_grad(
    grad: cupy.ndarray,
    x: cupy.ndarray,
    geometry: Geometry,
    dtype: np.dtype[Any] | None = None,
) -> cupy.ndarray:
    """The gradient of :func:`conv2d` by its weight.

    Args:
        grad: (N, O, OH, OW).
        x: (N, C, H, W), the input.
        geometry: as given to the convolution.
        dtype: of the result, by default the dtype of ``x``. float32 is for a weight kept in float32.

    Returns:
        (O, C / groups, KH, KW), channels-last in memory.
    """
    dtype = np.dtype(x.dtype if dtype is None else dtype)
    if conv_depthwise.possible(x.shape[1] // geometry.groups, geometry):
        return conv_depthwise.conv2d_weight_grad(grad, x, geometry, dtype)
    if uses_cublas(x.dtype):
        return conv2d_weight_grad_by_im2col(grad, x, geometry, dtype)
    images = _images(x, geometry)
    filters = weight_grad(channels_last(grad), images, geometry, dtype, "conv")
    return channels_first(filters)


# ---- the products, for channels-last arrays; ``layer`` is "conv" or "linear" ----


def uses_cublas(dtype: np.dtype[Any]) -> bool:
    """Whether cuBLAS computes the products of this dtype."""
    return dtype == np.float64 or os.environ.get("MINICNN_CUDA_CONV") == "im2col"


def forward(
    x: cupy.ndarray,
    weight: cupy.ndarray,
    bias: cupy.ndarray | None,
    geometry: Geometry,
    layer: str,
    relu: bool = False,
) -> cupy.ndarray:
    """x (N, H, W, G * C), weight (G * O, KH, KW, C) -> (N, OH, OW, G * O)."""
    _check_dtypes(x, weight)
    N, O, groups = len(x), len(weight) // geometry.groups, geometry.groups
    x, weight = _pad(x, groups), _pad(weight, 1)
    C = weight.shape[-1]
    out = cupy.empty((N, *geometry.output_size, groups * O), x.dtype)
    if not out.size:
        return out
    if bias is not None:
        bias = cupy.ascontiguousarray(bias)
    M, depth = N * math.prod(geometry.output_size), math.prod(geometry.kernel_size) * C
    problem = Problem("forward", _type(x, layer), M, O, depth, groups, x.itemsize)
    product = _Product(problem, (x, weight), (_vector(x, C),), (N, C, O), geometry)
    _multiply(_forward, product, out, (bias, relu))
    return out


def input_grad(
    grad: cupy.ndarray, weight: cupy.ndarray, geometry: Geometry, layer: str
) -> cupy.ndarray:
    """grad (N, OH, OW, G * O), weight (G * O, KH, KW, C) -> (N, H, W, G * C)."""
    _check_dtypes(grad, weight)
    out = cupy.empty(
        (len(grad), *geometry.input_size, geometry.groups * weight.shape[-1]), grad.dtype
    )
    if out.size:
        _multiply(_input_grad, _input_grad_product(grad, weight, geometry, layer), out)
    return out


def input_grad_relu(
    grad: cupy.ndarray, weight: cupy.ndarray, x: cupy.ndarray, geometry: Geometry
) -> tuple[cupy.ndarray, cupy.ndarray] | None:
    """The same through the ReLU that made x (N, H, W, G * C), and sums (S, G * C) of all pixels.

    None where the kernel cannot: with a stride, rows of no whole vectors, or several splits.
    """
    _check_dtypes(grad, x)
    vector = 16 // grad.itemsize
    if geometry.stride != (1, 1) or weight.shape[-1] % vector or not x.size or x.data.ptr % 16:
        return None
    product = _input_grad_product(grad, weight, geometry, "conv")
    plan = _plan(product)
    if plan.splits > 1:
        return None
    out = cupy.empty_like(x)
    sums = cupy.empty((-(-product.problem.M // plan.tile.M), x.shape[-1]), np.float32)
    _launch(_input_grad_relu, plan, product, out, (x, sums))
    return out, sums


def _input_grad_product(
    grad: cupy.ndarray, weight: cupy.ndarray, geometry: Geometry, layer: str
) -> _Product:
    N, groups, out_C = len(grad), geometry.groups, weight.shape[-1]
    H, W = geometry.input_size
    grad = _pad(grad, groups)
    O = grad.shape[-1] // groups
    weight = _pad(_pad_outputs(weight, groups, O), 1)
    C = weight.shape[-1]
    # one problem for each remainder of rows and columns divided by the stride
    (SH, SW), (KH, KW) = geometry.stride, geometry.kernel_size
    M = N * -(-H // SH) * -(-W // SW)
    depth = -(-KH // SH) * -(-KW // SW) * O
    problem = Problem(
        "input_grad", _type(grad, layer), M, out_C, depth, groups * SH * SW, grad.itemsize
    )
    vectors, sizes = (_vector(grad, O), _vector(weight, C)), (N, C, out_C, O)
    return _Product(problem, (grad, weight), vectors, sizes, geometry)


def weight_grad(
    grad: cupy.ndarray, x: cupy.ndarray, geometry: Geometry, dtype: np.dtype[Any], layer: str
) -> cupy.ndarray:
    """grad (N, OH, OW, G * O), x (N, H, W, G * C) -> (G * O, KH, KW, C) in ``dtype``."""
    _check_dtypes(grad, x)
    N, groups = len(x), geometry.groups
    O, out_C = grad.shape[-1] // groups, x.shape[-1] // groups
    KH, KW = geometry.kernel_size
    if not grad.size:
        return cupy.zeros((groups * O, KH, KW, out_C), dtype)
    grad, x = _pad(grad, groups), _pad(x, groups)
    C, padded_O = x.shape[-1] // groups, grad.shape[-1] // groups
    out = cupy.empty((groups * O, KH, KW, C), dtype)
    columns, depth = KH * KW * C, N * math.prod(geometry.output_size)
    problem = Problem("weight_grad", _type(x, layer), O, columns, depth, groups, dtype.itemsize)
    vectors, sizes = (_vector(grad, padded_O), _vector(x, C)), (N, C, O, padded_O)
    _multiply(_weight_grad, _Product(problem, (grad, x), vectors, sizes, geometry), out)
    return out if out_C == C else cupy.ascontiguousarray(out[..., :out_C])


def _type(x: cupy.ndarray, layer: str) -> str:
    """The C++ type for the products of ``x``."""
    if x.dtype == np.float32 and allow_tf32[layer]:
        return "tfloat32"
    if x.dtype.name not in (*HALVES, *FLOATS):
        raise TypeError(f"{layer} on CUDA takes {', '.join((*HALVES, *FLOATS))}, got {x.dtype}")
    return CPP_TYPES[x.dtype.name]


def _check_dtypes(x: cupy.ndarray, y: cupy.ndarray) -> None:
    if x.dtype != y.dtype:
        raise TypeError(f"a product takes operands of one dtype, got {x.dtype} and {y.dtype}")


def _check_sizes(problem: Problem, operands: tuple[cupy.ndarray, cupy.ndarray]) -> None:
    """Kernels count rows, pixels, and the elements of an image or a weight, in 32 bits."""
    largest = max(problem.M, problem.N, problem.depth)
    for x in operands:
        largest = max(largest, x.size // x.shape[-1], x.size // len(x))
    if problem.kind == "input_grad":
        largest = max(largest, operands[1].size)
    if largest >= 1 << 31:
        raise ValueError(
            "a product on CUDA takes less than 2**31 rows, columns, pixels, and elements of an "
            f"image or a weight, got {largest}"
        )


# ---- what the kernels expect of their operands ----


def _images(x: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, H, W) -> (N, H, W, C), contiguous unless the zeros that :func:`_pad` adds are there."""
    pixels = x.transpose(0, 2, 3, 1)
    padded = geometry.groups == 1 and zero_padded(pixels) is not None
    return pixels if padded else channels_last(x)


def _pad(x: cupy.ndarray, groups: int) -> cupy.ndarray:
    """(..., groups * C) -> the same with zeros up to the next multiple of 4 channels, and aligned.

    A thread copies 4 or 8 elements at a time. Images of 3 channels, the common case, grow by a
    third, which costs far less than reading their elements one by one.
    """
    channels = x.shape[-1] // groups
    padded = max(4, -(-channels // 4) * 4)  # no channels at all become 4, too
    whole = zero_padded(x)
    if whole is not None and whole.shape[-1] == padded:
        return whole
    if padded == channels:
        return x if x.data.ptr % 16 == 0 else x.copy()
    out = cupy.empty((*x.shape[:-1], groups * padded), x.dtype)
    if out.size:
        _pad_channels[x.dtype](out.size // 4, x, out, channels, padded)
    return out


def _pad_outputs(weight: cupy.ndarray, groups: int, O: int) -> cupy.ndarray:
    """(groups * ..., KH, KW, C) -> (groups * O, KH, KW, C): adds filters of zeros."""
    if len(weight) == groups * O:
        return weight
    filters = weight.reshape(groups, -1, *weight.shape[1:])
    out = cupy.zeros((groups, O, *weight.shape[1:]), weight.dtype)
    out[:, : filters.shape[1]] = filters
    return out.reshape(-1, *weight.shape[1:])


def _vector(x: cupy.ndarray, channels: int) -> int:
    """How many elements a thread copies at a time: 16 bytes, or 4 elements if 8 do not fit."""
    return 8 if x.itemsize == 2 and channels % 8 == 0 else 4


# ---- launching ----

_planner: list[Callable[[Problem, Gpu], Plan]] = [choose]


@contextlib.contextmanager
def planned_by(planner: Callable[[Problem, Gpu], Plan]) -> Iterator[None]:
    """Inside, ``planner`` chooses the plans instead of :func:`tiles.choose`, to measure them."""
    _planner.append(planner)
    try:
        yield
    finally:
        _planner.pop()


class _Product(NamedTuple):
    """A matrix product as the kernels of ``conv.cu`` take it.

    Attributes:
        problem: what the plan depends on.
        operands: padded and aligned.
        vectors: elements of the operands that a thread copies at a time, where a kernel asks.
        sizes: the kernel's arguments behind the result.
        geometry: where the windows lie.
    """

    problem: Problem
    operands: tuple[cupy.ndarray, cupy.ndarray]
    vectors: tuple[int, ...]
    sizes: tuple[int, ...]
    geometry: Geometry


def _multiply(
    template: Template, product: _Product, out: cupy.ndarray, epilogue: tuple[Any, ...] = ()
) -> None:
    """Computes a product by the plan for it; ``epilogue`` is bias and relu."""
    plan = _plan(product)
    target, late_epilogue = out, epilogue
    if plan.splits > 1:  # bias and ReLU come after the sum over the splits
        target = cupy.empty((plan.splits, *out.shape), np.float32)
        epilogue = (None, False)[: len(epilogue)]
    types = ("float" if bias is None else CPP_TYPES[bias.dtype.name] for bias in epilogue[:1])
    _launch(template, plan, product, target, epilogue, *types)
    if plan.splits > 1:
        bias, relu = late_epilogue or (None, False)
        bias_dtype = np.dtype(np.float32) if bias is None else bias.dtype
        _add_splits[out.dtype, bias_dtype](
            out.size, target, plan.splits, bias, out.shape[-1], relu, out
        )


def _plan(product: _Product) -> Plan:
    _check_sizes(product.problem, product.operands)
    return _planner[-1](product.problem, current_gpu())


def _launch(
    template: Template,
    plan: Plan,
    product: _Product,
    target: cupy.ndarray,
    epilogue: tuple[Any, ...],
    *types: str,
) -> None:
    """Launches a kernel of ``conv.cu``.

    ``epilogue`` are its last arguments, and ``types`` those of their types that are parameters of the
    template.
    """
    problem, operands, vectors, sizes, geometry = product
    x, tile = operands[0], plan.tile
    parameters = problem.type, tile.expression(x.itemsize), *vectors, CPP_TYPES[target.dtype.name]
    kernel = template.instance(x.dtype, *parameters, *types, arch=tile.arch)
    remainders = problem.count // geometry.groups
    kernel.launch(
        (problem.tiles(tile), geometry.groups, remainders * plan.splits),
        (tile.threads,),
        *operands,
        target,
        *sizes,
        problem.N * target.itemsize % 16 == 0,  # rows can be written 16 bytes at a time
        geometry_argument(geometry),
        *epilogue,
        shared_memory=tile.shared_memory(target.itemsize),
    )


def current_gpu() -> Gpu:
    """What :func:`tiles.choose` has to know about the current device."""
    return _gpu(cupy.cuda.Device().id)


@functools.cache
def _gpu(number: int) -> Gpu:
    properties = cupy.cuda.runtime.getDeviceProperties(number)
    device = cupy.cuda.Device(number)
    return Gpu(
        properties["name"].decode(),
        device.attributes["MultiProcessorCount"],
        device.attributes["MaxSharedMemoryPerBlockOptin"],
        int(device.compute_capability),
    )
