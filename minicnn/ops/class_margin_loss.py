"""Losses that ask for a margin between the scores of a sample's own classes and all others."""

from __future__ import annotations

from ..autograd.names import called
from ..devices import on_own_device, xp_of
from ..dtypes import int64
from ..tensor import Tensor
from .activation import relu
from .choice import where
from .elementwise import add, div, mul, square, sub
from .index import gather, getitem
from .reduce import sum
from .reduction import reduced
from .shape import reshape, unsqueeze


@called("MultiMarginLossBackward0")
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum of max(0, margin - input[target] + input[j])^p / C over all other classes j.

    Args:
        input: scores (N, C) or (C,).
        target: class numbers (N,) or (), int64.
        p: 1 or 2.
        margin: by how much the target's score should be the highest.
        weight: (C,), a factor for each class.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``, of the N samples.

    Raises:
        ValueError: for another ``p``, weights of another shape, or an unknown reduction.
        RuntimeError: for other shapes or dtypes, or on the CPU a class outside [0, C).

    As ``torch.nn.functional.multi_margin_loss``.
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p}")
    scores = _rows("multi_margin_loss", input)
    N, C = scores.shape
    if target.array.size != N or target.ndim > 1:
        raise RuntimeError(
            f"multi_margin_loss expects a target of shape ({N},), got {tuple(target.shape)}"
        )
    if weight is not None and weight.shape != (C,):
        raise ValueError(f"multi_margin_loss expects a weight ({C},), got {tuple(weight.shape)}")
    _check_classes("multi_margin_loss", target, 0, C)
    own = reshape(target, (N, 1))
    losses = relu(add(sub(scores, gather(scores, 1, own)), margin))
    losses = losses if p == 1 else square(losses)
    if weight is not None:
        losses = mul(losses, getitem(weight, own))
    per_sample = div(sum(where(_is_other(own, C), losses, 0.0), 1), C)
    return reduced(reshape(per_sample, target.shape), reduction, size_average, reduce)


@called("MultilabelMarginLossBackward0")
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum of max(0, 1 - input[i] + input[j]) / C over own classes i and all others j.

    Args:
        input: scores (N, C) or (C,).
        target: int64 of the same shape: the numbers of a sample's own classes, then -1. What
            follows is ignored.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``, of the N samples.

    Raises:
        RuntimeError: for other shapes or dtypes, or on the CPU a class outside [-1, C).
        ValueError: for an unknown reduction.

    As ``torch.nn.functional.multilabel_margin_loss``.
    """
    scores = _rows("multilabel_margin_loss", input)
    N, C = scores.shape
    if target.shape != input.shape and not target.array.size == input.array.size == 1:
        raise RuntimeError(
            f"multilabel_margin_loss expects a target of shape {tuple(input.shape)}, "
            f"got {tuple(target.shape)}"
        )
    _check_classes("multilabel_margin_loss", target, -1, C)
    classes, listed = _own_classes(reshape(target, (N, C)))
    own = gather(scores, 1, classes)
    losses = relu(add(sub(unsqueeze(scores, 1), unsqueeze(own, 2)), 1))  # (N, own class, C)
    counted = unsqueeze(listed, 2) & unsqueeze(_is_other(where(listed, classes, -1), C), 1)
    per_sample = div(sum(where(counted, losses, 0.0), (1, 2)), C)
    shape = input.shape[:-1] if input.ndim else ()
    return reduced(reshape(per_sample, shape), reduction, size_average, reduce)


@on_own_device
def _own_classes(target: Tensor) -> tuple[Tensor, Tensor]:
    """The class numbers (N, C), with 0 from the first -1 on, and which of them are listed."""
    xp = xp_of(target.array)
    listed = (target.array < 0).cumsum(1) == 0
    return Tensor.of(xp.where(listed, target.array, 0)), Tensor.of(listed)


@on_own_device
def _is_other(own: Tensor, C: int) -> Tensor:
    """(N, C): whether a class is none of a sample's own, which are (N, count)."""
    xp = xp_of(own.array)
    return Tensor.of((own.array[:, None] != xp.arange(C)[:, None]).all(2))


def _rows(name: str, input: Tensor) -> Tensor:
    """The scores as (N, C)."""
    if input.ndim > 2 or (input.ndim and input.shape[-1] == 0):
        raise RuntimeError(
            f"{name} expects scores of shape (N, C) or (C,), got {tuple(input.shape)}"
        )
    return input if input.ndim == 2 else reshape(input, (1, -1))


def _check_classes(name: str, target: Tensor, low: int, C: int) -> None:
    if target.dtype != int64:
        raise RuntimeError(f"{name} expects class numbers of int64, got {target.array.dtype}")
    if target.device.type == "cpu":  # on a GPU the check would have to wait
        wrong = (target.array < low) | (target.array >= C)
        if wrong.any():
            raise RuntimeError(
                f"{name} expects classes in [{low}, {C}), got {target.array[wrong][0]}"
            )
