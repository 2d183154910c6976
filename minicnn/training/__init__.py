"""Helpers around a training loop: meters, a progress bar, a plateau watch, Ctrl-C, resuming."""

from .interrupt import StopRequest
from .meters import ClassificationMeter, SegmentationMeter, confusion_matrix
from .plateau import PlateauWatch
from .progress import Progress, duration
from .run import Run, describe, set_aside

__all__ = [
    "ClassificationMeter",
    "PlateauWatch",
    "Progress",
    "Run",
    "SegmentationMeter",
    "StopRequest",
    "confusion_matrix",
    "describe",
    "duration",
    "set_aside",
]
