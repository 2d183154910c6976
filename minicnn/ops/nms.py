"""Non-maximum suppression: of boxes that overlap, the one with the best score."""

from __future__ import annotations

from typing import Any

from .. import kernels
from ..autograd import Function
from ..devices import on_own_device
from ..dtypes import int64
from ..tensor import Tensor
from ..typing import Array
from .edge import in_float32
from .promotion import refuse_integers
from .sort import order


class NMS(Function):
    """boxes (N, 4), scores (N,) -> the indices of the boxes to keep, the best first, int64."""

    def forward(self, boxes: Array, scores: Array, *, iou_threshold: float) -> Array:
        best = order(scores, descending=True)
        keep = kernels.of(boxes).nms(boxes[best], iou_threshold)
        return best[keep].astype(int64, copy=False)


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

    As ``torchvision.ops.nms``, which has no half precision on the CPU.
    """
    _check(boxes, scores)
    result: Any = NMS.apply(boxes, scores, iou_threshold=iou_threshold)
    return result


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
