"""minicnn: convolutional networks from scratch, on NumPy and on CUDA through CuPy."""

# ruff: noqa: I001  Tensor comes first, then the operations that give it its methods
from .tensor import Tensor
from .creation import (
    arange, as_tensor, empty, empty_like, eye, from_dlpack, from_numpy, full, full_like, linspace,
    ones, ones_like, rand, randint, randn, randperm, tensor, zeros, zeros_like,
)  # fmt: skip
from .dtypes import bfloat16, bool_, float16, float32, float64, int8, int16, int32, int64, uint8
from .memory_format import channels_last, channels_last_3d, contiguous_format, preserve_format
from .ops.activation import softmax
from .ops.choice import clamp, maximum, minimum, where
from .ops.elementwise import (
    abs, add, cos, div, exp, log, log1p, mul, pow, sigmoid, sign, sin, sqrt, square, sub, tanh,
)  # fmt: skip
from .ops.index import gather, index_select, nonzero, scatter_add
from .ops.linear import addmm, bmm, matmul, mm
from .ops import methods as _methods  # noqa: F401
from .ops.reduce import (
    all, any, argmax, argmin, logsumexp, max, mean, min, norm, prod, std, sum, var,
)  # fmt: skip
from .ops.shape import (
    cat, chunk, flatten, flip, permute, reshape, split, squeeze, stack, unsqueeze,
)  # fmt: skip
from . import amp, autograd, backends, cpu, cuda, nn, optim, profiler, random
from .amp import autocast, get_autocast_dtype, is_autocast_enabled
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .backends import get_float32_matmul_precision, set_float32_matmul_precision
from .devices import Device as device, get_default_device, set_default_device
from .io import load, save
from .kernels.cpu.runtime.threads import num_threads as get_num_threads, set_num_threads
from .random import Generator, manual_seed

__all__ = [
    "Generator",
    "Tensor",
    "abs",
    "add",
    "addmm",
    "all",
    "amp",
    "any",
    "arange",
    "argmax",
    "argmin",
    "as_tensor",
    "autocast",
    "autograd",
    "backends",
    "bfloat16",
    "bmm",
    "bool_",
    "cat",
    "channels_last",
    "channels_last_3d",
    "chunk",
    "clamp",
    "contiguous_format",
    "cos",
    "cpu",
    "cuda",
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
    "gather",
    "get_autocast_dtype",
    "get_default_device",
    "get_float32_matmul_precision",
    "get_num_threads",
    "index_select",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_autocast_enabled",
    "is_grad_enabled",
    "linspace",
    "load",
    "log",
    "log1p",
    "logsumexp",
    "manual_seed",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mm",
    "mul",
    "nn",
    "no_grad",
    "nonzero",
    "norm",
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
    "tanh",
    "tensor",
    "uint8",
    "unsqueeze",
    "var",
    "where",
    "zeros",
    "zeros_like",
]  # fmt: skip
