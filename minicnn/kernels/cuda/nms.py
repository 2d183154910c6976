"""Non-maximum suppression on the GPU."""

from __future__ import annotations

import cupy
import numpy as np

from ..plain.nms import rounded_down
from .runtime.module import FLOATS, HALVES, THREADS_PER_BLOCK, CudaFile, accumulator

__all__ = ["nms"]

cuda_file = CudaFile("nms.cu")
_find_overlaps = cuda_file.kernel("find_overlaps", HALVES + FLOATS)
_keep_best = cuda_file.kernel("keep_best", ("float32",))


def nms(boxes: cupy.ndarray, iou_threshold: float) -> cupy.ndarray:
    """Which boxes (N, 4), the best first, to keep: (N,) of bool.

    Needs N * N / 8 bytes of memory.
    """
    N = len(boxes)
    words = -(-N // 64)
    overlap = cupy.empty((N, words), np.uint64)
    gone, keep = cupy.zeros(words, np.uint64), cupy.empty(N, np.bool_)
    limit = float(rounded_down(iou_threshold, accumulator(boxes.dtype)))
    corners = cupy.ascontiguousarray(boxes)
    _find_overlaps[boxes.dtype](overlap.size, corners, overlap, N, words, limit)
    if N:
        _keep_best[np.dtype(np.float32)].launch(
            (1,), (THREADS_PER_BLOCK,), overlap, gone, keep, N, words
        )
    return keep
