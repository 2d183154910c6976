"""Losses of decisions between two classes, one decision or many for each sample."""

from __future__ import annotations

import numpy as np

from ..autograd import Function
from ..autograd.names import called
from ..devices import xp_of
from ..dtypes import is_floating
from ..tensor import Tensor
from ..typing import Array
from .activation import logsigmoid
from .choice import clamp
from .edge import in_float32
from .elementwise import add, div, exp, log, log1p, mul, neg, rsub, sub
from .promotion import widened
from .reduce import sum
from .reduction import reduced, rounded_once


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
    return reduced(_binary_losses(input, target, weight), reduction, size_average, reduce)


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
    _check_same_shape("binary_cross_entropy_with_logits", input, target)
    if not is_floating(target.array.dtype):
        raise RuntimeError(
            f"binary_cross_entropy_with_logits expects floating-point targets, got {target.array.dtype}"
        )
    losses = _logistic_losses(input, target, weight, pos_weight)
    return reduced(losses, reduction, size_average, reduce)


@rounded_once
def _logistic_losses(
    input: Tensor, target: Tensor, weight: Tensor | None, pos_weight: Tensor | None
) -> Tensor:
    minus_log_p = neg(logsigmoid(input))
    if pos_weight is not None:
        minus_log_p = _weighted(minus_log_p, add(mul(sub(pos_weight, 1.0), target), 1.0))
    losses = add(mul(rsub(target, 1.0), input), minus_log_p)
    return _weighted(losses, weight).to(target.dtype)


@called("SoftMarginLossBackward0")
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target * input)), with targets of 1 and -1.

    Args:
        input, target: shapes that broadcast.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for an unknown reduction.

    As ``torch.nn.functional.soft_margin_loss``.
    """
    return reduced(_soft_margins(input, target), reduction, size_average, reduce)


@rounded_once
def _soft_margins(input: Tensor, target: Tensor) -> Tensor:
    return log1p(exp(mul(neg(target), input)))


@in_float32
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy of sigmoid(input), averaged over the classes of each sample.

    Args:
        input: logits (N, C) or (C,).
        target: 1 for each class that a sample belongs to, else 0; the same shape.
        weight: (C,), a factor for each class.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``, of the N samples.

    Raises:
        ValueError: for an unknown reduction.

    As ``torch.nn.functional.multilabel_soft_margin_loss``.
    """
    losses = _label_losses(input, target)
    losses = losses if weight is None else mul(losses, weight)
    per_sample = div(sum(losses, -1), input.shape[-1])
    return reduced(per_sample, reduction, size_average, reduce)


@rounded_once
def _label_losses(input: Tensor, target: Tensor) -> Tensor:
    positive, negative = logsigmoid(input), logsigmoid(neg(input))
    return neg(add(mul(target, positive), mul(rsub(target, 1), negative)))


def _check_same_shape(name: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(
            f"{name} expects input and target of one shape, got {tuple(input.shape)} "
            f"and {tuple(target.shape)}"
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
