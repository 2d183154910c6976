"""Initial values of weights, filled in place; names and arguments as in ``torch.nn.init``.

Every function returns its tensor, records nothing for ``backward``, and draws from ``generator``.
When that is None it draws from the default generator, which ``minicnn.manual_seed`` seeds.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from .. import random
from ..autograd import no_grad
from ..random import Generator
from ..tensor import Tensor
from ..typing import Array, DTypeLike

__all__ = [
    "bilinear_",
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "no_init",
    "normal_",
    "ones_",
    "orthogonal_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]


class _Drawing(threading.local):
    off = False


_drawing = _Drawing()


@contextmanager
def no_init() -> Iterator[None]:
    """Draws nothing within its ``with`` block: layers built there have uninitialised weights.

    For networks that initialise their weights later, or load them from a file. Drawing AlexNet's 58
    million weights takes half a second.
    """
    before, _drawing.off = _drawing.off, True
    try:
        yield
    finally:
        _drawing.off = before


# ---------------------------------------------------------------------- distributions


def _fill(
    tensor: Tensor, draw: Callable[[Generator, DTypeLike], Array], generator: Generator | None
) -> Tensor:
    """Copy ``draw(generator, dtype)``, a NumPy array of the tensor's shape, into ``tensor``."""
    if _drawing.off:
        return tensor
    # NumPy draws float32 and float64 only; copy_ rounds to half precision.
    dtype = np.float64 if tensor.dtype == np.float64 else np.float32
    drawn = draw(random.default_generator if generator is None else generator, dtype)
    with no_grad():
        tensor.copy_(Tensor.of(drawn))
    return tensor


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers from U(a, b)."""

    def draw(gen: Generator, dtype: DTypeLike) -> Array:
        values = gen.random(tensor.shape, dtype)
        values *= b - a
        values += a
        return values

    return _fill(tensor, draw, generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers from N(mean, std²)."""

    def draw(gen: Generator, dtype: DTypeLike) -> Array:
        values = gen.normal(tensor.shape, dtype)
        values *= std
        values += mean
        return values

    return _fill(tensor, draw, generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with numbers from N(mean, std²); draw again those outside [a, b]."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_: most draws are "
            f"rejected, got mean {mean}, std {std}, a {a}, b {b}",
            stacklevel=2,
        )

    def draw(gen: Generator, dtype: DTypeLike) -> Array:
        values = np.empty(math.prod(tensor.shape), dtype)
        pending = np.arange(values.size)
        peak = min(max(mean, a), b)
        while pending.size:
            # Rejection sampling: accept uniform proposals with a probability proportional to the
            # density. This works however narrow [a, b] is.
            low, high = max(a, mean - 6 * std), min(b, mean + 6 * std)
            low, high = (low, high) if low < high else (a, b)
            proposal = low + (high - low) * gen.random(pending.size, np.float64)
            log_density = ((peak - mean) ** 2 - (proposal - mean) ** 2) / (2 * std**2)
            kept = np.log1p(-gen.random(pending.size, np.float64)) <= log_density
            values[pending[kept]] = proposal[kept]
            pending = pending[~kept]
        return values.reshape(tensor.shape)

    return _fill(tensor, draw, generator)


# ---------------------------------------------------------------------- constants


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with ``val``."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity.

    Raises:
        ValueError: unless ``tensor`` has 2 dimensions.
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_ needs a tensor of 2 dimensions, got shape {tuple(tensor.shape)}")
    return _fill(tensor, lambda gen, dtype: np.eye(*tensor.shape, dtype=np.float32), None)


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
    return _fill(tensor, lambda gen, dtype: values, None)


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
    with no_grad():
        tensor.copy_(Tensor.of(weight))
    return tensor


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


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Uniform, variance 2 gain² / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal, variance 2 gain² / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


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


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal, variance gain² / fan (He et al., 2015)."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


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

    def draw(gen: Generator, dtype: DTypeLike) -> Array:
        rows = tensor.shape[0]
        flat = gen.normal((rows, math.prod(tensor.shape[1:])), dtype)
        q, r = np.linalg.qr(flat.T if flat.shape[0] < flat.shape[1] else flat)
        q *= np.sign(np.diag(r))  # makes the distribution uniform (Haar)
        q = q.T if flat.shape[0] < flat.shape[1] else q
        return (gain * q).reshape(tensor.shape)

    return _fill(tensor, draw, generator)


def default_weight_and_bias_(weight: Tensor, bias: Tensor | None) -> None:
    """The initial values of torch's linear and convolution layers: both U(±1 / sqrt(fan_in))."""
    # a = √5 is torch's historical choice; the gain sqrt(2 / 6) cancels kaiming's sqrt(3)
    kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in, _ = _calculate_fan_in_and_fan_out(weight)
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
        uniform_(bias, -bound, bound)
