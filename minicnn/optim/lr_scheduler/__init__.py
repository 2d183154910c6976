"""Learning-rate schedules, with the names, arguments and values of ``torch.optim.lr_scheduler``.

A schedule sets the ``lr`` of every parameter group when it is created and at each ``step()``. Call
that after ``optimizer.step()``. "Epoch" here means the time between two steps of the schedule: an
epoch, or a batch.
"""

from __future__ import annotations

from .base import LRScheduler
from .cycle import CosineWithWarmup, OneCycleLR
from .decay import (
    CosineAnnealingLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from .plateau import ReduceLROnPlateau

__all__ = [
    "CosineAnnealingLR",
    "CosineWithWarmup",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "StepLR",
]
