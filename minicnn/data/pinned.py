"""Batches in page-locked memory, which a GPU reads by itself while the CPU works on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..devices import cuda_is_available, cupy, memory_order
from ..tensor import Tensor


def pinned(batch: Any) -> Any:
    """``batch`` with its tensors copied into page-locked memory; itself, with a warning, if no GPU.

    Goes through mappings, tuples and lists, and leaves all else as it is.
    """
    if not cuda_is_available():
        warnings.warn("pin_memory=True has no effect: no CUDA GPU was found", stacklevel=3)
        return batch
    return _pinned(batch)


def _pinned(batch: Any) -> Any:
    if isinstance(batch, Tensor) and isinstance(batch.array, np.ndarray):
        return Tensor(_pinned_array(batch.array))
    if isinstance(batch, Mapping):
        return {key: _pinned(value) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*map(_pinned, batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(map(_pinned, batch))
    return batch


def _pinned_array(array: np.ndarray) -> np.ndarray:
    axes = memory_order(array)
    memory = cupy().cuda.alloc_pinned_memory(array.nbytes)
    flat = np.frombuffer(memory, array.dtype, array.size)
    out = flat.reshape([array.shape[axis] for axis in axes])
    out[...] = array.transpose(axes)
    return out.transpose(np.argsort(axes))
