"""Random numbers in place, as ``x.normal_()`` draws them, and with a tensor of parameters.

They are drawn on the CPU and in the order of memory, by the rules of :mod:`minicnn.draws`.
Their gradient is zero.
"""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import draws
from ..autograd import Function, check_writable, is_grad_enabled
from ..devices import current_device_of, xp_of
from ..dtypes import as_number, bool_, is_floating, number_in
from ..random import Generator, default_generator
from ..tensor import Tensor
from ..typing import Array
from .in_place import change
from .promotion import refuse_integers


class _Filled(Function):
    """x -> x, overwritten by ``draw``."""

    def forward(self, x: Array, *, draw: Callable[[Array], None]) -> Array:
        draw(x)
        return x[...]

    def backward(self, grad: Tensor) -> Tensor:
        return Tensor.of(xp_of(grad.array).zeros_like(grad.array))


class Drawn(Function):
    """x -> numbers drawn with x as their parameters, of the same shape."""

    def forward(self, x: Array, *, numbers: Array) -> Array:
        return numbers

    def backward(self, grad: Tensor) -> Tensor:
        return Tensor.of(xp_of(grad.array).zeros_like(grad.array))


def _fill(
    x: Tensor, draw: Callable[..., None], generator: Generator | None, **values: Any
) -> Tensor:
    """x, filled by a function of :mod:`minicnn.draws`."""
    generator = default_generator if generator is None else generator
    if is_grad_enabled() and x.requires_grad:
        draw = functools.partial(draw, generator=generator, **values)
        return change(x, _Filled.apply, draw=draw)
    check_writable(x.array)
    with np.errstate(all="ignore"), current_device_of((x.array,)):
        draw(x.array, generator=generator, **values)
    x.bump_version()
    return x


def _takes_from(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Lets a method take its argument ``low`` under torch's name ``from``, a word of Python."""

    @functools.wraps(method)
    def wrapped(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if "from" in kwargs:
            kwargs["low"] = kwargs.pop("from")
        return method(x, *args, **kwargs)

    return wrapped


@_takes_from
def uniform_(
    x: Tensor, low: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fills x with numbers uniform in [low, to).

    Raises:
        NotImplementedError: for integers.
        RuntimeError: unless low <= to, and the dtype holds both and their difference.
    """
    refuse_integers("uniform_", x)
    low, to = as_number(low), as_number(to)
    for bound in (low, to):
        if math.isnan(number_in(x.array.dtype, bound)):
            raise RuntimeError(f"uniform_ expects numbers as its bounds, got {low} and {to}")
    if low > to:
        raise RuntimeError(f"uniform_ expects from <= to, got {low} and {to}")
    number_in(x.array.dtype, to - low)
    return _fill(x, draws.uniform, generator, low=low, high=to)


def normal_(
    x: Tensor,
    mean: builtins.float | Tensor = 0.0,
    std: builtins.float | Tensor = 1.0,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Fills x with numbers from N(mean, std²); both may be tensors of one element.

    Raises:
        NotImplementedError: for integers.
        RuntimeError: for a negative ``std``.
    """
    refuse_integers("normal_", x)
    mean, std = (as_number(v.item() if isinstance(v, Tensor) else v) for v in (mean, std))
    if not std >= 0:
        raise RuntimeError(f"normal_ expects std >= 0, got {std}")
    return _fill(x, draws.normal, generator, mean=mean, std=std)


@_takes_from
def random_(
    x: Tensor,
    low: builtins.int | None = None,
    to: builtins.int | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Fills x with integers: ``random_()``, ``random_(to)`` in [0, to), ``random_(low, to)``.

    Without ``to``, they go up to the largest integer up to which the dtype of x has all.

    Raises:
        RuntimeError: unless low < to, and both fit the dtype.
    """
    if low is None and to is None:
        return _fill(x, draws.all_integers, generator)
    if to is None:
        assert low is not None
        low, to = 0, low
    low = 0 if low is None else low
    draws.check_range("random_", int(low), int(to), x.array.dtype)
    return _fill(x, draws.integers, generator, low=int(low), high=int(to))


def bernoulli_(
    x: Tensor, p: Tensor | builtins.float = 0.5, *, generator: Generator | None = None
) -> Tensor:
    """Fills x with 1 with probability ``p``, a number or a tensor that broadcasts to x, else with 0.

    Raises:
        RuntimeError: unless p is between 0 and 1.
        NotImplementedError: for a tensor of integers as p.
    """
    if not isinstance(p, Tensor):
        p = as_number(p)
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p between 0 and 1, got {p}")
        return _fill(x, draws.bernoulli, generator, p=p)
    return _fill(x, draws.bernoulli_each, generator, p=_probabilities(p, x.shape))


def _probabilities(p: Tensor, shape: tuple[int, ...]) -> Array:
    """The numbers of ``p`` on the CPU, broadcast to ``shape``."""
    if not is_floating(p.array.dtype):
        raise NotImplementedError(f"probabilities are floating-point numbers, got {p.array.dtype}")
    numbers = p.numpy_copy()
    if not ((numbers >= 0) & (numbers <= 1)).all():
        raise RuntimeError(
            f"bernoulli expects probabilities between 0 and 1, got {numbers.min()} to {numbers.max()}"
        )
    try:
        return np.broadcast_to(numbers, shape)
    except ValueError:
        raise RuntimeError(
            f"bernoulli_ expects p to broadcast to the shape {tuple(shape)}, got {tuple(p.shape)}"
        ) from None


def exponential_(x: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fills x with numbers from the exponential distribution of rate ``lambd``.

    Raises:
        RuntimeError: for integers, or unless lambd > 0.
    """
    if not is_floating(x.array.dtype):
        raise RuntimeError(
            f"exponential_ draws floating-point numbers, got a tensor of {x.array.dtype}"
        )
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambd > 0, got {lambd}")
    return _fill(x, draws.exponential, generator, rate=as_number(lambd))


def geometric_(x: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fills x with the numbers of trials up to the first success, of probability ``p``.

    Raises:
        RuntimeError: unless 0 < p < 1.
        NotImplementedError: for bool.
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p between 0 and 1, both excluded, got {p}")
    if x.array.dtype == bool_:
        raise NotImplementedError("geometric_ draws numbers, got a tensor of bool")
    return _fill(x, draws.geometric, generator, p=as_number(p))


def cauchy_(
    x: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fills x with numbers from Cauchy's distribution.

    Raises:
        RuntimeError: for integers, or unless sigma > 0.
    """
    if not is_floating(x.array.dtype):
        raise RuntimeError(f"cauchy_ draws floating-point numbers, got a tensor of {x.array.dtype}")
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0, got {sigma}")
    return _fill(x, draws.cauchy, generator, median=as_number(median), sigma=as_number(sigma))


def log_normal_(
    x: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor:
    """Fills x with the exponentials of numbers from N(mean, std²).

    Raises:
        NotImplementedError: for integers.
        RuntimeError: unless std > 0.
    """
    refuse_integers("log_normal_", x)
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0, got {std}")
    return _fill(x, draws.log_normal, generator, mean=as_number(mean), std=as_number(std))
