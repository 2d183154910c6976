"""Weights that let rare classes count as much as frequent ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor
from .split import targets_of

__all__ = ["class_weights"]


def class_weights(labels: Any, num_classes: int | None = None) -> Tensor:
    """Weights of classes that are inversely proportional to how many samples each has.

    Two ways to use them; the second one shows rare samples more often::

        weights = data.class_weights(dataset)
        loss = F.cross_entropy(logits, labels, weight=weights)
        sampler = data.WeightedRandomSampler(weights[dataset.targets], len(dataset))

    Args:
        labels: a dataset with ``targets`` (no sample is loaded), or the class of each sample: a
            tensor, an array or a list of integers (N,).
        num_classes: how many there are; by default as many as the largest label says.

    Returns:
        (num_classes,) float32: N / (classes that have samples · samples of the class), so the mean
        weight of all samples is 1. A class without samples has weight 0.

    Raises:
        ValueError: for no labels, or for labels out of range.
        TypeError: for a dataset without ``targets``, or labels that are no integers.

    As ``class_weight="balanced"`` of scikit-learn.
    """
    classes = _classes(labels)
    if not classes.size:
        raise ValueError("class_weights needs at least one label, got none")
    count = int(classes.max()) + 1 if num_classes is None else num_classes
    if classes.min() < 0 or classes.max() >= count:
        raise ValueError(
            f"class_weights expects labels from 0 to {count - 1}, got {classes.min()} to {classes.max()}"
        )
    samples = np.bincount(classes, minlength=count)
    present = np.count_nonzero(samples)
    weights = classes.size / (present * np.maximum(samples, 1)) * (samples > 0)
    return Tensor.of(weights.astype(np.float32))


def _classes(labels: Any) -> np.ndarray:
    if isinstance(labels, Tensor):
        labels = labels.numpy(force=True)
    if not isinstance(labels, np.ndarray | list | tuple):
        return targets_of(labels)
    classes = np.asarray(labels)
    if classes.ndim != 1 or classes.size and classes.dtype.kind not in "iu":
        raise TypeError(
            f"class_weights expects integers (N,), got {classes.dtype} of shape {classes.shape}"
        )
    return classes.astype(np.int64)
