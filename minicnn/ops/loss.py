"""Losses that compare predictions and targets element by element."""

from __future__ import annotations

import warnings

import numpy as np

from ..autograd import Function
from ..autograd.names import called
from ..devices import xp_of
from ..dtypes import is_floating
from ..tensor import Tensor
from ..typing import Array
from .activation import logsigmoid
from .choice import clamp, where
from .comparison import eq, ge
from .edge import in_float32
from .elementwise import abs, add, div, exp, log, log1p, mul, neg, rsub, sub
from .promotion import widened
from .reduce import sum
from .reduction import checked_reduction, reduced, rounded_once

# The arguments size_average and reduce are deprecated; torch takes them, so scripts pass them.


@called("BinaryCrossEntropyBackward0")
@in_float32
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target log(input) + (1 - target) log(1 - input)), with logarithms limited to -100.

    Args:
        input: probabilities in [0, 1], any shape.
        target: probabilities of the same shape and dtype.
        weight: factors that broadcast to that shape.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for shapes that differ or an unknown reduction.
        RuntimeError: for dtypes that differ, or probabilities outside [0, 1], on the CPU (on a GPU
            the check would wait).

    As ``torch.nn.functional.binary_cross_entropy``.
    """
    reduction = checked_reduction(reduction, size_average, reduce)
    _check_same_shape("binary_cross_entropy", input, target)
    if input.dtype != target.dtype:
        raise RuntimeError(
            "binary_cross_entropy expects input and target of one dtype, got "
            f"{input.array.dtype} and {target.array.dtype}"
        )
    if isinstance(input.array, np.ndarray):
        for name, given in (("input", input.array), ("target", target.array)):
            outside = ~((given >= 0) & (given <= 1))
            if outside.any():
                raise RuntimeError(
                    "binary_cross_entropy expects probabilities between 0 and 1, "
                    f"got {given[outside][0]} in the {name}"
                )
    return reduced(_binary_losses(input, target, weight), reduction)


@rounded_once
def _binary_losses(input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    return _weighted(BinaryCrossEntropy.apply(input, target), weight)


class BinaryCrossEntropy(Function):
    """Probabilities and targets of one shape -> losses of that shape."""

    def forward(self, p: Array, target: Array) -> Array:
        self.save_for_backward(p, target)
        xp = xp_of(p)
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
            # not limited to 100, as in torch
            grad_target = mul(grad, sub(log1p(neg(p)), log(p)))
        return grad_p, grad_target


@called("BinaryCrossEntropyWithLogitsBackward0")
@in_float32
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of sigmoid(input), computed without overflow.

    Args:
        input: logits, any shape.
        target: probabilities of the same shape.
        weight: factors that broadcast to that shape.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        pos_weight: factors of the positive part that broadcast to that shape.

    Returns:
        A scalar or the losses, in the dtype of ``target``.

    Raises:
        ValueError: for shapes that differ or an unknown reduction.
        RuntimeError: for integer targets, or weights that do not broadcast.

    As ``torch.nn.functional.binary_cross_entropy_with_logits``.
    """
    reduction = checked_reduction(reduction, size_average, reduce)
    _check_same_shape("binary_cross_entropy_with_logits", input, target)
    if not is_floating(target.array.dtype):
        raise RuntimeError(
            f"binary_cross_entropy_with_logits expects floating-point targets, got {target.array.dtype}"
        )
    return reduced(_logistic_losses(input, target, weight, pos_weight), reduction)


@rounded_once
def _logistic_losses(
    input: Tensor, target: Tensor, weight: Tensor | None, pos_weight: Tensor | None
) -> Tensor:
    minus_log_p = neg(logsigmoid(input))
    if pos_weight is not None:
        minus_log_p = _weighted(minus_log_p, add(mul(sub(pos_weight, 1.0), target), 1.0))
    losses = add(mul(rsub(target, 1.0), input), minus_log_p)
    return _weighted(losses, weight).to(target.dtype)


@called("MseLossBackward0")
@in_float32
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)^2.

    Args:
        input, target: of one shape; others are broadcast, with a warning.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'`` (with weights, divided by their sum), ``'sum'`` or ``'none'``.
        weight: factors, of the shape of ``input``.

    Raises:
        ValueError: for an unknown reduction, or weights of another shape.
        RuntimeError: for shapes that do not broadcast.

    As ``torch.nn.functional.mse_loss``.
    """
    reduction = checked_reduction(reduction, size_average, reduce)
    _warn_broadcast("mse_loss", input, target)
    return _weighted_mean(_squares(input, target), input, weight, reduction)


@rounded_once
def _squares(input: Tensor, target: Tensor) -> Tensor:
    difference = sub(input, target)
    return mul(difference, difference)


@called("MeanBackward0")
@in_float32
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|; arguments and errors as :func:`mse_loss`.

    As ``torch.nn.functional.l1_loss``.
    """
    reduction = checked_reduction(reduction, size_average, reduce)
    _warn_broadcast("l1_loss", input, target)
    return _weighted_mean(abs(sub(input, target)), input, weight, reduction)


@called("SmoothL1LossBackward0")
@in_float32
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """0.5 d^2 / beta where d = |input - target| is below ``beta``, else d - 0.5 beta.

    Args:
        input, target: of one shape; others are broadcast, with a warning.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        beta: where the parabola ends; 0 gives the L1 loss.

    Raises:
        ValueError: for an unknown reduction.
        RuntimeError: for a negative ``beta``, or shapes that do not broadcast.

    As ``torch.nn.functional.smooth_l1_loss`` (Girshick, 2015).
    """
    reduction = checked_reduction(reduction, size_average, reduce)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    _warn_broadcast("smooth_l1_loss", input, target)
    return reduced(_smooth_distances(input, target, beta), reduction)


@rounded_once
def _smooth_distances(input: Tensor, target: Tensor, beta: float) -> Tensor:
    difference = sub(input, target)
    distance = abs(difference)
    is_far = ge(distance, beta)  # not where it is NaN
    near = where(is_far, 0.0, difference)  # no infinity is multiplied by a gradient of 0
    squares = div(mul(mul(near, near), 0.5), beta)
    return where(is_far, sub(distance, 0.5 * beta), squares)


@called("HuberLossBackward0")
@in_float32
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """0.5 d^2 where d = |input - target| is below ``delta``, else delta (d - 0.5 delta).

    Args:
        input, target, reduction: as for :func:`mse_loss`.
        weight: factors, of the shape of ``input``. Their sum does not divide the mean, as in torch.
        delta: where the parabola ends, above 0.

    Raises:
        ValueError: for an unknown reduction, or weights of another shape.
        RuntimeError: for a ``delta`` of 0 or less, or shapes that do not broadcast.

    As ``torch.nn.functional.huber_loss`` (Huber, 1964).
    """
    reduction = checked_reduction(reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss: delta must be above 0, got {delta}")
    _warn_broadcast("huber_loss", input, target)
    losses = _huber_distances(input, target, delta)
    if weight is not None:
        _check_weight_shape(weight, input)
        losses = mul(losses, weight)
    return reduced(losses, reduction)


@rounded_once
def _huber_distances(input: Tensor, target: Tensor, delta: float) -> Tensor:
    return mul(_smooth_distances(input, target, delta), delta)


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


def _weighted(losses: Tensor, weight: Tensor | None) -> Tensor:
    """The losses times weights that broadcast to their shape, in the dtype of the losses."""
    if weight is None:
        return losses
    weighted = mul(losses, weight)
    if weighted.shape != losses.shape:
        raise RuntimeError(
            f"weights must broadcast to the shape {tuple(losses.shape)}, got {tuple(weight.shape)}"
        )
    return weighted.to(losses.dtype)


def _weighted_mean(losses: Tensor, input: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """The reduced losses, times weights of the input's shape if given."""
    if weight is None:
        return reduced(losses, reduction)
    _check_weight_shape(weight, input)
    losses = mul(losses, weight)
    return div(sum(losses), sum(weight)) if reduction == "mean" else reduced(losses, reduction)


def _check_weight_shape(weight: Tensor, input: Tensor) -> None:
    if weight.shape != input.shape:
        raise ValueError(
            f"weight must have the shape of the input, {tuple(input.shape)}, "
            f"got {tuple(weight.shape)}"
        )
