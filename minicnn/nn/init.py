"""Initial values of weights, filled in place; names and arguments as in ``torch.nn.init``.

Every function returns its tensor, records nothing for ``backward``, and draws from ``generator``.
When that is None it draws from the default generator, which ``minicnn.manual_seed`` seeds.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..creation import empty, empty_like, ones_like, randperm
from ..draws import pass_over_normal, pass_over_uniform
from ..dtypes import bool_
from ..no_tensor import takes_tensors
from ..ops.choice import where
from ..ops.random_fill import normal_ as fill_normal
from ..ops.random_fill import uniform_ as fill_uniform
from ..random import Generator, default_generator
from ..tensor import Tensor
from ..typing import Array
from ..warn import warn

__all__ = [
    "bilinear_",
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "no_init",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]


class _Drawing(threading.local):
    off = False


_drawing = _Drawing()


@contextmanager
def no_init() -> Iterator[None]:
    """Passes over the numbers within its ``with`` block: layers there have uninitialised weights.

    For networks that initialise their weights later, or load them from a file. The numbers drawn
    afterwards are those that would have followed, as in torch, which draws all of them.
    """
    before, _drawing.off = _drawing.off, True
    try:
        yield
    finally:
        _drawing.off = before


# ---------------------------------------------------------------------- distributions


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers from U(a, b)."""
    if _drawing.off:
        pass_over_uniform(tensor.numel(), tensor.array.dtype, generator or default_generator)
        return tensor
    with no_grad():
        return fill_uniform(tensor, a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers from N(mean, std²)."""
    if _drawing.off:
        pass_over_normal(tensor.numel(), tensor.array.dtype, generator or default_generator)
        return tensor
    with no_grad():
        return fill_normal(tensor, mean, std, generator=generator)


@takes_tensors
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with numbers from N(mean, std²); draw again those outside [a, b].

    Where few numbers would be inside, uniform ones are kept with probabilities in proportion to the
    density.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_: most draws are "
            f"rejected, got mean {mean}, std {std}, a {a}, b {b}"
        )
    if _drawing.off and min(mean - a, b - mean) > 9 * std:  # no double is so far out
        return normal_(tensor, mean, std, generator)
    inside = _normal_cdf((b - mean) / std) - _normal_cdf((a - mean) / std)
    fill = _trunc_by_normal if inside > 0.3 else _trunc_by_uniform
    with no_grad():
        # all draws are made on the CPU: a GPU would be waited for after each
        on_cpu = tensor.device.type == "cpu"
        drawn = tensor if on_cpu else empty_like(tensor, device="cpu")
        fill(drawn, mean, std, a, b, generator)
        return tensor if on_cpu else tensor.copy_(drawn)


def _normal_cdf(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _trunc_by_normal(
    tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Generator | None
) -> None:
    low, high = (float(np.asarray(bound, tensor.array.dtype)) for bound in (a, b))
    fill_normal(tensor, mean, std, generator=generator)
    while (outside := (tensor < low) | (tensor > high)).any():
        again = fill_normal(empty_like(tensor), mean, std, generator=generator)
        tensor.copy_(where(outside, again, tensor))


def _trunc_by_uniform(
    tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Generator | None
) -> None:
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    pending = ones_like(tensor, dtype=bool_)
    while pending.any():
        proposal = fill_uniform(empty_like(tensor), a, b, generator=generator)
        tensor.copy_(where(pending, proposal, tensor))
        log_density = ((proposal - mean) / std) ** 2 * -0.5 - peak
        chance = fill_uniform(empty_like(tensor), generator=generator)
        pending &= chance.log() > log_density


# ---------------------------------------------------------------------- constants


@takes_tensors
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with ``val``."""
    with no_grad():
        return tensor.fill_(val)


@takes_tensors
def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


@takes_tensors
def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0.0)


@takes_tensors
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity.

    Raises:
        ValueError: unless ``tensor`` has 2 dimensions.
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_ needs a tensor of 2 dimensions, got shape {tuple(tensor.shape)}")
    return _copy(tensor, np.eye(*tensor.shape, dtype=np.float32))


def _copy(tensor: Tensor, values: Array) -> Tensor:
    with no_grad():
        return tensor.copy_(Tensor.of(values))


@takes_tensors
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill convolution weights (O, C / groups, KH, KW) so that each group passes its input through.

    Raises:
        ValueError: unless ``tensor`` has 3 to 5 dimensions and ``groups`` divides its first.
    """
    if not 3 <= tensor.ndim <= 5:
        raise ValueError(
            f"dirac_ needs a tensor of 3 to 5 dimensions, got shape {tuple(tensor.shape)}"
        )
    if tensor.shape[0] % groups != 0:
        raise ValueError(
            f"groups ({groups}) must divide dimension 0 of shape {tuple(tensor.shape)}"
        )
    out_channels = tensor.shape[0] // groups
    values = np.zeros(tensor.shape, np.float32)
    centre = tuple(k // 2 for k in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(out_channels, tensor.shape[1])):
            values[(group * out_channels + channel, channel, *centre)] = 1
    return _copy(tensor, values)


# ---------------------------------------------------------------------- scaled by fan


def bilinear_(tensor: Tensor) -> Tensor:
    """Fill the weight of a transposed convolution so that it enlarges images bilinearly.

    Args:
        tensor: (C, C, KH, KW); with stride s, kernel_size 2 s and padding s / 2 each channel becomes
            s times as large.

    Raises:
        ValueError: unless the weight has 4 dimensions and as many input as output channels.

    Long, Shelhamer & Darrell 2015; not in ``torch.nn.init``.
    """
    if tensor.ndim != 4 or tensor.shape[0] != tensor.shape[1]:
        raise ValueError(f"bilinear_ expects a weight (C, C, KH, KW), got {tuple(tensor.shape)}")
    tents = []
    for size in tensor.shape[2:]:
        half = (size + 1) // 2
        centre = half - 1 if size % 2 else half - 0.5
        tents.append(1 - np.abs(np.arange(size) - centre) / half)
    weight = np.zeros(tensor.shape)
    channels = np.arange(len(weight))
    weight[channels, channels] = np.outer(*tents)
    return _copy(tensor, weight)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor for weights that compensates for how ``nonlinearity`` changes the variance.

    Args:
        nonlinearity: ``"linear"``, ``"conv2d"``, ``"sigmoid"``, ``"tanh"``, ``"relu"``,
            ``"leaky_relu"`` or ``"selu"``.
        param: negative slope of ``"leaky_relu"``, by default 0.01.

    Raises:
        ValueError: for another name.
    """
    slope = 0.01 if param is None else param
    convolutions = (f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3))
    gains = dict.fromkeys(("linear", "sigmoid", *convolutions), 1.0) | {
        "tanh": 5.0 / 3,
        "relu": math.sqrt(2.0),
        "leaky_relu": math.sqrt(2.0 / (1 + slope**2)),
        "selu": 3.0 / 4,
    }
    if nonlinearity not in gains:
        raise ValueError(f"nonlinearity must be one of {sorted(gains)}, got {nonlinearity!r}")
    return gains[nonlinearity]


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """The number of inputs per output, and of outputs per input, of a weight (O, C, *kernel)."""
    if tensor.ndim < 2:
        raise ValueError(
            f"fan in and fan out need a tensor of 2 dimensions or more, got shape {tuple(tensor.shape)}"
        )
    receptive_field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive_field, tensor.shape[0] * receptive_field


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    fan = fan_in if mode.lower() == "fan_in" else fan_out
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))  # 0: nothing is drawn


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2.0 / max(sum(_calculate_fan_in_and_fan_out(tensor)), 1))


@takes_tensors
def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Uniform, variance 2 gain² / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


@takes_tensors
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal, variance 2 gain² / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


@takes_tensors
def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform, variance gain² / fan (He et al., 2015)."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


@takes_tensors
def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal, variance gain² / fan (He et al., 2015)."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


@takes_tensors
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with rows or columns that are orthonormal times ``gain`` (Saxe et al., 2013).

    All dimensions after the first are flattened into one.

    Raises:
        ValueError: if ``tensor`` has fewer than 2 dimensions.
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"orthogonal_ needs a tensor of 2 dimensions or more, got shape {tuple(tensor.shape)}"
        )
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    flat = fill_normal(
        empty(rows, columns, dtype=tensor.array.dtype, device="cpu"), generator=generator
    ).numpy()
    q, r = np.linalg.qr(flat.T if rows < columns else flat)
    q *= np.sign(np.diag(r))  # makes the distribution uniform (Haar)
    return _copy(tensor, (gain * (q.T if rows < columns else q)).reshape(tensor.shape))


@takes_tensors
def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Fill a matrix with numbers from N(0, std²), and part of each column with 0 (Martens, 2010).

    Args:
        tensor: (O, C).
        sparsity: the share of zeros in a column, rounded up to whole elements. The default generator
            chooses them, as in torch.
        std: standard deviation of the others.
        generator: draws the others.

    Raises:
        ValueError: unless ``tensor`` has 2 dimensions.
    """
    if tensor.ndim != 2:
        raise ValueError(f"sparse_ needs a tensor of 2 dimensions, got shape {tuple(tensor.shape)}")
    rows, columns = tensor.shape
    normal_(tensor, 0.0, std, generator)
    with no_grad():
        for column in range(columns):
            tensor[randperm(rows)[: math.ceil(sparsity * rows)], column] = 0
    return tensor


def default_weight_and_bias_(weight: Tensor, bias: Tensor | None) -> None:
    """The initial values of torch's linear and convolution layers: both U(±1 / sqrt(fan_in))."""
    # a = √5 is torch's historical choice; the gain sqrt(2 / 6) cancels kaiming's sqrt(3)
    kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in, _ = _calculate_fan_in_and_fan_out(weight)
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
        uniform_(bias, -bound, bound)


# ---------------------------------------------------------------------- old names


def _deprecated(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function under its old name, without the underscore, which warns of it."""
    new_name = function.__name__
    old_name = new_name[:-1]

    @functools.wraps(function)
    def old(*args: Any, **kwargs: Any) -> Tensor:
        warn(f"nn.init.{old_name} is deprecated, use nn.init.{new_name}", FutureWarning)
        return function(*args, **kwargs)

    old.__name__ = old.__qualname__ = old_name
    return old


uniform, normal, constant = _deprecated(uniform_), _deprecated(normal_), _deprecated(constant_)
eye, dirac, orthogonal = _deprecated(eye_), _deprecated(dirac_), _deprecated(orthogonal_)
xavier_uniform, xavier_normal = _deprecated(xavier_uniform_), _deprecated(xavier_normal_)
kaiming_uniform, kaiming_normal = _deprecated(kaiming_uniform_), _deprecated(kaiming_normal_)
sparse = _deprecated(sparse_)
