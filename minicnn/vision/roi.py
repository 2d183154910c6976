"""Layers that bring boxes of feature maps to one size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..dtypes import int64
from ..nn import Module
from ..ops.choice import clamp, where
from ..ops.exponential import log2
from ..ops.roi import roi_align, roi_pool
from ..ops.shape import cat
from ..ops.sort import argsort
from ..tensor import Tensor
from .boxes import box_area

__all__ = ["MultiScaleRoIAlign", "RoIAlign", "RoIPool", "roi_align", "roi_pool"]

Boxes = Tensor | Sequence[Tensor]


class RoIAlign(Module):
    """:func:`roi_align` as a layer, called with feature maps and boxes.

    Args:
        output_size, spatial_scale, sampling_ratio, aligned: as for :func:`roi_align`.

    As ``torchvision.ops.RoIAlign``.
    """

    def __init__(
        self,
        output_size: int | tuple[int, int],
        spatial_scale: float,
        sampling_ratio: int,
        aligned: bool = False,
    ) -> None:
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale
        self.sampling_ratio, self.aligned = sampling_ratio, aligned

    def forward(self, input: Tensor, rois: Boxes) -> Tensor:
        options = self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned
        return roi_align(input, rois, *options)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned}"
        )


class RoIPool(Module):
    """:func:`roi_pool` as a layer, called with feature maps and boxes.

    Args:
        output_size, spatial_scale: as for :func:`roi_pool`.

    As ``torchvision.ops.RoIPool``.
    """

    def __init__(self, output_size: int | tuple[int, int], spatial_scale: float) -> None:
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale

    def forward(self, input: Tensor, rois: Boxes) -> Tensor:
        return roi_pool(input, rois, self.output_size, self.spatial_scale)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, spatial_scale={self.spatial_scale}"


class MultiScaleRoIAlign(Module):
    """:func:`roi_align` on a pyramid of feature maps: large boxes are taken from the coarse ones.

    Args:
        featmap_names: the names of the feature maps to use, each of half the size of the one before.
        output_size: OH and OW, or one number for both.
        sampling_ratio: as for :func:`roi_align`.
        canonical_scale, canonical_level: a square box of ``canonical_scale`` pixels is taken from the
            feature map that is 2 ** canonical_level times smaller than the image.

    The scales of the feature maps are found in the first call.

    Source: Lin et al. 2017, Feature Pyramid Networks, equation 1; as
    ``torchvision.ops.MultiScaleRoIAlign``.
    """

    def __init__(
        self,
        featmap_names: list[str],
        output_size: int | Sequence[int],
        sampling_ratio: int,
        *,
        canonical_scale: int = 224,
        canonical_level: int = 4,
    ) -> None:
        super().__init__()
        self.featmap_names, self.sampling_ratio = featmap_names, sampling_ratio
        given = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
        self.output_size = given[0], given[-1]
        self.canonical_scale, self.canonical_level = canonical_scale, canonical_level
        self.scales: list[float] | None = None

    def forward(
        self,
        x: Mapping[str, Tensor],
        boxes: Sequence[Tensor],
        image_shapes: Sequence[tuple[int, int]],
    ) -> Tensor:
        """The boxes of all images, (K, C, OH, OW).

        Args:
            x: feature maps (N, C, h, w) by name, the finest first.
            boxes: (L, 4) for each image, in pixels of the image.
            image_shapes: height and width of each image.

        Raises:
            ValueError: without images.
        """
        if not image_shapes:
            raise ValueError(f"{type(self).__name__} expects shapes of images, got none")
        maps = [each for name, each in x.items() if name in self.featmap_names]
        if self.scales is None:
            height = max(shape[0] for shape in image_shapes)
            self.scales = [2.0 ** round(math.log2(each.shape[-2] / height)) for each in maps]
        if len(maps) == 1:
            return self._aligned(maps[0], boxes, self.scales[0])
        levels = self._levels(boxes)
        numbers = cat([some.new_full((len(some), 1), n) for n, some in enumerate(boxes)])
        rois = cat([numbers, cat(list(boxes))], 1)
        places, results = [], []
        for level, (each, scale) in enumerate(zip(maps, self.scales, strict=True)):
            (place,) = where(levels == level)
            places.append(place)
            results.append(self._aligned(each, rois[place], scale).to(maps[0].dtype))
        return cat(results)[argsort(cat(places))]

    def _aligned(self, x: Tensor, boxes: Boxes, scale: float) -> Tensor:
        return roi_align(x, boxes, self.output_size, scale, self.sampling_ratio)

    def _levels(self, boxes: Sequence[Tensor]) -> Tensor:
        """The number of the feature map for each box, (K,)."""
        assert self.scales is not None
        size = cat([box_area(some) for some in boxes]).sqrt()
        level = (self.canonical_level + log2(size / self.canonical_scale) + 1e-6).floor()
        finest, coarsest = (int(-math.log2(self.scales[i])) for i in (0, -1))
        return clamp(level, finest, coarsest).to(int64) - finest

    def extra_repr(self) -> str:
        return (
            f"featmap_names={self.featmap_names}, output_size={self.output_size}, "
            f"sampling_ratio={self.sampling_ratio}"
        )
