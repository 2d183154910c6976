"""minicnn: convolutional networks from scratch, on NumPy and on CUDA through CuPy."""

# ruff: noqa: I001  Tensor comes first, then the operations that give it its methods
from .tensor import Tensor
from .creation import (
    arange, as_tensor, empty, empty_like, eye, from_dlpack, from_numpy, full, full_like, linspace,
    ones, ones_like, rand, randint, randn, randperm, tensor, zeros, zeros_like,
)  # fmt: skip
from .dtypes import bfloat16, bool_, float16, float32, float64, int8, int16, int32, int64, uint8
from .memory_format import channels_last, channels_last_3d, contiguous_format, preserve_format
from .ops.activation import log_softmax, softmax
from .ops.choice import clamp, maximum, minimum, where
from .ops.conv import conv2d, conv_transpose2d
from .ops.conv1d import conv1d, conv_transpose1d
from .ops.elementwise import (
    abs, add, cos, div, exp, log, log1p, mul, pow, sigmoid, sign, sin, sqrt, square, sub, tanh,
)  # fmt: skip
from .ops.index import gather, index_select, masked_select, nonzero, scatter_add
from .ops.linear import addmm, bmm, matmul, mm
from .ops import methods as _methods  # noqa: F401
from .ops.native import (
    adaptive_max_pool1d, affine_grid_generator, batch_norm, grid_sampler, group_norm, instance_norm,
    layer_norm, max_pool1d, max_pool1d_with_indices, max_pool2d,
)  # fmt: skip
from .ops.norm import rms_norm
from .ops.pool1d import adaptive_avg_pool1d, avg_pool1d
from .ops.reduce import (
    all, amax, amin, any, argmax, argmin, cumsum, logsumexp, max, mean, min, norm, prod, std, sum,
    var,
)  # fmt: skip
from .ops.shape import (
    cat, chunk, flatten, flip, moveaxis, movedim, permute, reshape, split, squeeze, stack, t,
    transpose, unbind, unflatten, unsqueeze,
)  # fmt: skip
from . import amp, autograd, backends, cpu, cuda, func, nn, optim, profiler, random
from .amp import autocast, get_autocast_dtype, is_autocast_enabled
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .backends import get_float32_matmul_precision, set_float32_matmul_precision
from .nn.utils.weight_norm import norm_except_dim
from .devices import Device as device, get_default_device, set_default_device
from .io import load, save
from .kernels.cpu.runtime.threads import num_threads as get_num_threads, set_num_threads
from .random import Generator, manual_seed

__all__ = [
    "Generator",
    "Tensor",
    "abs",
    "adaptive_avg_pool1d",
    "adaptive_max_pool1d",
    "add",
    "addmm",
    "affine_grid_generator",
    "all",
    "amax",
    "amin",
    "amp",
    "any",
    "arange",
    "argmax",
    "argmin",
    "as_tensor",
    "autocast",
    "autograd",
    "avg_pool1d",
    "backends",
    "batch_norm",
    "bfloat16",
    "bmm",
    "bool_",
    "cat",
    "channels_last",
    "channels_last_3d",
    "chunk",
    "clamp",
    "contiguous_format",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cos",
    "cpu",
    "cuda",
    "cumsum",
    "device",
    "div",
    "empty",
    "empty_like",
    "enable_grad",
    "exp",
    "eye",
    "flatten",
    "flip",
    "float16",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "func",
    "gather",
    "get_autocast_dtype",
    "get_default_device",
    "get_float32_matmul_precision",
    "get_num_threads",
    "grid_sampler",
    "group_norm",
    "index_select",
    "instance_norm",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_autocast_enabled",
    "is_grad_enabled",
    "layer_norm",
    "linspace",
    "load",
    "log",
    "log1p",
    "log_softmax",
    "logsumexp",
    "manual_seed",
    "masked_select",
    "matmul",
    "max",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mm",
    "moveaxis",
    "movedim",
    "mul",
    "nn",
    "no_grad",
    "nonzero",
    "norm",
    "norm_except_dim",
    "ones",
    "ones_like",
    "optim",
    "permute",
    "pow",
    "preserve_format",
    "prod",
    "profiler",
    "rand",
    "randint",
    "randn",
    "random",
    "randperm",
    "reshape",
    "rms_norm",
    "save",
    "scatter_add",
    "set_default_device",
    "set_float32_matmul_precision",
    "set_grad_enabled",
    "set_num_threads",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "sub",
    "sum",
    "t",
    "tanh",
    "tensor",
    "transpose",
    "uint8",
    "unbind",
    "unflatten",
    "unsqueeze",
    "var",
    "where",
    "zeros",
    "zeros_like",
]  # fmt: skip
