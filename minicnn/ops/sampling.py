"""Random tensors whose distributions are given by tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import draws, gamma_draws
from ..autograd import no_grad
from ..creation import empty, empty_like
from ..devices import to_device
from ..dtypes import float32, float64, is_floating
from ..memory_format import contiguous_format
from ..no_tensor import takes_tensors
from ..random import Generator, default_generator
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike
from .elementwise import add, mul
from .promotion import check_broadcast
from .random_fill import Drawn, bernoulli_, normal_


def normal(
    mean: Tensor | float,
    std: Tensor | float = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from N(mean, std²).

    Args:
        mean: a number, or a tensor with a mean for each number.
        std: the same for standard deviations.
        size: the shape, if both are numbers.
        generator: draws the numbers; the default one when left out.
        out: a tensor to write to.
        dtype: if both are numbers, as ``device`` and ``requires_grad``.
        layout: accepted for torch's scripts; all tensors are strided.
        device: where the result is.
        requires_grad: whether ``backward`` should store its gradient.

    Raises:
        RuntimeError: for a negative ``std``, or shapes that do not broadcast.
        TypeError: if both are numbers, without a size, or with one if they are not.

    As ``torch.normal``; its gradient is zero.
    """
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        if size is not None:
            raise TypeError(f"normal expects no size with a tensor, got {size}")
        result = _scaled_normal(mean, std, generator)
    elif size is None:
        raise TypeError("normal expects a size with two numbers, got none")
    else:
        result = normal_(empty(size, dtype=dtype, device=device), mean, std, generator=generator)
        result.requires_grad_(requires_grad)
    return result if out is None else out.resize_(result.shape).copy_(result)


def _scaled_normal(
    mean: Tensor | float, std: Tensor | float, generator: Generator | None
) -> Tensor:
    tensors = [value for value in (mean, std) if isinstance(value, Tensor)]
    check_broadcast("normal", tensors)
    shape = np.broadcast_shapes(*(t.shape for t in tensors))
    numbers = empty(shape, dtype=tensors[0].dtype, device=tensors[0].device)
    if (std.numpy_copy() < 0).any() if isinstance(std, Tensor) else std < 0:
        raise RuntimeError(f"normal expects std >= 0, got {std}")
    with no_grad():
        if isinstance(std, Tensor):
            numbers = mul(normal_(numbers, generator=generator), std)
        else:
            normal_(numbers, 0.0, std, generator=generator)
        numbers = add(numbers, mean)
    parameters = tensors[0] if len(tensors) == 1 else add(*tensors)
    return Drawn.apply(parameters, numbers=numbers.array) if parameters.requires_grad else numbers


@takes_tensors
def bernoulli(
    input: Tensor,
    p: float | None = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """1 with the probability that an element of ``input`` tells, else 0.

    Args:
        input: probabilities, of any shape.
        p: one probability for all elements, instead of theirs.
        generator: draws the numbers; the default one when left out.
        out: a tensor to write to.

    Raises:
        RuntimeError: for a probability outside [0, 1].
        NotImplementedError: if ``input`` has integers as probabilities.

    As ``torch.bernoulli``; its gradient is zero.
    """
    probability = input.detach() if p is None else p
    if out is not None:
        out = out.resize_(input.shape)
        return bernoulli_(out, probability, generator=generator)
    # in C order, as torch's result, whatever the order of the input
    numbers = empty_like(input, memory_format=contiguous_format)
    bernoulli_(numbers, probability, generator=generator)
    return Drawn.apply(input, numbers=numbers.array) if input.requires_grad else numbers


@takes_tensors
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Indices of columns, drawn with probabilities in proportion to the numbers in them.

    Args:
        input: (C,) or (N, C) of numbers >= 0; each row has a sum above 0.
        num_samples: how many of each row.
        replacement: whether an index can be drawn again.
        generator: draws the numbers; the default one when left out.
        out: a tensor of int64 to write to.

    Returns:
        int64 (num_samples,) or (N, num_samples).

    Raises:
        RuntimeError: for other numbers, or more samples than columns without replacement.

    As ``torch.multinomial``.
    """
    _check_weights(input, num_samples, replacement)
    weights = np.atleast_2d(input.numpy_copy())
    indices = draws.multinomial(
        weights, num_samples, replacement, default_generator if generator is None else generator
    )
    result = Tensor.of(to_device(indices.reshape(*input.shape[:-1], num_samples), input.device))
    if out is None:
        return result
    if out.array.dtype != np.int64:
        raise RuntimeError(f"multinomial expects an out of torch.int64, got {out.dtype}")
    return out.resize_(result.shape).copy_(result)


def _check_weights(weights: Tensor, num_samples: int, replacement: bool) -> None:
    if weights.ndim not in (1, 2):
        raise RuntimeError(
            f"multinomial expects 1 or 2 dimensions, got shape {tuple(weights.shape)}"
        )
    if not is_floating(weights.array.dtype):
        raise RuntimeError(f"multinomial expects floating-point weights, got {weights.array.dtype}")
    if num_samples < 1 or (not replacement and num_samples > weights.shape[-1]):
        raise RuntimeError(
            f"multinomial expects at least 1 sample, and without replacement at most "
            f"{weights.shape[-1]}, got {num_samples}"
        )
    numbers = weights.numpy_copy()
    if not (np.isfinite(numbers) & (numbers >= 0)).all() or not (numbers.sum(-1) > 0).all():
        raise RuntimeError(
            "multinomial expects finite weights >= 0 with a sum above 0 in each row, got others"
        )


def standard_gamma(concentration: Tensor) -> Tensor:
    """A number from Gamma(a, 1) for each element ``a``.

    Args:
        concentration: above 0, of any shape.

    Raises:
        NotImplementedError: unless it is of float32 or float64.

    As ``torch._standard_gamma``, without its gradient.
    """
    return _from_concentration("gamma", concentration, gamma_draws.gamma)


def dirichlet(concentration: Tensor) -> Tensor:
    """Rows of numbers between 0 and 1 with the sum 1.

    Args:
        concentration: above 0, (..., K).

    Raises:
        NotImplementedError: unless it is of float32 or float64.

    As ``torch._sample_dirichlet``.
    """
    return _from_concentration("dirichlet", concentration, gamma_draws.dirichlet)


def _from_concentration(
    name: str, concentration: Tensor, draw: Callable[[Array, Generator], Array]
) -> Tensor:
    if concentration.array.dtype not in (float32, float64):
        raise NotImplementedError(
            f"{name} expects concentrations of float32 or float64, got {concentration.dtype}"
        )
    numbers = draw(concentration.numpy_copy(), default_generator)
    return Tensor.of(to_device(numbers, concentration.device))
