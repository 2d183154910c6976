"""minicnn: convolutional networks from scratch, on NumPy and on CUDA through CuPy."""

# ruff: noqa: I001  Tensor comes first, then the operations that give it its methods
import importlib

from .tensor import Tensor
from .creation import (
    arange, as_tensor, empty, empty_like, eye, from_dlpack, from_numpy, full, full_like, linspace,
    ones, ones_like, rand, randint, randn, randperm, tensor, zeros, zeros_like,
)  # fmt: skip
from .dtypes import bfloat16, bool_, float16, float32, float64, int8, int16, int32, int64, uint8
from .memory_format import channels_last, channels_last_3d, contiguous_format, preserve_format
from .ops.activation import log_softmax, softmax
from .ops.choice import clamp, maximum, minimum, where
from .ops.elementwise import (
    abs, add, cos, div, exp, log, log1p, mul, pow, sigmoid, sign, sin, sqrt, square, sub, tanh,
)  # fmt: skip
from .ops.index import gather, index_select, masked_select, nonzero, scatter_add
from .ops.linear import addmm, bmm, matmul, mm
from .ops import methods as _methods  # noqa: F401
from .ops.reduce import (
    all, amax, amin, any, argmax, argmin, cumsum, logsumexp, max, mean, min, norm, prod, std, sum,
    var,
)  # fmt: skip
from .ops.shape import (
    cat, chunk, flatten, flip, moveaxis, movedim, permute, reshape, split, squeeze, stack, t,
    transpose, unbind, unflatten, unsqueeze,
)  # fmt: skip
from . import amp, autograd, backends, cpu, cuda, nn, optim, profiler, random
from .amp import autocast, get_autocast_dtype, is_autocast_enabled
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .backends import get_float32_matmul_precision, set_float32_matmul_precision
from .devices import Device as device, get_default_device, set_default_device
from .io import load, save
from .kernels.cpu.runtime.threads import num_threads as get_num_threads, set_num_threads
from .random import (
    Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state,
)  # fmt: skip

__all__ = [
    "Generator",
    "Tensor",
    "abs",
    "add",
    "addmm",
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
    "cumsum",
    "default_generator",
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
    "get_rng_state",
    "index_select",
    "initial_seed",
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
    "log_softmax",
    "logsumexp",
    "manual_seed",
    "masked_select",
    "matmul",
    "max",
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
    "seed",
    "set_default_device",
    "set_float32_matmul_precision",
    "set_grad_enabled",
    "set_num_threads",
    "set_rng_state",
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

# Few programs need these, so they are imported on first use: names and the modules that have them.
_LATER = {"__version__": "version", "compile": "jit"}
_LATER_MODULES = ("config", "distributed", "hub", "jit", "multiprocessing", "utils", "version")


def __getattr__(name: str) -> object:
    if name in _LATER_MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LATER:
        return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
