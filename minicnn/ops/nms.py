"""Non-maximum suppression: of boxes that overlap, the one with the best score."""

from __future__ import annotations

import numpy as np

from .. import kernels
from ..devices import on_own_device
from ..dtypes import int64
from ..tensor import Tensor
from .edge import in_float32
from .promotion import refuse_integers
from .sort import order


@in_float32
@on_own_device
def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The boxes that are left when each one drops out that overlaps with a better one.

    The box with the best score is kept, and all boxes go whose intersection with it is more than
    ``iou_threshold`` of their union; then the same for the best of the others, and so on. Of equal
    scores the first is the better one.

    Args:
        boxes: (N, 4), x1, y1, x2, y2.
        scores: (N,).
        iou_threshold: from 0 to 1.

    Returns:
        The indices of the boxes that are kept, the best score first, int64.

    Raises:
        RuntimeError: for wrong shapes, or for boxes and scores of two dtypes.
        NotImplementedError: for integers.

    As ``torchvision.ops.nms``, which has no half precision on the CPU. How many boxes are kept depends on
    their numbers, so that networks that call it are not compiled.
    """
    _check(boxes, scores)
    best = order(scores.array, descending=True)
    with np.errstate(all="ignore"):  # of boxes without area
        keep = kernels.of(boxes.array).nms(boxes.array[best], iou_threshold)
    return Tensor.of(best[keep].astype(int64, copy=False))


def _check(boxes: Tensor, scores: Tensor) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
        raise RuntimeError(
            "nms expects boxes of shape (N, 4) and scores of shape (N,), "
            f"got {tuple(boxes.shape)} and {tuple(scores.shape)}"
        )
    if boxes.dtype != scores.dtype:
        raise RuntimeError(
            f"nms expects boxes and scores of one dtype, got {boxes.array.dtype} and "
            f"{scores.array.dtype}"
        )
    refuse_integers("nms", boxes)
