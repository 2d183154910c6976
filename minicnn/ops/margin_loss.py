"""Losses that ask for a margin between two scores or two distances."""

from __future__ import annotations

from collections.abc import Callable

from ..no_tensor import takes_tensors
from ..tensor import Tensor
from .choice import clamp, minimum, where
from .comparison import eq, ne
from .distance import pairwise_distance
from .edge import in_float32
from .elementwise import add, div, mul, neg, rsub, sqrt, square, sub
from .reduce import sum
from .reduction import checked_reduction, reduced


@in_float32
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target * (input1 - input2) + margin).

    Args:
        input1, input2: scores, of shapes that broadcast.
        target: 1 where ``input1`` should be higher, -1 where ``input2`` should.
        margin: by how much.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        RuntimeError: for tensors of different numbers of dimensions.
        ValueError: for an unknown reduction.

    As ``torch.nn.functional.margin_ranking_loss``.
    """
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss expects tensors of one number of dimensions, got shapes "
            f"{tuple(input1.shape)}, {tuple(input2.shape)} and {tuple(target.shape)}"
        )
    losses = clamp(add(mul(neg(target), sub(input1, input2)), float(margin)), min=0)
    return reduced(losses, reduction, size_average, reduce)


@in_float32
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``input`` where the target is 1, max(0, margin - input) where it is -1.

    Args:
        input: distances, any shape.
        target: 1 for similar pairs, -1 for others; a shape that broadcasts.
        margin: the distance from which on two others are far enough apart.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        ValueError: for an unknown reduction.

    As ``torch.nn.functional.hinge_embedding_loss``.
    """
    near = where(ne(target, 1), clamp(rsub(input, margin), min=0), 0)
    far = where(ne(target, -1), input, 0)
    return reduced(add(near, far), reduction, size_average, reduce)


@in_float32
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(input1, input2) where the target is 1, max(0, cos - margin) where it is -1.

    Args:
        input1, input2: vectors (N, D) or (D,).
        target: (N,) or ().
        margin: the cosine up to which two are different enough.
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        RuntimeError: for other shapes.
        ValueError: for an unknown reduction.

    As ``torch.nn.functional.cosine_embedding_loss``.
    """
    if target.ndim > 1 or not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError(
            "cosine_embedding_loss expects vectors (N, D) with targets (N,), or (D,) with (), got "
            f"shapes {tuple(input1.shape)}, {tuple(input2.shape)} and {tuple(target.shape)}"
        )
    squares = [add(sum(square(x), -1), 1e-12) for x in (input1, input2)]
    cosine = div(sum(mul(input1, input2), -1), sqrt(mul(*squares)))
    similar = where(eq(target, 1), rsub(cosine, 1), 0)
    different = where(eq(target, -1), clamp(sub(cosine, margin), min=0), 0)
    return reduced(add(similar, different), reduction, size_average, reduce)


@in_float32
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), d being the p-norm.

    Args:
        anchor, positive, negative: vectors (N, D) or (D,).
        margin: by how much the negative should be farther away, above 0.
        p, eps: as for :func:`pairwise_distance`.
        swap: use d(positive, negative) where it is smaller than d(anchor, negative).
        size_average, reduce: deprecated, use ``reduction``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        RuntimeError: for tensors of different numbers of dimensions.
        ValueError: for a ``margin`` of 0 or less, or an unknown reduction.

    As ``torch.nn.functional.triplet_margin_loss`` (Balntas et al., 2016).
    """
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda x1, x2: pairwise_distance(x1, x2, p, eps),
        margin=margin,
        swap=swap,
        reduction=checked_reduction(reduction, size_average, reduce),
    )


@takes_tensors
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """:func:`triplet_margin_loss` for any distance, by default :func:`pairwise_distance`.

    As ``torch.nn.functional.triplet_margin_with_distance_loss``.
    """
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "a triplet loss expects tensors of one number of dimensions, got shapes "
            f"{tuple(anchor.shape)}, {tuple(positive.shape)} and {tuple(negative.shape)}"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    to_positive, to_negative = distance(anchor, positive), distance(anchor, negative)
    if swap:
        to_negative = minimum(to_negative, distance(positive, negative))
    return reduced(clamp(sub(add(to_positive, margin), to_negative), min=0), reduction)
