"""Everything around a training step: the loop, meters, a progress bar, Ctrl-C, resuming, options."""

from .arguments import MAY_DIFFER, add_arguments, fill_in
from .interrupt import StopRequest
from .loop import exit_stopped, fit, validate_classifier
from .meters import ClassificationMeter, SegmentationMeter, confusion_matrix
from .plateau import PlateauWatch
from .progress import Progress, duration
from .run import Run, describe, prepare_folder, set_aside

__all__ = [
    "MAY_DIFFER",
    "ClassificationMeter",
    "PlateauWatch",
    "Progress",
    "Run",
    "SegmentationMeter",
    "StopRequest",
    "add_arguments",
    "confusion_matrix",
    "describe",
    "duration",
    "exit_stopped",
    "fill_in",
    "fit",
    "prepare_folder",
    "set_aside",
    "validate_classifier",
]
