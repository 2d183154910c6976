"""Softmax cross entropy on the GPU: log-softmax, weights, smoothing, loss and gradient at once."""

from __future__ import annotations

import cupy
import numpy as np

from .runtime.module import FLOATS, HALVES, WARP, CudaFile, accumulator

__all__ = ["softmax_cross_entropy"]

_CLASSES_PER_LANE = 8

cuda_file = CudaFile("loss.cu")
_softmax_cross_entropy = cuda_file.kernel("softmax_cross_entropy", HALVES + FLOATS)


def softmax_cross_entropy(
    logits: cupy.ndarray,
    target: cupy.ndarray,
    weight: cupy.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """The loss of each row, as ``torch.nn.functional.cross_entropy``, and its gradient.

    Args:
        logits: (M, C).
        target: (M,) of int64, each in [0, C) or ``ignore_index``. Any other makes its row NaN;
            to raise an IndexError, as the CPU does, would mean waiting for the GPU.
        weight: (C,), or None for ones.
        ignore_index: rows with this target have loss and gradient 0.
        label_smoothing: share of the target to spread evenly over all classes.

    Returns:
        losses (M,) and their gradients by the logits (M, C), of the dtype of ``logits``.
    """
    M, C = logits.shape
    if weight is not None:
        weight = cupy.ascontiguousarray(weight, accumulator(logits.dtype))
    losses, gradient = cupy.empty(M, logits.dtype), cupy.empty((M, C), logits.dtype)
    lanes = _lanes(C)
    _softmax_cross_entropy[logits.dtype](
        M * lanes,
        cupy.ascontiguousarray(logits),
        cupy.ascontiguousarray(target, np.int64),
        weight,
        losses,
        gradient,
        C,
        lanes,
        np.int64(ignore_index),
        float(label_smoothing),
    )
    return losses, gradient


def _lanes(C: int) -> int:
    """How many threads share a row: a power of two, so that no row extends over two warps."""
    lanes = 1
    while lanes < WARP and lanes * _CLASSES_PER_LANE < C:
        lanes *= 2
    return lanes
