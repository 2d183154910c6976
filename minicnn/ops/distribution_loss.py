"""Losses that compare probability distributions, or the targets with a distribution's density."""

from __future__ import annotations

import math

from ..autograd import no_grad
from ..creation import full_like
from ..dtypes import is_floating
from ..tensor import Tensor
from ..warn import warn
from .choice import where
from .comparison import eq, gt
from .edge import in_float32
from .elementwise import add, div, exp, log, mul, square, sub
from .reduce import sum
from .reduction import checked_reduction, reduced, rounded_once
from .shape import unsqueeze


@in_float32
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log(target) - input), element by element.

    Args:
        input: log-probabilities, any shape.
        target: probabilities, or their logarithms with ``log_target``. Below 0 the loss is NaN, and
            at 0 the target's gradient.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'batchmean'`` (the sum divided by the first dimension, the mathematical
            definition), ``'mean'`` (over all elements), ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for an unknown reduction.
        RuntimeError: for integers, or shapes that do not broadcast.

    As ``torch.nn.functional.kl_div``.
    """
    if reduction == "mean" and size_average is None and reduce is None:
        warn(
            "reduction: 'mean' divides the total loss by the number of elements, 'batchmean' divides "
            "only by the batch size, which gives the Kullback-Leibler divergence"
        )
    reduction = checked_reduction(reduction, size_average, reduce, further=("batchmean",))
    if not (is_floating(input.array.dtype) and is_floating(target.array.dtype)):
        raise RuntimeError(
            f"kl_div expects floating-point numbers, got {input.array.dtype} and {target.array.dtype}"
        )
    losses = _divergences(input, target, log_target)
    if reduction == "batchmean":
        return div(sum(losses), input.shape[0]) if input.ndim else sum(losses)
    return reduced(losses, reduction)


@rounded_once
def _divergences(input: Tensor, target: Tensor, log_target: bool) -> Tensor:
    if log_target:
        return mul(exp(target), sub(target, input))
    # target * log(target) is 0 where target is 0
    entropy = where(eq(target, 0.0), 0.0, mul(target, log(target)))
    return sub(entropy, mul(target, input))


@in_float32
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood of counts under Poisson distributions, without log(target!).

    Args:
        input: the expectations, or their logarithms.
        target: the counts, of a shape that broadcasts.
        log_input: whether ``input`` is a logarithm.
        full: add Stirling's approximation of log(target!), for targets above 1.
        size_average, reduce: deprecated, use ``reduction``.
        eps: keeps the logarithm of an ``input`` of 0 finite, without ``log_input``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for an unknown reduction.

    As ``torch.nn.functional.poisson_nll_loss``.
    """
    reduction = checked_reduction(reduction, size_average, reduce)
    if log_input:
        losses = sub(exp(input), mul(target, input))
    else:
        losses = sub(input, mul(target, log(add(input, eps))))
    if full:
        losses = add(losses, where(gt(target, 1), _stirling(target), 0.0))
    return reduced(losses, reduction)


def _stirling(n: Tensor) -> Tensor:
    """log(n!), nearly."""
    return add(sub(mul(n, log(n)), n), mul(log(mul(n, 2 * math.pi)), 0.5))


@in_float32
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood of targets under normal distributions.

    Args:
        input: the means, (*, d).
        target: the same shape, or one that broadcasts.
        var: the variances: a number, or a tensor of the shape of ``input``, of (*, 1) or of (*).
        full: add the constant 0.5 log(2 pi).
        eps: smaller variances count as this, with the gradient of the larger ones.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for a negative variance, another shape or an unknown reduction.

    As ``torch.nn.functional.gaussian_nll_loss`` (Nix and Weigend, 1994).
    """
    if not isinstance(var, Tensor):
        var = full_like(input, var)
    if (var.array < 0).any():
        raise ValueError(f"gaussian_nll_loss expects variances of at least 0, got {var.min()}")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = unsqueeze(var, -1)
        elif not _is_shared(var, input):
            raise ValueError(
                f"gaussian_nll_loss expects variances of the shape {tuple(input.shape)}, with 1 in "
                f"place of one size, or without the last one, got {tuple(var.shape)}"
            )
    reduction = checked_reduction(reduction)
    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)
    losses = mul(add(log(var), div(square(sub(input, target)), var)), 0.5)
    if full:
        losses = add(losses, 0.5 * math.log(2 * math.pi))
    return reduced(losses, reduction)


def _is_shared(var: Tensor, input: Tensor) -> bool:
    """Whether the shapes are equal but for one dimension, which has length 1 in ``var``."""
    different = [m for n, m in zip(input.shape, var.shape) if n != m]
    return input.ndim == var.ndim and different == [1]
