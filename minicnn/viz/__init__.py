"""Plots of a network's results, pictures that explain them, and drawing on images."""

from __future__ import annotations

from .draw import draw_bounding_boxes, draw_keypoints, draw_segmentation_masks
from .explanations import plot_explanations
from .feature_maps import feature_maps, plot_feature_maps
from .figures import BLUES, BY_CLASS, RIGHT, TRAIN, VALIDATION, WRONG
from .filters import filter_images, plot_filters
from .grad_cam import grad_cam
from .grid import make_grid, save_image
from .heat_map import overlay_heat_map
from .learning_rates import plot_learning_rates
from .live import LiveCurve
from .mistakes import Mistake, plot_mistakes, worst_mistakes
from .occlusion import occlusion
from .per_class import PrecisionRecall, plot_precision_recall, precision_recall
from .plots import plot_confusion, plot_curves, plot_predictions
from .saliency import saliency
from .segmap import decode_segmap, overlay_segmap, voc_palette

__all__ = [
    "BLUES",
    "BY_CLASS",
    "RIGHT",
    "TRAIN",
    "VALIDATION",
    "WRONG",
    "LiveCurve",
    "Mistake",
    "PrecisionRecall",
    "decode_segmap",
    "draw_bounding_boxes",
    "draw_keypoints",
    "draw_segmentation_masks",
    "feature_maps",
    "filter_images",
    "grad_cam",
    "make_grid",
    "occlusion",
    "overlay_heat_map",
    "overlay_segmap",
    "plot_confusion",
    "plot_curves",
    "plot_explanations",
    "plot_feature_maps",
    "plot_filters",
    "plot_learning_rates",
    "plot_mistakes",
    "plot_precision_recall",
    "plot_predictions",
    "precision_recall",
    "saliency",
    "save_image",
    "voc_palette",
    "worst_mistakes",
]
