"""Softmax cross entropy on the GPU: log-softmax, weights, smoothing and loss in one pass."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from .module import FLOATS, WARP, CudaFile, accumulator

__all__ = ["softmax_cross_entropy", "softmax_cross_entropy_backward"]

cuda_file = CudaFile("loss.cu")
_forward = cuda_file.kernel("softmax_cross_entropy", FLOATS)
_backward = cuda_file.kernel("softmax_cross_entropy_backward", FLOATS)


def softmax_cross_entropy(
    logits: cupy.ndarray,
    target: cupy.ndarray,
    weight: cupy.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """The loss of each row, as ``torch.nn.functional.cross_entropy(..., reduction="none")``.

    Args:
        logits: (M, C).
        target: (M,) of int64, each in [0, C) or ``ignore_index``; others make their row NaN,
            because the IndexError that the CPU raises would have to wait for the GPU.
        weight: (C,) or None.
        ignore_index: rows with this target have loss 0.
        label_smoothing: share of the target that is spread evenly over all classes.

    Returns:
        losses (M,) and log-probabilities (M, C).
    """
    M, C = logits.shape
    losses = cupy.empty(M, logits.dtype)
    log_probabilities = cupy.empty((M, C), logits.dtype)
    _forward[logits.dtype](
        M * WARP,
        cupy.ascontiguousarray(logits),
        cupy.ascontiguousarray(target, np.int64),
        _weight(weight, logits.dtype),
        losses,
        log_probabilities,
        C,
        np.int64(ignore_index),
        float(label_smoothing),
    )
    return losses, log_probabilities


def softmax_cross_entropy_backward(
    grad: cupy.ndarray,
    log_probabilities: cupy.ndarray,
    target: cupy.ndarray,
    weight: cupy.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> cupy.ndarray:
    """The gradient (M, C) of :func:`softmax_cross_entropy` by its logits; ``grad`` is (M,)."""
    M, C = log_probabilities.shape
    grad_logits = cupy.empty((M, C), log_probabilities.dtype)
    _backward[log_probabilities.dtype](
        M * WARP,
        cupy.ascontiguousarray(grad),
        cupy.ascontiguousarray(log_probabilities),
        cupy.ascontiguousarray(target, np.int64),
        _weight(weight, log_probabilities.dtype),
        grad_logits,
        C,
        np.int64(ignore_index),
        float(label_smoothing),
    )
    return grad_logits


def _weight(weight: cupy.ndarray | None, dtype: np.dtype[Any]) -> cupy.ndarray | None:
    return None if weight is None else cupy.ascontiguousarray(weight, accumulator(dtype))
