"""Losses of regression: functions of the differences between predictions and targets."""

from __future__ import annotations

from ..autograd.names import called
from ..tensor import Tensor
from ..warn import warn
from .choice import where
from .comparison import ge
from .edge import in_float32
from .elementwise import abs, div, mul, sub
from .reduce import sum
from .reduction import checked_reduction, reduced, rounded_once

# The arguments size_average and reduce are deprecated; torch takes them, so scripts pass them.


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
    _warn_broadcast(input, target)
    losses = _squares(input, target)
    return _weighted_mean(losses, input, weight, reduction, size_average, reduce)


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
    _warn_broadcast(input, target)
    losses = abs(sub(input, target))
    return _weighted_mean(losses, input, weight, reduction, size_average, reduce)


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
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    _warn_broadcast(input, target)
    losses = _smooth_distances(input, target, beta) if beta else abs(sub(input, target))
    return reduced(losses, reduction, size_average, reduce)


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
    if delta <= 0:
        raise RuntimeError(f"huber_loss: delta must be above 0, got {delta}")
    _warn_broadcast(input, target)
    losses = _huber_distances(input, target, delta)
    if weight is not None:
        _check_weight_shape(weight, input)
        losses = mul(losses, weight)
    return reduced(losses, reduction)


@rounded_once
def _huber_distances(input: Tensor, target: Tensor, delta: float) -> Tensor:
    return mul(_smooth_distances(input, target, delta), delta)


def _warn_broadcast(input: Tensor, target: Tensor) -> None:
    if input.array.shape != target.array.shape:
        warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size."
        )


def _weighted_mean(
    losses: Tensor,
    input: Tensor,
    weight: Tensor | None,
    reduction: str,
    size_average: bool | None,
    reduce: bool | None,
) -> Tensor:
    """The reduced losses, times weights of the input's shape if given."""
    if weight is None:
        return reduced(losses, reduction, size_average, reduce)
    _check_weight_shape(weight, input)
    losses = mul(losses, weight)
    reduction = checked_reduction(reduction, size_average, reduce)
    return div(sum(losses), sum(weight)) if reduction == "mean" else reduced(losses, reduction)


def _check_weight_shape(weight: Tensor, input: Tensor) -> None:
    if weight.shape != input.shape:
        raise ValueError(
            f"weight must have the shape of the input, {tuple(input.shape)}, "
            f"got {tuple(weight.shape)}"
        )
