"""Everything around a training step: the loop, meters, progress, Ctrl-C, resuming, options.

:func:`picture_loaders` and :func:`captured` make a script for the CPU one for a GPU, too.

Some of it stands alone, for a loop of your own: :class:`EarlyStopping`, :class:`TestTimeFlips`,
:func:`accumulated` gradients, :func:`find_learning_rate`, :func:`lsuv_`. Averages of weights are in
:mod:`minicnn.optim.swa_utils`, groups of parameters in :func:`minicnn.optim.parameter_groups`.
"""

from .accumulation import Part, accumulated
from .arguments import (
    MAY_DIFFER,
    ArgumentParser,
    add_arguments,
    at_least,
    cached,
    fill_in,
    fraction,
    positive,
    refuse_out_inside,
)
from .captured import add_gpu_arguments, captured, mixed_precision
from .description import NetworkDescription, read_run
from .divergence import DivergenceWatch
from .early_stopping import EarlyStopping
from .folder import FolderLock, set_aside
from .interrupt import StopRequest
from .learning_rates import LearningRates, find_learning_rate
from .loaders import PictureLoaders, picture_loaders
from .loop import fit, validate_classifier
from .lsuv import lsuv_
from .meters import ClassificationMeter, SegmentationMeter, confusion_matrix
from .plateau import PlateauWatch
from .progress import Progress, duration
from .ranks import backward, first_rank_first, is_first, summed
from .run import Run, describe
from .script import open_run, optional, script
from .source import DataSource, data_source
from .test_time import TestTimeFlips
from .trial import try_network

__all__ = [
    "MAY_DIFFER",
    "ArgumentParser",
    "ClassificationMeter",
    "DataSource",
    "DivergenceWatch",
    "EarlyStopping",
    "FolderLock",
    "LearningRates",
    "NetworkDescription",
    "Part",
    "PictureLoaders",
    "PlateauWatch",
    "Progress",
    "Run",
    "SegmentationMeter",
    "StopRequest",
    "TestTimeFlips",
    "accumulated",
    "add_arguments",
    "add_gpu_arguments",
    "at_least",
    "backward",
    "cached",
    "captured",
    "confusion_matrix",
    "data_source",
    "describe",
    "duration",
    "fill_in",
    "find_learning_rate",
    "first_rank_first",
    "fit",
    "fraction",
    "is_first",
    "lsuv_",
    "mixed_precision",
    "open_run",
    "optional",
    "picture_loaders",
    "positive",
    "read_run",
    "refuse_out_inside",
    "script",
    "set_aside",
    "summed",
    "try_network",
    "validate_classifier",
]
