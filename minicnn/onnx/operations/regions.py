"""Regions of interest."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import roi
from ..registry import exporter
from ..step import Name, Step


@exporter(roi.RoIAlign)
def roi_align(
    step: Step, x: Any, rois: Any, *, output_size: Any, spatial_scale: float, sampling_ratio: int,
    aligned: bool,
) -> Name:  # fmt: skip
    """ONNX takes the boxes and the numbers of their images apart."""
    axis = step.ints(1)
    boxes = step.node("Slice", rois, step.ints(1), step.ints(5), axis)
    images = step.node("Gather", rois, np.int64(0), axis=1)
    return step.node(
        "RoiAlign", x, boxes, step.cast(images, np.int64),
        output_height=output_size[0], output_width=output_size[1], spatial_scale=spatial_scale,
        sampling_ratio=max(sampling_ratio, 0),
        coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel",
    )  # fmt: skip
