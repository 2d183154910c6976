"""Softmax cross-entropy, with class weights and label smoothing."""

import numpy as np

from ...typing import Array
from .arrays import widen


def softmax_cross_entropy(
    logits: Array, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float
) -> tuple[Array, Array]:
    """logits (M, C), target (M,) -> losses (M,) and their gradients by the logits (M, C).

    A row's loss is -sum(q * log(p)), where p is its softmax and q is, for each class, its share of
    the target times its weight. The gradient is p * sum(q) - q.
    """
    (M, C), counted = logits.shape, target != ignore_index
    target = np.where(counted, target, 0)
    if ((target < 0) | (target >= C)).any():
        wrong = target[(target < 0) | (target >= C)][0]
        raise IndexError(
            f"cross_entropy expects targets in [0, {C}) or {ignore_index}, got {wrong}"
        )

    z = widen(logits)
    z = z - z.max(axis=1, keepdims=True, initial=-np.inf)  # so that exp cannot overflow
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full_like(z, label_smoothing / max(C, 1))
    q[np.arange(M), target] += 1 - label_smoothing
    if weight is not None:
        q = q * weight
    losses = -(q * np.where(q == 0, 0, log_p)).sum(axis=1)  # 0 * -inf would be NaN
    grads = np.exp(log_p) * q.sum(axis=1, keepdims=True) - q

    losses, grads = np.where(counted, losses, 0), np.where(counted[:, None], grads, 0)
    return losses.astype(logits.dtype), grads.astype(logits.dtype)
