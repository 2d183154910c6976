"""Plots of a network's results, and drawing on images."""

from __future__ import annotations

from .draw import draw_bounding_boxes, draw_keypoints, draw_segmentation_masks
from .grid import make_grid, save_image
from .learning_rates import plot_learning_rates
from .live import LiveCurve
from .plots import (
    BLUES,
    BY_CLASS,
    RIGHT,
    TRAIN,
    VALIDATION,
    WRONG,
    plot_confusion,
    plot_curves,
    plot_predictions,
)
from .segmap import decode_segmap, overlay_segmap, voc_palette

__all__ = [
    "BLUES",
    "BY_CLASS",
    "RIGHT",
    "TRAIN",
    "VALIDATION",
    "WRONG",
    "LiveCurve",
    "decode_segmap",
    "draw_bounding_boxes",
    "draw_keypoints",
    "draw_segmentation_masks",
    "make_grid",
    "overlay_segmap",
    "plot_confusion",
    "plot_curves",
    "plot_learning_rates",
    "plot_predictions",
    "save_image",
    "voc_palette",
]
