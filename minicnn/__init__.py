"""minicnn: convolutional networks from scratch, on NumPy and on CUDA through CuPy."""

# ruff: noqa: I001  Tensor comes first, then the operations that give it its methods
import importlib

from .tensor import Tensor
from .creation import (
    arange, as_tensor, empty, empty_like, eye, from_dlpack, from_numpy, full, full_like, linspace,
    ones, ones_like, rand, randint, randn, randperm, tensor, zeros, zeros_like,
)  # fmt: skip
from .dtype import (
    DType as dtype, bfloat16, bool_, can_cast, finfo, float16, float32, float64, get_default_dtype,
    iinfo, int8, int16, int32, int64, promote_types, set_default_dtype, uint8, uint16, uint32, uint64,
)  # fmt: skip
from .dtype import (
    bool_ as bool, float16 as half, float32 as float, float64 as double, int16 as short,
    int32 as int, int64 as long,
)  # fmt: skip
from .size import Size
from math import e, inf, nan, pi
from .memory_format import Layout as layout, MemoryFormat as memory_format, strided
from .memory_format import channels_last, channels_last_3d, contiguous_format, preserve_format
from .ops.activation import log_softmax, softmax
from .ops.choice import clamp, maximum, minimum, where
from .ops.elementwise import (
    abs, add, cos, div, exp, log, log1p, mul, pow, sigmoid, sign, sin, sqrt, square, sub, tanh,
)  # fmt: skip
from .ops.index import gather, index_select, masked_select, nonzero, scatter_add
from .ops.linear import addmm, bmm, matmul, mm
from .autograd import static_function as _static_function  # noqa: F401
from .ops import methods as _methods  # noqa: F401
from .ops.reduce import (
    all, amax, amin, any, argmax, argmin, cumsum, logsumexp, max, mean, min, norm, prod, std, sum,
    var,
)  # fmt: skip
from .ops.shape import (
    cat, chunk, flatten, flip, moveaxis, movedim, permute, reshape, split, squeeze, stack, t,
    transpose, unbind, unflatten, unsqueeze,
)  # fmt: skip
from .constructors import (
    BFloat16Tensor, BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor,
    IntTensor, LongTensor, ShortTensor, set_default_tensor_type,
)  # fmt: skip
from .ops.attributes import (
    get_device, is_complex, is_floating_point, is_inference, is_nonzero, is_same_size, is_signed,
    is_tensor, numel, typename,
)  # fmt: skip
from .ops.promotion import result_type
from .printing import get_printoptions, set_printoptions
from .buffers import asarray, frombuffer, scalar_tensor
from .ranges import logspace, range
from . import accelerator, amp, autograd, backends, cpu, cuda, nn, optim, profiler, random
from .absent import mps, mtia, xpu
from .amp import (
    GradScaler, autocast, get_autocast_dtype, is_autocast_available, is_autocast_enabled,
)  # fmt: skip
from .autograd import (
    enable_grad, inference_mode, is_anomaly_enabled, is_grad_enabled, is_inference_mode_enabled,
    no_grad, set_grad_enabled,
)  # fmt: skip
from .backends import get_float32_matmul_precision, set_float32_matmul_precision
from .devices import Device as device, get_default_device, set_default_device
from .io import load, save
from .kernels.cpu.runtime.threads import num_threads as get_num_threads, set_num_threads
from .settings import (
    are_deterministic_algorithms_enabled, compiled_with_cxx11_abi, get_deterministic_debug_mode,
    get_num_interop_threads, is_deterministic_algorithms_warn_only_enabled, is_warn_always_enabled,
    set_deterministic_debug_mode, set_flush_denormal, set_num_interop_threads, set_warn_always,
    use_deterministic_algorithms,
)  # fmt: skip
from .random import (
    Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state,
)  # fmt: skip

newaxis = None

__all__ = [
    "BFloat16Tensor",
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "Generator",
    "GradScaler",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "Size",
    "Tensor",
    "abs",
    "accelerator",
    "add",
    "addmm",
    "all",
    "amax",
    "amin",
    "amp",
    "any",
    "arange",
    "are_deterministic_algorithms_enabled",
    "argmax",
    "argmin",
    "as_tensor",
    "asarray",
    "autocast",
    "autograd",
    "backends",
    "bfloat16",
    "bmm",
    "bool",
    "bool_",
    "can_cast",
    "cat",
    "channels_last",
    "channels_last_3d",
    "chunk",
    "clamp",
    "compiled_with_cxx11_abi",
    "contiguous_format",
    "cos",
    "cpu",
    "cuda",
    "cumsum",
    "default_generator",
    "device",
    "div",
    "double",
    "dtype",
    "e",
    "empty",
    "empty_like",
    "enable_grad",
    "exp",
    "eye",
    "finfo",
    "flatten",
    "flip",
    "float",
    "float16",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "frombuffer",
    "full",
    "full_like",
    "gather",
    "get_autocast_dtype",
    "get_default_device",
    "get_default_dtype",
    "get_deterministic_debug_mode",
    "get_device",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "get_num_threads",
    "get_printoptions",
    "get_rng_state",
    "half",
    "iinfo",
    "index_select",
    "inf",
    "inference_mode",
    "initial_seed",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_anomaly_enabled",
    "is_autocast_available",
    "is_autocast_enabled",
    "is_complex",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_floating_point",
    "is_grad_enabled",
    "is_inference",
    "is_inference_mode_enabled",
    "is_nonzero",
    "is_same_size",
    "is_signed",
    "is_tensor",
    "is_warn_always_enabled",
    "layout",
    "linspace",
    "load",
    "log",
    "log1p",
    "log_softmax",
    "logspace",
    "logsumexp",
    "long",
    "manual_seed",
    "masked_select",
    "matmul",
    "max",
    "maximum",
    "mean",
    "memory_format",
    "min",
    "minimum",
    "mm",
    "moveaxis",
    "movedim",
    "mps",
    "mtia",
    "mul",
    "nan",
    "newaxis",
    "nn",
    "no_grad",
    "nonzero",
    "norm",
    "numel",
    "ones",
    "ones_like",
    "optim",
    "permute",
    "pi",
    "pow",
    "preserve_format",
    "prod",
    "profiler",
    "promote_types",
    "rand",
    "randint",
    "randn",
    "random",
    "randperm",
    "range",
    "reshape",
    "result_type",
    "save",
    "scalar_tensor",
    "scatter_add",
    "seed",
    "set_default_device",
    "set_default_dtype",
    "set_default_tensor_type",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_grad_enabled",
    "set_num_interop_threads",
    "set_num_threads",
    "set_printoptions",
    "set_rng_state",
    "set_warn_always",
    "short",
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
    "strided",
    "sub",
    "sum",
    "t",
    "tanh",
    "tensor",
    "transpose",
    "typename",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unbind",
    "unflatten",
    "unsqueeze",
    "use_deterministic_algorithms",
    "var",
    "where",
    "xpu",
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
