"""minicnn: deep learning from scratch, on NumPy and on CUDA through CuPy."""

# ruff: noqa: I001  Tensor comes first, then the operations that give it its methods
from typing import TYPE_CHECKING
from .tensor import Tensor

# Tensors, dtypes, shapes, layouts
from math import e, inf, nan, pi
from .creation import (
    arange, as_tensor, empty, empty_like, eye, from_dlpack, from_numpy, full, full_like, linspace,
    ones, ones_like, rand, rand_like, randint, randint_like, randn, randn_like, randperm, tensor,
    zeros, zeros_like,
)  # fmt: skip
from .dtype import (
    DType as dtype, bfloat16, bool_, can_cast, finfo, float16, float32, float64, get_default_dtype,
    iinfo, int8, int16, int32, int64, promote_types, set_default_dtype, uint8, uint16, uint32, uint64,
)  # fmt: skip
from .dtype import (
    bool_ as bool, float16 as half, float32 as float, float64 as double, int16 as short,
    int32 as int, int64 as long,
)  # fmt: skip
from .memory_format import Layout as layout, MemoryFormat as memory_format, strided
from .memory_format import channels_last, channels_last_3d, contiguous_format, preserve_format
from .size import Size

# Operations
from .ops.activation import relu, relu_
from .ops.comparison import isfinite, isinf, isnan
from .ops.conv import conv2d, conv_transpose2d
from .ops.elementwise import exp, expm1, log, log1p, pow, reciprocal, rsqrt, rsub, square
from .ops.functions import (
    abs, absolute, add, bitwise_and, bitwise_not, bitwise_or, bitwise_xor, bmm, ceil, chunk,
    clamp, clip, cos, div, divide, eq, erf, fix, flatten, flip, floor, floor_divide, fmod,
    gather, ge, get_device, greater, greater_equal, gt, index_select, is_floating_point,
    is_same_size, is_signed, le, less, less_equal, logical_and, logical_not, logical_or,
    logical_xor, lt, masked_select, maximum, minimum, mm, moveaxis, movedim, mul, multiply, ne,
    neg, negative, nonzero, not_equal, remainder, round, scatter_add, sigmoid, sign, sin, split,
    sqrt, squeeze, sub, subtract, t, tanh, true_divide, trunc, unbind, unflatten, unsqueeze,
    where,
)  # fmt: skip
from .ops.linear import addmm, matmul
from .autograd import static_function as _static_function  # noqa: F401
from .ops import functions as _functions, methods as _methods  # noqa: F401
from .ops.attributes import is_complex, is_inference, is_nonzero, is_tensor, numel, typename
from .ops.norm import rms_norm
from .ops.pad import constant_pad_nd
from .ops.promotion import result_type
from .ops.reduce import (
    all, amax, amin, any, argmax, argmin, cumsum, logsumexp, max, mean, min, norm, prod, std, sum,
    var,
)  # fmt: skip
from .ops.shape import cat, permute, reshape, stack, transpose
from .ops.softmax import log_softmax, softmax

# Gradients, devices, random numbers, old constructors
from . import amp, autograd, backends, nn, optim, random
from .absent import mps, mtia, xpu
from .amp import autocast, get_autocast_dtype, is_autocast_available, is_autocast_enabled
from .autograd import enable_grad, inference_mode, is_anomaly_enabled, is_grad_enabled
from .autograd import is_inference_mode_enabled, no_grad, set_grad_enabled
from .backends import get_float32_matmul_precision, set_float32_matmul_precision
from .constructors import (
    BFloat16Tensor, BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor,
    IntTensor, LongTensor, ShortTensor, set_default_tensor_type,
)  # fmt: skip
from .devices import Device as device, get_default_device, set_default_device
from .kernels.cpu.runtime.threads import num_threads as get_num_threads, set_num_threads
from .later import read_later as _read_later
from .random import (
    Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state,
)  # fmt: skip

# What is imported on first use, for static type checkers
if TYPE_CHECKING:
    from . import accelerator, cpu, cuda, func, linalg, profiler, special, testing
    from .amp import GradScaler
    from .buffers import asarray, frombuffer, scalar_tensor
    from .func.batched import vmap
    from .io import load, save
    from .nn.utils.weight_norm import norm_except_dim
    from .ops.bits import bitwise_left_shift, bitwise_right_shift, gcd, lcm
    from .ops.blend import addcdiv, addcmul, lerp
    from .ops.closeness import allclose, equal, isclose, isin, isneginf, isposinf, isreal
    from .ops.conv1d import conv1d, conv_transpose1d
    from .ops.cumulative import (
        cummax, cummin, cumprod, cumulative_trapezoid, diff, logcumsumexp, trapezoid, trapz,
    )  # fmt: skip
    from .ops.diagonal import diag, diag_embed, diagflat, diagonal, diagonal_scatter, trace
    from .ops.distance import bilinear, cdist, cosine_similarity, pairwise_distance, pdist
    from .ops.einsum import einsum
    from .ops.elu import celu, celu_, selu, selu_
    from .ops.exponential import (
        exp2, float_power, frexp, ldexp, log10, log2, logaddexp, logaddexp2, logit, xlogy,
    )  # fmt: skip
    from .ops.extrema import clamp_max, clamp_min, fmax, fmin
    from .ops.histogram import bincount, histc, histogram
    from .ops.join import (
        atleast_1d, atleast_2d, atleast_3d, block_diag, broadcast_shapes, broadcast_tensors,
        cartesian_prod, column_stack, combinations, concat, concatenate, dsplit, dstack, hsplit,
        hstack, meshgrid, row_stack, split_with_sizes, tensor_split, vsplit, vstack,
    )  # fmt: skip
    from .ops.leaky import prelu, rrelu, rrelu_
    from .ops.native import (
        adaptive_max_pool1d, affine_grid_generator, alpha_dropout, alpha_dropout_, batch_norm,
        dropout, dropout_, feature_alpha_dropout, feature_alpha_dropout_, feature_dropout,
        feature_dropout_, grid_sampler, group_norm, instance_norm, layer_norm, max_pool1d,
        max_pool1d_with_indices, max_pool2d,
    )  # fmt: skip
    from .ops.old_linalg import cholesky, det, inverse, pinverse, qr, slogdet, svd
    from .ops.parts import copysign, frac, heaviside, nan_to_num, nextafter, positive, sgn, signbit
    from .ops.piecewise import hardshrink, threshold, threshold_
    from .ops.pixel_shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
    from .ops.pool1d import adaptive_avg_pool1d, avg_pool1d
    from .ops.products import (
        addbmm, addmv, addr, baddbmm, chain_matmul, cross, dot, ger, inner, kron, matrix_power, mv,
        outer, tensordot, vander, vdot,
    )  # fmt: skip
    from .ops.quantile import nanquantile, quantile
    from .ops.rearrange import (
        adjoint, broadcast_to, fliplr, flipud, ravel, roll, rot90, swapaxes, swapdims, tile,
        unravel_index,
    )  # fmt: skip
    from .ops.sampling import bernoulli, multinomial, normal
    from .ops.scatter import (
        index_add, index_copy, index_fill, index_reduce, masked_scatter, scatter, scatter_reduce,
    )  # fmt: skip
    from .ops.search import bucketize, searchsorted
    from .ops.sort import argsort, kthvalue, median, mode, msort, nanmedian, sort, topk
    from .ops.special import digamma, erfc, erfinv, i0, lgamma, mvlgamma, polygamma
    from .ops.statistics import (
        aminmax, corrcoef, count_nonzero, cov, dist, nanmean, nansum, renorm, std_mean, var_mean,
    )  # fmt: skip
    from .ops.strided import as_strided
    from .ops.systems import cholesky_inverse, cholesky_solve, logdet, matrix_exp
    from .ops.take import (
        argwhere, index_put, narrow, repeat_interleave, select, select_scatter, slice_scatter, take,
        take_along_dim,
    )  # fmt: skip
    from .ops.triangle import tril, tril_indices, triu, triu_indices
    from .ops.trigonometry import (
        acos, acosh, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, asin, asinh, atan,
        atan2, atanh, cosh, deg2rad, hypot, rad2deg, sinc, sinh, tan,
    )  # fmt: skip
    from .ops.unique import unique, unique_consecutive
    from .printing import get_printoptions, set_printoptions
    from .ranges import logspace, range
    from .settings import (
        are_deterministic_algorithms_enabled, compiled_with_cxx11_abi, get_deterministic_debug_mode,
        get_num_interop_threads, is_deterministic_algorithms_warn_only_enabled,
        is_warn_always_enabled, set_deterministic_debug_mode, set_flush_denormal,
        set_num_interop_threads, set_warn_always, use_deterministic_algorithms,
    )  # fmt: skip

newaxis = None

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor",
    "Generator", "GradScaler", "HalfTensor", "IntTensor", "LongTensor", "ShortTensor", "Size",
    "Tensor", "abs", "absolute", "accelerator", "acos", "acosh", "adaptive_avg_pool1d",
    "adaptive_max_pool1d", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr",
    "adjoint", "affine_grid_generator", "all", "allclose", "alpha_dropout", "alpha_dropout_",
    "amax", "amin", "aminmax", "amp", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh",
    "arctan", "arctan2", "arctanh", "are_deterministic_algorithms_enabled", "argmax", "argmin",
    "argsort", "argwhere", "as_strided", "as_tensor", "asarray", "asin", "asinh", "atan", "atan2",
    "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "autocast", "autograd", "avg_pool1d",
    "backends", "baddbmm", "batch_norm", "bernoulli", "bfloat16", "bilinear", "bincount",
    "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "block_diag", "bmm", "bool", "bool_", "broadcast_shapes", "broadcast_tensors",
    "broadcast_to", "bucketize", "can_cast", "cartesian_prod", "cat", "cdist", "ceil", "celu",
    "celu_", "chain_matmul", "channel_shuffle", "channels_last", "channels_last_3d", "cholesky",
    "cholesky_inverse", "cholesky_solve", "chunk", "clamp", "clamp_max", "clamp_min", "clip",
    "column_stack", "combinations", "compiled_with_cxx11_abi", "concat", "concatenate",
    "constant_pad_nd", "contiguous_format", "conv1d", "conv2d", "conv_transpose1d",
    "conv_transpose2d", "copysign", "corrcoef", "cos", "cosh", "cosine_similarity", "count_nonzero",
    "cov", "cpu", "cross", "cuda", "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid",
    "default_generator", "deg2rad", "det", "device", "diag", "diag_embed", "diagflat", "diagonal",
    "diagonal_scatter", "diff", "digamma", "dist", "div", "divide", "dot", "double", "dropout",
    "dropout_", "dsplit", "dstack", "dtype", "e", "einsum", "empty", "empty_like", "enable_grad",
    "eq", "equal", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "eye", "feature_alpha_dropout",
    "feature_alpha_dropout_", "feature_dropout", "feature_dropout_", "finfo", "fix", "flatten",
    "flip", "fliplr", "flipud", "float", "float16", "float32", "float64", "float_power", "floor",
    "floor_divide", "fmax", "fmin", "fmod", "frac", "frexp", "from_dlpack", "from_numpy",
    "frombuffer", "full", "full_like", "func", "gather", "gcd", "ge", "ger", "get_autocast_dtype",
    "get_default_device", "get_default_dtype", "get_deterministic_debug_mode", "get_device",
    "get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads",
    "get_printoptions", "get_rng_state", "greater", "greater_equal", "grid_sampler", "group_norm",
    "gt", "half", "hardshrink", "heaviside", "histc", "histogram", "hsplit", "hstack", "hypot",
    "i0", "iinfo", "index_add", "index_copy", "index_fill", "index_put", "index_reduce",
    "index_select", "inf", "inference_mode", "initial_seed", "inner", "instance_norm", "int",
    "int8", "int16", "int32", "int64", "inverse", "is_anomaly_enabled", "is_autocast_available",
    "is_autocast_enabled", "is_complex", "is_deterministic_algorithms_warn_only_enabled",
    "is_floating_point", "is_grad_enabled", "is_inference", "is_inference_mode_enabled",
    "is_nonzero", "is_same_size", "is_signed", "is_tensor", "is_warn_always_enabled", "isclose",
    "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "kron", "kthvalue",
    "layer_norm", "layout", "lcm", "ldexp", "le", "lerp", "less", "less_equal", "lgamma", "linalg",
    "linspace", "load", "log", "log1p", "log2", "log10", "log_softmax", "logaddexp", "logaddexp2",
    "logcumsumexp", "logdet", "logical_and", "logical_not", "logical_or", "logical_xor", "logit",
    "logspace", "logsumexp", "long", "lt", "manual_seed", "masked_scatter", "masked_select",
    "matmul", "matrix_exp", "matrix_power", "max", "max_pool1d", "max_pool1d_with_indices",
    "max_pool2d", "maximum", "mean", "median", "memory_format", "meshgrid", "min", "minimum", "mm",
    "mode", "moveaxis", "movedim", "mps", "msort", "mtia", "mul", "multinomial", "multiply", "mv",
    "mvlgamma", "nan", "nan_to_num", "nanmean", "nanmedian", "nanquantile", "nansum", "narrow",
    "ne", "neg", "negative", "newaxis", "nextafter", "nn", "no_grad", "nonzero", "norm",
    "norm_except_dim", "normal", "not_equal", "numel", "ones", "ones_like", "optim", "outer",
    "pairwise_distance", "pdist", "permute", "pi", "pinverse", "pixel_shuffle", "pixel_unshuffle",
    "polygamma", "positive", "pow", "prelu", "preserve_format", "prod", "profiler", "promote_types",
    "qr", "quantile", "rad2deg", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "random", "randperm", "range", "ravel", "reciprocal", "relu", "relu_",
    "remainder", "renorm", "repeat_interleave", "reshape", "result_type", "rms_norm", "roll",
    "rot90", "round", "row_stack", "rrelu", "rrelu_", "rsqrt", "rsub", "save", "scalar_tensor",
    "scatter", "scatter_add", "scatter_reduce", "searchsorted", "seed", "select", "select_scatter",
    "selu", "selu_", "set_default_device", "set_default_dtype", "set_default_tensor_type",
    "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal",
    "set_grad_enabled", "set_num_interop_threads", "set_num_threads", "set_printoptions",
    "set_rng_state", "set_warn_always", "sgn", "short", "sigmoid", "sign", "signbit", "sin", "sinc",
    "sinh", "slice_scatter", "slogdet", "softmax", "sort", "special", "split", "split_with_sizes",
    "sqrt", "square", "squeeze", "stack", "std", "std_mean", "strided", "sub", "subtract", "sum",
    "svd", "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan", "tanh", "tensor",
    "tensor_split", "tensordot", "testing", "threshold", "threshold_", "tile", "topk", "trace",
    "transpose", "trapezoid", "trapz", "tril", "tril_indices", "triu", "triu_indices",
    "true_divide", "trunc", "typename", "uint8", "uint16", "uint32", "uint64", "unbind",
    "unflatten", "unique", "unique_consecutive", "unravel_index", "unsqueeze",
    "use_deterministic_algorithms", "vander", "var", "var_mean", "vdot", "vmap", "vsplit", "vstack",
    "where", "xlogy", "xpu", "zeros", "zeros_like",
]  # fmt: skip


# Few programs need these, so they are imported on first use: each module and its names. Those of
# operations with keywords such as out= are in ops/later.py.
_LATER = {
    "amp": "GradScaler",
    "buffers": "asarray frombuffer scalar_tensor",
    "func.batched": "vmap",
    "io": "load save",
    "nn.utils.weight_norm": "norm_except_dim",
    "ops.conv1d": "conv1d conv_transpose1d",
    "ops.distance": "bilinear cosine_similarity pairwise_distance pdist",
    "ops.elu": "celu celu_ selu selu_",
    "ops.leaky": "prelu rrelu rrelu_",
    "ops.native": """
        adaptive_max_pool1d affine_grid_generator alpha_dropout alpha_dropout_ batch_norm
        dropout dropout_ feature_alpha_dropout feature_alpha_dropout_ feature_dropout
        feature_dropout_ grid_sampler group_norm instance_norm layer_norm max_pool1d
        max_pool1d_with_indices max_pool2d""",
    "ops.piecewise": "hardshrink threshold threshold_",
    "ops.pixel_shuffle": "channel_shuffle pixel_shuffle pixel_unshuffle",
    "ops.pool1d": "adaptive_avg_pool1d avg_pool1d",
    "ops.sampling": "bernoulli multinomial normal",
    "plan": "compile",
    "printing": "get_printoptions set_printoptions",
    "ranges": "logspace range",
    "settings": """
        are_deterministic_algorithms_enabled compiled_with_cxx11_abi
        get_deterministic_debug_mode get_num_interop_threads
        is_deterministic_algorithms_warn_only_enabled is_warn_always_enabled
        set_deterministic_debug_mode set_flush_denormal set_num_interop_threads set_warn_always
        use_deterministic_algorithms""",
    "version": "__version__",
}  # fmt: skip
_find, _names = _read_later(
    __name__,
    _LATER,
    modules="""
        accelerator config cpu cuda distributed distributions func graph hub io jit linalg
        multiprocessing onnx profiler special testing utils version""",
)


def __getattr__(name: str) -> object:
    """Reads a module or a function whose file is not needed before."""
    value = _functions.find(name)
    if value is None:
        return _find(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*_names(), *_functions.FUNCTIONS, *_functions.IN_PLACE})
