"""minicnn: convolutional networks from scratch, on NumPy and on CUDA through CuPy."""

# isort: off
from .tensor import (
    Tensor, arange, as_tensor, bool_, empty, empty_like, eye, float16, float32, float64,
    from_dlpack, from_numpy, full, full_like, int8, int16, int32, int64, linspace, ones, ones_like,
    rand, randint, randn, randperm, tensor, uint8, zeros, zeros_like,
)  # fmt: skip
from .ops import methods as _methods  # gives Tensor its operations
# isort: on
from . import autograd, cuda, nn, optim, random
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .device import Device
from .io import load, save
from .kernels.cpu.threads import num_threads as get_num_threads, set_num_threads
from .ops.elementwise import (
    abs, add, clamp, cos, div, exp, log, log1p, maximum, minimum, mul, pow, sigmoid, sign, sin,
    sqrt, square, sub, tanh, where,
)  # fmt: skip
from .ops.reduce import all, any, argmax, argmin, logsumexp, max, mean, min, norm, prod, std, sum, var
from .ops.shape import cat, chunk, flatten, flip, permute, reshape, split, squeeze, stack, unsqueeze
from .ops.index import gather, index_select, nonzero, scatter_add
from .ops.linear import bmm, matmul, mm
from .ops.activation import softmax
from .random import Generator, manual_seed
