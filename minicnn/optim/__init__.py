"""Optimizers and learning-rate schedules, with the names and arguments of ``torch.optim``.

Three things are minicnn's own: :func:`parameter_groups` (learning rates by layer, no weight decay for
biases), :class:`Combined` (several optimizers used as one) and :func:`step_in_backward` (the step
beside the backward pass).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..later import read_later
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

if TYPE_CHECKING:
    from . import lr_scheduler, swa_utils
    from .adadelta import Adadelta
    from .adafactor import Adafactor
    from .adagrad import Adagrad
    from .adamax import Adamax
    from .asgd import ASGD
    from .combined import Combined
    from .groups import parameter_groups
    from .in_backward import step_in_backward
    from .lbfgs import LBFGS
    from .muon import Muon
    from .nadam import NAdam
    from .radam import RAdam
    from .rprop import Rprop

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Combined",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "parameter_groups",
    "step_in_backward",
    "swa_utils",
]

_LATER = {
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "adagrad": "Adagrad",
    "adamax": "Adamax",
    "asgd": "ASGD",
    "combined": "Combined",
    "groups": "parameter_groups",
    "in_backward": "step_in_backward",
    "lbfgs": "LBFGS",
    "muon": "Muon",
    "nadam": "NAdam",
    "radam": "RAdam",
    "rprop": "Rprop",
}
__getattr__, __dir__ = read_later(__name__, _LATER, modules="lr_scheduler swa_utils")
