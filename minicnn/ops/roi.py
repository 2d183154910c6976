"""Regions of interest: boxes of feature maps, brought to one size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import kernels
from ..autograd import Function
from ..devices import on_own_device, xp_of
from ..kernels.geometry import Pair
from ..tensor import Tensor
from ..typing import Array
from .edge import in_float32, pair
from .index import PutItem
from .promotion import refuse_integers
from .shape import cat, reshape


class RoIAlign(Function):
    """x (N, C, H, W), rois (K, 5) -> (K, C, OH, OW)."""

    def forward(
        self, x: Array, rois: Array, *, output_size: Pair, spatial_scale: float,
        sampling_ratio: int, aligned: bool,
    ) -> Array:  # fmt: skip
        self.save_for_backward(rois)
        self.input_shape, self.options = x.shape, (spatial_scale, sampling_ratio, aligned)
        return kernels.of(x).roi_align(x, rois, output_size, *self.options)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        spatial_scale, sampling_ratio, aligned = self.options
        return RoIAlignBackward.apply(
            grad, *self.saved_tensors, input_shape=self.input_shape, spatial_scale=spatial_scale,
            sampling_ratio=sampling_ratio, aligned=aligned,
        ), None  # fmt: skip


class RoIAlignBackward(Function):
    """grad (K, C, OH, OW), rois (K, 5) -> (N, C, H, W)."""

    def forward(
        self, grad: Array, rois: Array, *, input_shape: tuple[int, ...], spatial_scale: float,
        sampling_ratio: int, aligned: bool,
    ) -> Array:  # fmt: skip
        self.save_for_backward(rois)
        self.output_size, self.options = grad.shape[2:], (spatial_scale, sampling_ratio, aligned)
        return kernels.of(grad).roi_align_backward(grad, rois, input_shape, *self.options)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        spatial_scale, sampling_ratio, aligned = self.options
        return RoIAlign.apply(
            grad, *self.saved_tensors, output_size=self.output_size, spatial_scale=spatial_scale,
            sampling_ratio=sampling_ratio, aligned=aligned,
        ), None  # fmt: skip


class RoIPool(Function):
    """x (N, C, H, W), rois (K, 5) -> (K, C, OH, OW)."""

    def forward(self, x: Array, rois: Array, *, output_size: Pair, spatial_scale: float) -> Array:
        self.input_shape = x.shape
        self.images = rois[:, 0].astype(int)
        out, self.argmax = kernels.of(x).roi_pool(x, rois, output_size, spatial_scale)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        """Adds each gradient where the maximum was."""
        (N, C, H, W), argmax = self.input_shape, self.argmax
        xp = xp_of(argmax)
        index = self.images[:, None, None, None], xp.arange(C)[:, None, None], xp.maximum(argmax, 0)
        taken = grad * Tensor.of((argmax >= 0).astype(grad.dtype))
        planes = PutItem.apply(taken, shape=(N, C, H * W), index=(index,))
        return reshape(planes, self.input_shape), None


def roi_align(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """Boxes of feature maps, resampled to one size.

    A box is divided into OH x OW bins. Each is the mean of the values at evenly spaced points, which
    are interpolated between the four nearest pixels, and 0 more than a pixel outside the image.

    Args:
        input: (N, C, H, W).
        boxes: (K, 5), where the first number is that of the image and the others are x1, y1, x2, y2;
            or for each image a tensor (L, 4).
        output_size: OH and OW, or one number for both.
        spatial_scale: pixels of ``input`` per unit of the boxes.
        sampling_ratio: points in a bin along each axis; -1 for as many as it is pixels long.
        aligned: whether coordinate 0 is the corner of the first pixel, or (the older way) its centre,
            where boxes are at least a pixel long.

    Returns:
        (K, C, OH, OW).

    Raises:
        AssertionError: for boxes of a wrong shape, as torchvision.
        IndexError: on the CPU, for boxes of an image that is not there; on a GPU they give 0.
        RuntimeError: for boxes of another dtype than ``input``.

    Source: He et al. 2017, Mask R-CNN; as ``torchvision.ops.roi_align``. Gradients of gradients are
    there, too. Boxes that are not finite give 0.
    """
    return _applied(
        input, _with_numbers("roi_align", boxes), RoIAlign,
        output_size=pair(output_size, "roi_align: output_size", 1),
        spatial_scale=float(spatial_scale),
        sampling_ratio=int(sampling_ratio), aligned=bool(aligned),
    )  # fmt: skip


def roi_pool(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
) -> Tensor:
    """The maxima of OH x OW bins of each box of feature maps.

    Corners of boxes are rounded to pixels, and so are those of the bins, which may share pixels. A
    bin outside the image gives 0.

    Args:
        input, boxes, output_size, spatial_scale: as for :func:`roi_align`.

    Returns:
        (K, C, OH, OW).

    Raises:
        AssertionError, IndexError, RuntimeError: as :func:`roi_align`.

    Source: Girshick 2015, Fast R-CNN; as ``torchvision.ops.roi_pool``.
    """
    return _applied(
        input, _with_numbers("roi_pool", boxes), RoIPool,
        output_size=pair(output_size, "roi_pool: output_size", 1),
        spatial_scale=float(spatial_scale),
    )  # fmt: skip


@in_float32
@on_own_device
def _applied(x: Tensor, rois: Tensor, operation: Any, **options: Any) -> Tensor:
    """The operation on images and boxes (K, 5), after checks."""
    name = operation.__name__
    if x.ndim != 4:
        raise RuntimeError(f"{name} expects an input (N, C, H, W), got {tuple(x.shape)}")
    refuse_integers(name, x)
    if rois.dtype != x.dtype:
        raise RuntimeError(
            f"{name} expects input and boxes of one dtype, got {x.array.dtype} and {rois.array.dtype}"
        )
    images = rois.array[:, 0]
    on_cpu = x.device.type == "cpu"  # elsewhere it would take a copy
    if on_cpu and images.size and not (images.min() >= 0 and images.max() < len(x)):
        raise IndexError(f"{name} expects boxes of {len(x)} images, got {images}")
    return operation.apply(x, rois, **options)  # type: ignore[no-any-return]


def _with_numbers(name: str, boxes: Tensor | Sequence[Tensor]) -> Tensor:
    """Boxes (K, 5), whose first number is that of their image."""
    each, width = ([boxes], 5) if isinstance(boxes, Tensor) else (list(boxes), 4)
    if any(some.ndim != 2 or some.shape[1] != width for some in each):
        raise AssertionError(
            f"{name} expects boxes as one tensor (K, 5) or as a list of tensors (L, 4), "
            f"got {[tuple(some.shape) for some in each]}"
        )
    if isinstance(boxes, Tensor):
        return boxes
    numbers = [
        Tensor.of(xp_of(some.array).full((len(some), 1), n, some.array.dtype))
        for n, some in enumerate(each)
    ]
    return cat([cat(numbers), cat(each)], 1)
