"""Joins a list of samples into a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..devices import memory_order, xp_of
from ..tensor import Tensor
from ..typing import Array


def default_collate(batch: list[Any]) -> Tensor | list[Any] | tuple[Any, ...] | dict[Any, Any]:
    """Joins samples into one batch, as ``torch.utils.data.default_collate``.

    Tensors, arrays and NumPy numbers are stacked along a new first dimension. Python integers
    become an int64 tensor, floats a float32 one (float64 in torch; here float32 is the type of
    everything else). Strings stay a list. Mappings, named tuples, tuples and lists are joined item
    by item; tuples become lists, as in torch.

    Args:
        batch: samples of one kind.

    Returns:
        A tensor, or a list, named tuple or dict of batches.

    Raises:
        RuntimeError: if samples differ in shape or length; the message names the shapes.
        TypeError: for things that cannot be stacked, such as PIL images.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return Tensor(stack([sample.array for sample in batch]))
    if isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind in "biuf":
        return Tensor(stack([np.asarray(sample) for sample in batch]))
    if isinstance(first, (bool, int, float)):
        return Tensor(np.array(batch, dtype=_dtype_of(first)))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, Sequence):
        return _collate_sequences(batch)
    raise TypeError(
        "default_collate expects tensors, arrays, numbers, strings, mappings or sequences, got "
        f"{type(first).__module__}.{type(first).__name__}"
        + (" (is a ToTensor() missing?)" if hasattr(first, "getbands") else "")
    )


def stack(arrays: list[Array]) -> Array:
    """Stacks arrays of one shape along a new first axis, keeping their order in memory.

    ``ToTensor`` leaves an image's memory in the order H, W, C. Such images are each copied as one
    block and become a channels-last batch, the layout that convolutions prefer.

    Raises:
        RuntimeError: if the shapes differ.
    """
    first = arrays[0]
    for number, array in enumerate(arrays):
        if array.shape != first.shape:
            raise RuntimeError(
                "samples of a batch must have equal shapes, got "
                f"{first.shape} for the first and {array.shape} for number {number}; "
                "images of different sizes need a Resize and a crop to one size"
            )
    axes = memory_order(first)
    out = xp_of(first).empty((len(arrays), *(first.shape[a] for a in axes)), first.dtype)
    for number, array in enumerate(arrays):
        out[number] = array.transpose(axes)
    return out.transpose(0, *(1 + a for a in np.argsort(axes)))


def _dtype_of(number: float) -> type:
    if isinstance(number, bool):
        return np.bool_
    return np.int64 if isinstance(number, int) else np.float32


def _collate_sequences(batch: list[Any]) -> list[Any] | tuple[Any, ...]:
    first = batch[0]
    lengths = sorted({len(sample) for sample in batch})
    if len(lengths) > 1:
        raise RuntimeError(f"samples of a batch must have equal lengths, got lengths {lengths}")
    columns = [default_collate(list(column)) for column in zip(*batch, strict=True)]
    if hasattr(first, "_fields"):  # a named tuple
        return type(first)(*columns)
    return columns
