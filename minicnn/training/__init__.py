"""Everything around a training step: the loop, meters, progress, Ctrl-C, resuming, options."""

from .arguments import (
    MAY_DIFFER,
    ArgumentParser,
    add_arguments,
    at_least,
    cached,
    fill_in,
    fraction,
    positive,
)
from .description import NetworkDescription, read_run
from .divergence import DivergenceWatch
from .folder import FolderLock, set_aside
from .interrupt import StopRequest
from .loop import fit, validate_classifier
from .meters import ClassificationMeter, SegmentationMeter, confusion_matrix
from .plateau import PlateauWatch
from .progress import Progress, duration
from .ranks import backward, first_rank_first, is_first, summed
from .run import Run, describe
from .script import open_run, optional, script
from .source import DataSource, data_source

__all__ = [
    "MAY_DIFFER",
    "ArgumentParser",
    "ClassificationMeter",
    "DataSource",
    "DivergenceWatch",
    "FolderLock",
    "NetworkDescription",
    "PlateauWatch",
    "Progress",
    "Run",
    "SegmentationMeter",
    "StopRequest",
    "add_arguments",
    "at_least",
    "backward",
    "cached",
    "confusion_matrix",
    "data_source",
    "describe",
    "duration",
    "fill_in",
    "first_rank_first",
    "fit",
    "fraction",
    "is_first",
    "open_run",
    "optional",
    "positive",
    "read_run",
    "script",
    "set_aside",
    "summed",
    "validate_classifier",
]
