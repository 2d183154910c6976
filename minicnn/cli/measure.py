"""A network's answers on labelled pictures, and their loss."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..data import BrokenPicture, DataLoader
from .network import Network
from .pictures import batches

__all__ = ["Measured", "log_loss", "measure"]

SMALLEST = 1e-15  # Kaggle keeps probabilities so far away from 0 and 1


class Measured(NamedTuple):
    """Probabilities (N, classes) in float64, the true classes (N,), and pictures left out."""

    probabilities: np.ndarray
    labels: np.ndarray
    left_out: int


def measure(network: Network, loader: DataLoader[Any], title: str) -> Measured:
    """The network's answers on all pictures of a loader that can be read.

    Raises:
        BrokenPicture: if there is none.
    """
    found, labels = [], []
    for pictures, numbers in batches(loader, title):
        found.append(network.probabilities(pictures).cpu().numpy().astype(np.float64))
        labels.append(numbers.numpy())
    if not found:
        raise BrokenPicture("none of the pictures can be read")
    return Measured(np.concatenate(found), np.concatenate(labels), len(loader.skipped))


def log_loss(measured: Measured, clip: float = SMALLEST) -> float:
    """The mean of -ln p of the true class, with all p kept ``clip`` away from 0 and 1."""
    right = measured.probabilities[np.arange(len(measured.labels)), measured.labels]
    return float(-np.log(right.clip(clip, 1 - clip)).mean())
