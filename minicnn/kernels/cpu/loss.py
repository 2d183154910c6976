"""Softmax cross-entropy on the CPU, over the rows of a matrix of logits."""

from __future__ import annotations

import numpy as np

__all__ = ["softmax_cross_entropy", "softmax_cross_entropy_backward"]


def softmax_cross_entropy(
    logits: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The loss of each row and its log-probabilities, as ``torch.nn.functional.cross_entropy``.

    With log-probabilities l, weights w and smoothing e, a row of class y loses
    ``-(1 - e) * w[y] * l[y] - e / C * sum(w * l)``; rows of class ``ignore_index`` lose 0.

    Args:
        logits: (M, C).
        target: (M,) of int64, each in [0, C) or ``ignore_index``.
        weight: (C,), or None for ones.
        ignore_index: the class whose rows do not count.
        label_smoothing: the share of the loss that all classes have alike, in [0, 1].

    Returns:
        losses (M,) and log-probabilities (M, C), of the dtype of ``logits``.

    Raises:
        IndexError: if a target is neither a class nor ``ignore_index``.
    """
    C = logits.shape[1]
    counted, rows, classes = _counted(target, ignore_index, C)

    log_p = logits.astype(np.result_type(logits, np.float32))  # a copy
    log_p -= log_p.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))

    losses = -log_p[rows, classes]
    if weight is not None:
        losses *= weight[classes]
    if label_smoothing:
        total = log_p.sum(axis=1) if weight is None else log_p @ weight.astype(log_p.dtype)
        losses = (1 - label_smoothing) * losses - label_smoothing / C * total
    losses[~counted] = 0
    return losses.astype(logits.dtype, copy=False), log_p.astype(logits.dtype, copy=False)


def softmax_cross_entropy_backward(
    grad: np.ndarray,
    log_probabilities: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> np.ndarray:
    """The gradient (M, C) of the logits, given ``grad`` (M,) of the losses.

    ``grad * ((1 - e) * w[y] * (p - [c = y]) + e / C * (p * sum(w) - w))`` with probabilities p.
    """
    C = log_probabilities.shape[1]
    counted, rows, classes = _counted(target, ignore_index, C)
    dtype = np.result_type(log_probabilities, np.float32)
    w = np.ones(C, dtype) if weight is None else weight.astype(dtype)

    hard = (1 - label_smoothing) * w[classes]  # (M,), what the class of the row counts
    grad = np.where(counted, grad, 0).astype(dtype)
    out = np.exp(log_probabilities, dtype=dtype)
    if label_smoothing:
        soft = label_smoothing / C
        out *= (hard + soft * w.sum())[:, None]
        out -= soft * w
    else:
        out *= hard[:, None]
    out[rows, classes] -= hard
    out *= grad[:, None]
    out[~counted] = 0  # also where the logits are NaN
    return out.astype(log_probabilities.dtype, copy=False)


def _counted(
    target: np.ndarray, ignore_index: int, C: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which rows count, the row numbers, and the classes, 0 where a row does not count."""
    counted = target != ignore_index
    classes = np.where(counted, target, 0)
    wrong = (classes < 0) | (classes >= C)
    if wrong.any():
        value = int(classes[wrong.argmax()])
        raise IndexError(
            f"cross_entropy expects targets in [0, {C}) or {ignore_index}, got {value}"
        )
    return counted, np.arange(len(target)), classes
