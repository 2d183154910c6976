"""Losses of classification: cross-entropy and negative log-likelihood."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

from .. import kernels
from ..autograd import Function, is_grad_enabled
from ..autograd.names import call
from ..devices import on_own_device, xp_of
from ..dtypes import int64, is_floating, uint8
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .edge import in_float32
from .elementwise import div, mul, neg, sub
from .index import gather
from .promotion import widen, widened
from .reduce import sum
from .reduction import checked_reduction, reduced, rounded_once
from .shape import permute, reshape
from .softmax import log_softmax, softmax

F = TypeVar("F", bound=Callable[..., Any])


class SoftmaxCrossEntropy(Function):
    """logits (M, C), target (M,), weight (C,) or None -> losses (M,)."""

    def forward(
        self,
        logits: Array,
        target: Array,
        weight: Array,
        *,
        ignore_index: int,
        label_smoothing: float,
    ) -> Array:
        losses, self.gradient = kernels.of(logits).softmax_cross_entropy(
            logits, target, weight, ignore_index, label_smoothing
        )
        self.save_for_backward(logits, target, weight)
        self.options = ignore_index, label_smoothing
        return losses

    def backward(self, grad: Tensor) -> tuple[Tensor, None, None]:
        logits, target, weight = self.saved_tensors
        gradient = Tensor.of(self.gradient)
        if is_grad_enabled():  # the gradient as a differentiable function of the logits
            weight = None if weight is None else weight.array
            wanted = _target_distribution(logits.array, target.array, weight, *self.options)
            total = Tensor.of(wanted.sum(1, keepdims=True))
            gradient = sub(mul(softmax(logits, 1), total), Tensor.of(wanted))
        # not grad * 0: the mean of no rows has an infinite gradient
        grad = where(Tensor.of(target.array != self.options[0]), grad, 0.0)
        return mul(reshape(grad, (-1, 1)), gradient), None, None


def _target_distribution(
    logits: Array, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float
) -> Array:
    """q (M, C): the losses are -sum(q * log_softmax(logits)); ignored rows are 0."""
    xp = xp_of(logits)
    C = logits.shape[1]
    weight = xp.ones(C, logits.dtype) if weight is None else weight
    one_hot = xp.arange(C) == target[:, None]
    q = (one_hot * (1 - label_smoothing) + label_smoothing / C) * weight
    return xp.where((target == ignore_index)[:, None], 0, q).astype(logits.dtype, copy=False)


def _called_as_in_torch(operation: F) -> F:
    """Decorates a loss, whose last node has another name in torch if the input is an image."""

    @functools.wraps(operation)
    def named(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        out = operation(input, *args, **kwargs)
        return call(out, "NllLoss2DBackward0" if input.ndim > 2 else "NllLossBackward0")

    return named  # type: ignore[return-value]


@_called_as_in_torch
@in_float32
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy between softmax(logits) and the targets.

    Args:
        input: logits (N, C), (N, C, d1, ...) or (C,).
        target: class numbers (N,), (N, d1, ...) or (), of int64 or uint8; or probabilities of
            ``input``'s shape.
        weight: (C,), a factor for each class.
        size_average, reduce: deprecated, use ``reduction``.
        ignore_index: targets of this class do not count.
        reduction: ``'mean'`` (for class numbers divided by the sum of their weights, so NaN if all
            are ignored), ``'sum'`` or ``'none'``.
        label_smoothing: the share of each target that is spread over all classes, in [0, 1].

    Returns:
        A scalar, or with ``'none'`` one loss per target.

    Raises:
        IndexError: for a class number outside [0, C), on the CPU. On a GPU, where the check would
            have to wait, the loss is NaN.
        ValueError: for an unknown reduction or batch sizes that differ.
        RuntimeError: for other wrong shapes or dtypes.

    As ``torch.nn.functional.cross_entropy``, except that ignored targets give a gradient of 0 even
    where the logits are NaN (in torch NaN, but 0 in ``nll_loss``).
    """
    reduction = checked_reduction(reduction, size_average, reduce)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0 and 1, got {label_smoothing}")
    if input.ndim and target.array.shape == input.array.shape:
        if not is_floating(target.array.dtype):
            raise RuntimeError(
                "cross_entropy expects class probabilities, a target of the input's shape, to be "
                f"floating-point numbers, got {target.array.dtype}"
            )
        if ignore_index >= 0:
            raise RuntimeError(
                f"ignore_index needs class numbers as targets, got {ignore_index} with "
                f"probabilities of shape {tuple(target.shape)}"
            )
        losses = _probability_losses(input, target, weight, label_smoothing)
        return reduced(losses, reduction)
    target = _checked_classes("cross_entropy", input, target, weight)
    losses = SoftmaxCrossEntropy.apply(
        _rows(input),
        target if target.ndim == 1 else reshape(target, (-1,)),
        weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )
    loss = _reduce_rows(losses, target, weight, ignore_index, reduction)
    return loss if loss.array.dtype == input.array.dtype else loss.to(input.array.dtype)


@rounded_once
def _probability_losses(
    input: Tensor, target: Tensor, weight: Tensor | None, label_smoothing: float
) -> Tensor:
    """The cross-entropy of each sample: (N, C, d1, ...) -> (N, d1, ...)."""
    axis = _class_axis(input)
    C = input.shape[axis]
    _check_weight("cross_entropy", weight, C)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / max(C, 1)
    if weight is not None:
        target = mul(target, reshape(weight, (-1, *(1 for _ in input.shape[axis + 1 :]))))
    return neg(sum(mul(target, log_softmax(input, axis)), axis))


@_called_as_in_torch
@in_float32
@on_own_device
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood: minus the log-probability of each target.

    Args:
        input: log-probabilities (N, C), (N, C, d1, ...) or (C,).
        target: class numbers, as for :func:`cross_entropy`.
        weight, size_average, ignore_index, reduce, reduction: as for :func:`cross_entropy`.

    Returns:
        A scalar, or with ``'none'`` one loss per target.

    Raises:
        As :func:`cross_entropy`.

    As ``torch.nn.functional.nll_loss``.
    """
    reduction = checked_reduction(reduction, size_average, reduce)
    target = _checked_classes("nll_loss", input, target, weight)
    xp = xp_of(target.array)
    C = input.shape[_class_axis(input)]
    rows = target.array.reshape(-1)
    counts = rows != ignore_index
    wrong = counts & ((rows < 0) | (rows >= C))
    if target.device.type == "cpu" and wrong.any():  # on a GPU the check would have to wait
        raise IndexError(
            f"nll_loss expects targets in [0, {C}) or {ignore_index}, got {rows[wrong][0]}"
        )
    classes = xp.where(counts & ~wrong, rows, 0)
    picked = reshape(gather(_rows(input), 1, Tensor.of(classes[:, None])), (-1,))
    losses = neg(*widen(picked))
    if weight is not None:
        losses = mul(losses, Tensor.of(widened(weight.array)[classes]))
    losses = where(Tensor.of(counts), losses, 0.0)
    losses = where(Tensor.of(wrong), float("nan"), losses)
    loss = _reduce_rows(losses, target, weight, ignore_index, reduction)
    return loss if loss.array.dtype == input.array.dtype else loss.to(input.array.dtype)


def _rows(input: Tensor) -> Tensor:
    """(N, C, d1, ...) as (N * d1 * ..., C), without a copy if x is channels-last."""
    if input.ndim == 2:
        return input
    axis = _class_axis(input)
    order = (*(i for i in range(input.ndim) if i != axis), axis)
    *rest, C = (input.shape[i] for i in order)
    return reshape(permute(input, order), (math.prod(rest), C))


def _class_axis(input: Tensor) -> int:
    return min(1, input.ndim - 1)


@on_own_device
def _reduce_rows(
    losses: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    """The losses (M,) in the shape of the target, their sum, or their mean in float32 or better."""
    if reduction != "mean":
        return reduced(reshape(losses, target.shape), reduction)
    (losses,) = widen(losses)
    xp = xp_of(losses.array)
    counts = target.array.reshape(-1) != ignore_index
    if weight is None:
        total = xp.count_nonzero(counts)
    else:
        classes = xp.where(counts, target.array.reshape(-1), 0)
        total = (widened(weight.array)[classes] * counts).sum()
        # NaN for a sum of 0, as in torch, whatever label smoothing adds
        total = xp.where(total == 0, xp.nan, total)
    return div(sum(losses), Tensor.of(xp.asarray(total, losses.dtype)))


def _checked_classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The class numbers in int64, after a check that they and the weights fit the predictions."""
    if input.ndim == 0:
        raise RuntimeError(f"{name} expects an input of shape (N, C, ...) or (C,), got a scalar")
    shape = input.array.shape
    N_and_rest = shape[:1] + shape[2:] if input.ndim > 1 else ()
    if input.ndim == 1 and target.array.shape == (1,):  # torch takes it for a class number alone
        target = reshape(target, ())
    if target.array.shape != N_and_rest:
        if input.ndim > 1 and target.array.shape[:1] != shape[:1]:
            raise ValueError(
                f"{name} expects input and target of one batch size, got input of shape "
                f"{tuple(input.shape)} and target of shape {tuple(target.shape)}"
            )
        error = ValueError if input.ndim == target.ndim == 1 else RuntimeError
        raise error(
            f"{name} expects a target of shape {N_and_rest} for input of shape "
            f"{tuple(input.shape)}, got {tuple(target.shape)}"
        )
    if target.array.dtype not in (int64, uint8):
        raise RuntimeError(
            f"{name} expects class numbers of int64 or uint8, got {target.array.dtype}"
        )
    C = shape[_class_axis(input)]
    if C == 0 and target.array.size:
        raise IndexError(
            f"{name} expects at least one class, got input of shape {tuple(input.shape)}"
        )
    _check_weight(name, weight, C)
    if weight is not None and weight.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"{name} expects a weight of the input's dtype {input.array.dtype}, got {weight.array.dtype}"
        )
    return target if target.array.dtype == int64 else target.to(int64)


def _check_weight(name: str, weight: Tensor | None, C: int) -> None:
    if weight is not None and weight.shape != (C,):
        raise RuntimeError(f"{name} expects a weight of shape ({C},), got {tuple(weight.shape)}")
