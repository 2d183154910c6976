"""A linear layer and the cross-entropy of its result, under one name."""

from __future__ import annotations

import math
from typing import Any

from ..no_tensor import takes_tensors
from ..tensor import Tensor
from .class_loss import cross_entropy
from .linear import linear
from .promotion import widen
from .shape import reshape


@takes_tensors
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """``cross_entropy(linear(input, linear_weight, linear_bias), target)``.

    Args:
        input: (N, D) or (D,).
        linear_weight: (C, D), or (C, d1, ..., D) for several decisions of each sample.
        target: as :func:`cross_entropy` takes it for logits (N, C, d1, ...) or (C,).
        linear_bias: the shape of ``linear_weight`` without D.
        weight, reduction, ignore_index, label_smoothing: as for :func:`cross_entropy`.
        options: accepted without effect. In torch, they save memory and change no result.

    Raises:
        RuntimeError: for shapes that do not fit, or ``ignore_index`` with probabilities.

    As ``torch.nn.functional.linear_cross_entropy``.
    """
    *features, D = linear_weight.shape if linear_weight.ndim > 1 else (0,)
    batch = input.shape[:-1]
    if input.ndim not in (1, 2) or not features or input.shape[-1] != D:
        raise RuntimeError(
            "linear_cross_entropy expects an input (N, D) or (D,) and a weight (C, ..., D), got "
            f"shapes {tuple(input.shape)} and {tuple(linear_weight.shape)}"
        )
    if len(features) > 1 and not batch:
        raise RuntimeError(
            f"linear_cross_entropy expects an input (N, {D}) for a weight of shape "
            f"{tuple(linear_weight.shape)}, got {tuple(input.shape)}"
        )
    if linear_bias is not None and linear_bias.shape != tuple(features):
        raise RuntimeError(
            f"linear_cross_entropy expects a bias {tuple(features)}, got {tuple(linear_bias.shape)}"
        )
    shape = (*batch, *features)
    if target.shape == shape and ignore_index is not None:
        raise RuntimeError(
            f"ignore_index needs class numbers as targets, got {ignore_index} with probabilities"
        )
    dtype = input.dtype
    # half precision is rounded at the end, instead of the logits
    input, linear_weight, linear_bias, target, weight = widen(
        input, linear_weight, linear_bias, target, weight
    )
    bias = None if linear_bias is None else reshape(linear_bias, -1)
    logits = linear(input, reshape(linear_weight, (math.prod(features), D)), bias)
    loss = cross_entropy(
        reshape(logits, shape),
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
    return loss.to(dtype)
