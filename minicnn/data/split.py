"""Splits and subsets of a labelled dataset that keep its classes balanced, repeatable by seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dataset import ConcatDataset, Subset, TransformDataset


def targets_of(dataset: Any) -> np.ndarray:
    """The class of each sample, (len(dataset),) int64, without loading any sample.

    Raises:
        TypeError: if neither the dataset nor the datasets it wraps have ``targets``.
    """
    if isinstance(dataset, Subset):
        return targets_of(dataset.dataset)[np.asarray(dataset.indices, dtype=np.int64)]
    if isinstance(dataset, ConcatDataset):
        return np.concatenate([targets_of(part) for part in dataset.datasets])
    if isinstance(dataset, TransformDataset):
        return targets_of(dataset.dataset)
    if getattr(dataset, "targets", None) is None:
        raise TypeError(f"{type(dataset).__name__} has no `targets` (the class of each sample)")
    return np.asarray(dataset.targets, dtype=np.int64)


def stratified_split(dataset: Any, val_fraction: float, seed: int = 0) -> tuple[Subset, Subset]:
    """Splits a dataset in two with the same share of each class in both.

    Args:
        dataset: a dataset with ``targets``.
        val_fraction: share of each class in the second part, between 0 and 1; rounded to whole
            samples, at least one of each class in either part.
        seed: the same seed and targets give the same split.

    Returns:
        The training and the validation subset, each in the dataset's order.

    Raises:
        ValueError: if ``val_fraction`` is not between 0 and 1, or a class has fewer than 2 samples.
    """
    if not 0 < val_fraction < 1:
        raise ValueError(f"val_fraction must be between 0 and 1, got {val_fraction}")
    train, val = [], []
    for members in _shuffled_classes(dataset, seed):
        if len(members) < 2:
            raise ValueError("a stratified split needs at least 2 samples of each class, got 1")
        count = min(max(round(len(members) * val_fraction), 1), len(members) - 1)
        val.append(members[:count])
        train.append(members[count:])
    return (
        Subset(dataset, np.sort(np.concatenate(train))),
        Subset(dataset, np.sort(np.concatenate(val))),
    )


def balanced_subset(dataset: Any, n: int, seed: int = 0) -> Subset:
    """``n`` random samples, equally many of each class (give or take one).

    If a class has too few samples, the others contribute more. With the same seed, a smaller
    subset is part of a larger one.

    Args:
        dataset: a dataset with ``targets``.
        n: number of samples; if there are fewer, all are taken.
        seed: decides which samples are taken.

    Raises:
        ValueError: if ``n`` is not positive.
    """
    if n <= 0:
        raise ValueError(f"the number of samples must be positive, got {n}")
    # In rounds: the first of each class, the second of each class, ...
    ranked = [
        (rank, index) for c in _shuffled_classes(dataset, seed) for rank, index in enumerate(c)
    ]
    ranked.sort(key=lambda pair: pair[0])
    return Subset(dataset, np.sort([index for _, index in ranked[:n]]))


def _shuffled_classes(dataset: Any, seed: int) -> list[np.ndarray]:
    targets = targets_of(dataset)
    generator = np.random.default_rng(seed)
    return [generator.permutation(np.flatnonzero(targets == c)) for c in np.unique(targets)]
