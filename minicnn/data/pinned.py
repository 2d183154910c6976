"""Batches in page-locked memory: a GPU copies from it while the CPU goes on working."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..devices import cuda_is_available, pinned_copy
from ..tensor import Tensor
from ..warn import warn
from .collate import like


def pinned(batch: object) -> object:
    """``batch`` with its tensors copied into page-locked memory.

    Mappings and sequences are searched for tensors; everything else stays as it is. Without a
    GPU it warns and returns ``batch`` itself.
    """
    if not cuda_is_available():
        warn("pin_memory=True has no effect: no CUDA GPU was found")
        return batch
    return _pinned(batch)


def _pinned(batch: Any) -> Any:
    if isinstance(batch, Tensor) and isinstance(batch.array, np.ndarray):
        return Tensor.of(pinned_copy(batch.array))
    if isinstance(batch, Mapping):
        return like(batch, {key: _pinned(value) for key, value in batch.items()})
    if isinstance(batch, Sequence) and not isinstance(batch, (str, bytes)):
        return like(batch, [_pinned(item) for item in batch])
    return batch
