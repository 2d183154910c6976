"""Losses that compare predictions and targets element by element."""

from __future__ import annotations

import warnings

import numpy as np

from ..autograd import Function
from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .activation import logsigmoid
from .choice import clamp, where
from .comparison import gt, lt
from .edge import in_float32
from .elementwise import abs, add, div, exp, log, mul, neg, rsub, sub
from .promotion import widened
from .reduce import mean, sum


@in_float32
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(target log(input) + (1 - target) log(1 - input)), with logarithms limited to -100.

    Args:
        input: probabilities in [0, 1], any shape.
        target: probabilities of the same shape.
        weight: factors that broadcast to that shape.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for shapes that differ or an unknown reduction.
        RuntimeError: for probabilities outside [0, 1], on the CPU (on a GPU the check would wait).

    As ``torch.nn.functional.binary_cross_entropy``, without its deprecated arguments.
    """
    check_reduction(reduction)
    _check_same_shape("binary_cross_entropy", input, target)
    if isinstance(input.array, np.ndarray):
        outside = ~((input.array >= 0) & (input.array <= 1))
        if outside.any():
            raise RuntimeError(
                "binary_cross_entropy expects probabilities between 0 and 1, "
                f"got {input.array[outside][0]}"
            )
    return _weighted(BinaryCrossEntropy.apply(input, target), weight, reduction)


class BinaryCrossEntropy(Function):
    """Probabilities and targets of one shape -> losses of that shape."""

    def forward(self, p: Array, target: Array) -> Array:
        self.save_for_backward(p, target)
        xp = xp_of(p)
        with np.errstate(divide="ignore"):
            log_p, log_q = xp.log(widened(p)), xp.log1p(-widened(p))
        losses = (target - 1) * xp.maximum(log_q, -100) - target * xp.maximum(log_p, -100)
        return losses.astype(p.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        p, target = self.saved_tensors
        needs_p, needs_target = self.needs_input_grad
        grad_p = grad_target = None
        if needs_p:
            grad_p = mul(grad, div(sub(p, target), clamp(mul(p, rsub(p, 1.0)), min=1e-12)))
        if needs_target:
            with np.errstate(divide="ignore"):
                odds = sub(clamp(log(rsub(p, 1.0)), min=-100.0), clamp(log(p), min=-100.0))
            grad_target = mul(grad, odds)
        return grad_p, grad_target


@in_float32
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of sigmoid(input), computed without overflow.

    Args:
        input: logits, any shape.
        target: probabilities of the same shape.
        weight: factors that broadcast to that shape.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        pos_weight: factors of the positive part that broadcast to that shape.

    Raises:
        ValueError: for shapes that differ or an unknown reduction.

    As ``torch.nn.functional.binary_cross_entropy_with_logits``, without its deprecated arguments.
    """
    check_reduction(reduction)
    _check_same_shape("binary_cross_entropy_with_logits", input, target)
    minus_log_p = neg(logsigmoid(input))
    if pos_weight is not None:
        minus_log_p = mul(minus_log_p, add(mul(sub(pos_weight, 1.0), target), 1.0))
    losses = add(mul(rsub(target, 1.0), input), minus_log_p)
    return _weighted(losses, weight, reduction)


@in_float32
def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """(input - target)^2.

    Args:
        input, target: of one shape; others are broadcast, with a warning.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for an unknown reduction.
        RuntimeError: for shapes that do not broadcast.

    As ``torch.nn.functional.mse_loss``, without its deprecated arguments.
    """
    check_reduction(reduction)
    _warn_broadcast("mse_loss", input, target)
    difference = sub(input, target)
    return reduce(mul(difference, difference), reduction)


@in_float32
def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """|input - target|.

    Args:
        input, target: of one shape; others are broadcast, with a warning.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for an unknown reduction.
        RuntimeError: for shapes that do not broadcast.

    As ``torch.nn.functional.l1_loss``, without its deprecated arguments.
    """
    check_reduction(reduction)
    _warn_broadcast("l1_loss", input, target)
    return reduce(abs(sub(input, target)), reduction)


@in_float32
def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """0.5 d^2 / beta where d = |input - target| is below ``beta``, else d - 0.5 beta.

    Args:
        input, target: of one shape; others are broadcast, with a warning.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        beta: where the parabola ends; 0 gives the L1 loss.

    Raises:
        ValueError: for an unknown reduction.
        RuntimeError: for a negative ``beta``, or shapes that do not broadcast.

    As ``torch.nn.functional.smooth_l1_loss`` (Girshick, 2015), without its deprecated arguments.
    """
    check_reduction(reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction)
    _warn_broadcast("smooth_l1_loss", input, target)
    distance = abs(sub(input, target))
    near = mul(mul(distance, distance), 0.5 / beta)
    return reduce(where(lt(distance, beta), near, sub(distance, 0.5 * beta)), reduction)


@in_float32
def kl_div(
    input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """target * (log(target) - input), element by element.

    Args:
        input: log-probabilities, any shape.
        target: probabilities, or their logarithms with ``log_target``.
        reduction: ``'batchmean'`` (the sum divided by the first dimension, the mathematical
            definition), ``'mean'`` (over all elements), ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for an unknown reduction.

    As ``torch.nn.functional.kl_div``, without its deprecated arguments.
    """
    check_reduction(reduction, "batchmean")
    if log_target:
        losses = mul(exp(target), sub(target, input))
    else:
        # target * log(target) is 0 where target is 0
        positive = gt(target, 0)
        entropy = where(positive, mul(target, log(where(positive, target, 1.0))), 0.0)
        losses = sub(entropy, mul(target, input))
    if reduction == "batchmean":
        return div(sum(losses), input.shape[0] if input.ndim else 1)
    return reduce(losses, reduction)


def _check_same_shape(name: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(
            f"{name} expects input and target of one shape, got {tuple(input.shape)} "
            f"and {tuple(target.shape)}"
        )


def _warn_broadcast(name: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"{name}: input of shape {tuple(input.shape)} and target of shape "
            f"{tuple(target.shape)} are broadcast, which is rarely intended",
            stacklevel=3,
        )


def check_reduction(reduction: str, *further: str) -> None:
    choices = ("none", "mean", "sum", *further)
    if reduction not in choices:
        raise ValueError(f"reduction must be one of {', '.join(choices)}, got {reduction!r}")


def reduce(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return mean(losses)
    return sum(losses) if reduction == "sum" else losses


def _weighted(losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    return reduce(losses if weight is None else mul(losses, weight), reduction)
