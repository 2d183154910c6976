"""From the losses of all elements to one number: mean or sum."""

from __future__ import annotations

import functools
from collections.abc import Callable

from ..dtypes import HALVES
from ..tensor import Tensor
from ..warn import warn
from .promotion import widen
from .reduce import mean, sum


def checked_reduction(
    reduction: str,
    size_average: bool | None = None,
    reduce: bool | None = None,
    further: tuple[str, ...] = (),
) -> str:
    """The ``reduction`` of a loss, which the two deprecated arguments override as in torch.

    Args:
        reduction: ``'none'``, ``'mean'``, ``'sum'``, or one of ``further``.
        size_average: False for the sum instead of the mean, unless ``reduce`` is False.
        reduce: False for no reduction.
        further: what else a loss allows.

    Raises:
        ValueError: for another reduction.
    """
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        _warn("size_average and reduce args will be deprecated", reduction)
    elif reduction == "elementwise_mean":
        reduction = "mean"
        _warn("reduction='elementwise_mean' is deprecated", reduction)
    choices = ("none", "mean", "sum", *further)
    if reduction not in choices:
        raise ValueError(f"reduction must be one of {', '.join(choices)}, got {reduction!r}")
    return reduction


def _warn(what: str, reduction: str) -> None:
    warn(f"{what}, please use reduction='{reduction}' instead.")


def reduced(
    losses: Tensor,
    reduction: str,
    size_average: bool | None = None,
    reduce: bool | None = None,
) -> Tensor:
    """The mean of all losses, their sum, or they themselves; as :func:`checked_reduction` says."""
    reduction = checked_reduction(reduction, size_average, reduce)
    if reduction == "mean":
        return mean(losses)
    return sum(losses) if reduction == "sum" else losses


def rounded_once(losses: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Decorates the losses of (input, target, ...): half precision is rounded at their end only."""

    @functools.wraps(losses)
    def rounded(input: Tensor, target: Tensor, *rest: Tensor | float | None) -> Tensor:
        """Computes in float32 if input and target are both in half precision."""
        dtype = input.array.dtype
        if dtype not in HALVES or target.array.dtype != dtype:
            return losses(input, target, *rest)
        return losses(*widen(input, target, *rest)).to(dtype)

    return rounded
