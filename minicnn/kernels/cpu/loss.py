"""Softmax cross-entropy on the CPU, over the rows of a matrix of logits."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .runtime.precision import compute_dtype
from .runtime.rows import for_each_row_block

__all__ = ["softmax_cross_entropy"]

_FEW_CLASSES = 100  # with fewer, it is faster to sum down long columns than along short rows


def softmax_cross_entropy(
    logits: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The loss of each row, as ``torch.nn.functional.cross_entropy``, and its gradient.

    With log-probabilities l, probabilities p, weights w and smoothing e, a row of class y has the loss
    ``-(1 - e) * w[y] * l[y] - e / C * sum(w * l)``, and its logits have the gradient
    ``(1 - e) * w[y] * (p - [c = y]) + e / C * (p * sum(w) - w)``. Rows of class ``ignore_index``
    have loss and gradient 0.

    Args:
        logits: (M, C).
        target: (M,) of int64, classes in [0, C) or ``ignore_index``.
        weight: (C,), or None for ones.
        ignore_index: the class whose rows do not count.
        label_smoothing: the share of the target that is spread evenly over all classes, in [0, 1].

    Returns:
        Losses (M,) and gradients (M, C), of the dtype of ``logits``.

    Raises:
        IndexError: if a target is neither a class nor ``ignore_index``.
    """
    counted, classes = _counted(target, ignore_index, logits.shape[1])
    dtype = compute_dtype(logits.dtype)
    w = np.ones(logits.shape[1], dtype) if weight is None else weight.astype(dtype)
    losses, gradient = np.empty(len(logits), logits.dtype), np.empty(logits.shape, logits.dtype)

    order: Literal["C", "F"] = "C" if logits.shape[1] < _FEW_CLASSES else "F"

    def work(at: slice) -> None:
        columns = np.array(logits[at].T, dtype, order=order)
        loss, grad = _column_losses(columns, classes[at], w, label_smoothing)
        if not counted[at].all():
            loss[~counted[at]] = 0
            grad[:, ~counted[at]] = 0  # also where the logits are NaN
        losses[at], gradient[at] = loss, grad.T

    for_each_row_block(logits, work)
    return losses, gradient


def _column_losses(
    log_p: np.ndarray, classes: np.ndarray, w: np.ndarray, label_smoothing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Losses (M,) and gradients (C, M), from logits (C, M), which are overwritten."""
    columns = np.arange(len(classes))
    log_p -= log_p.max(axis=0)
    p = np.exp(log_p)
    total = p.sum(axis=0, dtype=np.float64).astype(p.dtype)  # exact for very many classes, too
    log_p -= np.log(total)
    p /= total

    hard = (1 - label_smoothing) * w[classes]  # (M,), the factor of the row's own class
    losses = -hard * log_p[classes, columns]
    if label_smoothing:
        soft = label_smoothing / len(w) * w  # (C,), the factors of all classes
        losses -= soft @ log_p
        p *= hard + soft.sum()
        p -= soft[:, None]
    else:
        p *= hard
    p[classes, columns] -= hard
    return losses, p


def _counted(target: np.ndarray, ignore_index: int, C: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows count (M,), and the class of each; 0 for rows that do not count."""
    counted = target != ignore_index
    classes = np.where(counted, target, 0)
    wrong = (classes < 0) | (classes >= C)
    if wrong.any():
        value = int(classes[wrong.argmax()])
        raise IndexError(
            f"cross_entropy expects targets in [0, {C}) or {ignore_index}, got {value}"
        )
    return counted, classes
