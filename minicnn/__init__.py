"""minicnn: convolutional networks from scratch, on NumPy and on CUDA through CuPy."""

# ruff: noqa: I001  Tensor comes first, then the operations that give it its methods
from importlib import import_module
from typing import TYPE_CHECKING
from .tensor import Tensor
from .creation import (
    arange, as_tensor, empty, empty_like, eye, from_dlpack, from_numpy, full, full_like, linspace,
    ones, ones_like, rand, randint, randn, randperm, tensor, zeros, zeros_like,
)  # fmt: skip
from .dtype import (
    DType as dtype, bfloat16, bool_, can_cast, finfo, float16, float32, float64, get_default_dtype, iinfo, int8, int16, int32,
    int64, promote_types, set_default_dtype, uint8, uint16, uint32, uint64,
)  # fmt: skip
from .dtype import (
    bool_ as bool, float16 as half, float32 as float, float64 as double, int16 as short,
    int32 as int, int64 as long,
)  # fmt: skip
from .size import Size
from math import e, inf, nan, pi
from .memory_format import Layout as layout, MemoryFormat as memory_format, strided
from .memory_format import channels_last, channels_last_3d, contiguous_format, preserve_format
from .ops.activation import log_softmax, relu, relu_, softmax
from .ops.comparison import isfinite, isinf, isnan
from .ops.elementwise import exp, expm1, log, log1p, pow, reciprocal, rsqrt, rsub, square
from .ops.functions import (
    abs, absolute, add, bitwise_and, bitwise_not, bitwise_or, bitwise_xor, ceil, clamp, clip,
    cos, div, divide, eq, fix, floor, floor_divide, fmod, gather, ge, greater, greater_equal,
    gt, index_select, le, less, less_equal, logical_and, logical_not, logical_or, logical_xor,
    lt, masked_select, maximum, minimum, mul, multiply, ne, neg, negative, nonzero, not_equal,
    remainder, round, scatter_add, sigmoid, sign, sin, sqrt, sub, subtract, tanh, true_divide,
    trunc, where,
)  # fmt: skip
from .ops.linear import addmm, bmm, matmul, mm
from .autograd import static_function as _static_function  # noqa: F401
from .ops import functions as _functions, methods as _methods  # noqa: F401
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
from .buffers import asarray, empty_strided, frombuffer, scalar_tensor
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

if TYPE_CHECKING:
    from . import linalg, special
    from .ops.bits import bitwise_left_shift, bitwise_right_shift, gcd, lcm
    from .ops.blend import addcdiv, addcmul, lerp
    from .ops.closeness import (
        allclose, equal, is_same_size, isclose, isin, isneginf, isposinf, isreal,
    )  # fmt: skip
    from .ops.cumulative import (
        cummax, cummin, cumprod, cumulative_trapezoid, diff, logcumsumexp, trapezoid, trapz,
    )  # fmt: skip
    from .ops.diagonal import diag, diag_embed, diagflat, diagonal, diagonal_scatter, trace
    from .ops.distances import cdist
    from .ops.einsum import einsum
    from .ops.exponential import (
        exp2, float_power, frexp, ldexp, log2, log10, logaddexp, logaddexp2, logit, xlogy,
    )  # fmt: skip
    from .ops.extrema import clamp_max, clamp_min, fmax, fmin
    from .ops.histogram import bincount, histc, histogram
    from .ops.join import (
        atleast_1d, atleast_2d, atleast_3d, block_diag, broadcast_shapes, broadcast_tensors,
        cartesian_prod, column_stack, combinations, concat, concatenate, dsplit, dstack, hsplit,
        hstack, meshgrid, row_stack, split_with_sizes, tensor_split, vsplit, vstack,
    )  # fmt: skip
    from .ops.old_linalg import cholesky, inverse, pinverse, qr, svd
    from .ops.parts import (
        copysign, frac, heaviside, nan_to_num, nextafter, positive, sgn, signbit,
    )  # fmt: skip
    from .ops.products import (
        addbmm, addmv, addr, baddbmm, chain_matmul, cross, dot, ger, inner, kron, matrix_power,
        mv, outer, tensordot, vander, vdot,
    )  # fmt: skip
    from .ops.quantile import nanquantile, quantile
    from .ops.rearrange import (
        adjoint, broadcast_to, fliplr, flipud, ravel, roll, rot90, swapaxes, swapdims, tile,
        unravel_index,
    )  # fmt: skip
    from .ops.scatter import (
        index_add, index_copy, index_fill, index_reduce, masked_scatter, scatter, scatter_reduce,
    )  # fmt: skip
    from .ops.search import bucketize, searchsorted
    from .ops.sort import argsort, kthvalue, median, mode, msort, nanmedian, sort, topk
    from .ops.special import digamma, erf, erfc, erfinv, i0, lgamma, mvlgamma, polygamma
    from .ops.statistics import (
        aminmax, corrcoef, count_nonzero, cov, dist, nanmean, nansum, renorm, std_mean, var_mean,
    )  # fmt: skip
    from .ops.strided import as_strided
    from .ops.systems import cholesky_inverse, cholesky_solve, det, logdet, matrix_exp, slogdet
    from .ops.take import (
        argwhere, index_put, narrow, repeat_interleave, select, select_scatter, slice_scatter,
        take, take_along_dim,
    )  # fmt: skip
    from .ops.triangle import tril, tril_indices, triu, triu_indices
    from .ops.trigonometry import (
        acos, acosh, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, asin, asinh, atan,
        atan2, atanh, cosh, deg2rad, hypot, rad2deg, sinc, sinh, tan,
    )  # fmt: skip
    from .ops.unique import unique, unique_consecutive
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
    "absolute",
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
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "bmm",
    "bool",
    "bool_",
    "can_cast",
    "cat",
    "ceil",
    "channels_last",
    "channels_last_3d",
    "chunk",
    "clamp",
    "clip",
    "compiled_with_cxx11_abi",
    "contiguous_format",
    "cos",
    "cpu",
    "cuda",
    "cumsum",
    "default_generator",
    "device",
    "div",
    "divide",
    "double",
    "dtype",
    "e",
    "empty",
    "empty_like",
    "empty_strided",
    "enable_grad",
    "eq",
    "exp",
    "expm1",
    "eye",
    "finfo",
    "fix",
    "flatten",
    "flip",
    "float",
    "float16",
    "float32",
    "float64",
    "floor",
    "floor_divide",
    "fmod",
    "from_dlpack",
    "from_numpy",
    "frombuffer",
    "full",
    "full_like",
    "gather",
    "ge",
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
    "greater",
    "greater_equal",
    "gt",
    "half",
    "iinfo",
    "index_select",
    "inf",
    "inference_mode",
    "initial_seed",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
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
    "isfinite",
    "isinf",
    "isnan",
    "layout",
    "le",
    "less",
    "less_equal",
    "linspace",
    "load",
    "log",
    "log1p",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logspace",
    "logsumexp",
    "long",
    "lt",
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
    "multiply",
    "nan",
    "ne",
    "neg",
    "negative",
    "newaxis",
    "nn",
    "no_grad",
    "nonzero",
    "norm",
    "not_equal",
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
    "reciprocal",
    "relu",
    "relu_",
    "remainder",
    "reshape",
    "result_type",
    "round",
    "rsqrt",
    "rsub",
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
    "subtract",
    "sum",
    "t",
    "tanh",
    "tensor",
    "transpose",
    "true_divide",
    "trunc",
    "typename",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
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


def __getattr__(name: str) -> object:
    """Reads a function whose file is not needed before, and ``linalg`` and ``special``."""
    later = name in ("linalg", "special")
    value = import_module(f".{name}", __name__) if later else _functions.find(name)
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_functions.FUNCTIONS, *_functions.IN_PLACE, "linalg", "special"})
