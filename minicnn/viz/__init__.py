"""Plots of a network's results: curves, predictions, confusion matrices, segmentation maps."""

from __future__ import annotations

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
    "decode_segmap",
    "overlay_segmap",
    "plot_confusion",
    "plot_curves",
    "plot_predictions",
    "voc_palette",
]
