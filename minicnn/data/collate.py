"""Joins a list of samples into a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any, TypeVar

import numpy as np

from .. import memory
from ..devices import memory_order, xp_of
from ..dtypes import bool_, float32, float64, int64
from ..ops import promotion, shape
from ..tensor import Tensor
from ..typing import Array

Items = TypeVar("Items", list[Any], dict[Any, Any])
Collated = Tensor | Sequence[Any] | Mapping[Any, Any]
Functions = dict[type | tuple[type, ...], Callable[..., Any]]

default_collate_fn_map: Functions = {}  # a program's own functions for types of samples


def default_collate(batch: list[Any]) -> Collated:
    """Joins samples into one batch, as ``torch.utils.data.default_collate``.

    Tensors, arrays and numbers are stacked along a new first dimension, in the dtype that holds all
    of them: the one that torch computes in, so integers and floats together become floats. Python
    integers count as int64 and floats as float64, or float32 if the first number is an integer.
    Strings stay as they are, a list, or a tuple where they come from sequences. Mappings, named
    tuples and sequences are joined item by item and keep their type; tuples become lists, as in torch.

    Args:
        batch: samples of one kind.

    Returns:
        A tensor, or a list, named tuple or mapping of batches.

    Raises:
        IndexError: for an empty batch.
        KeyError: if a mapping lacks a key of the first one.
        RuntimeError: if samples differ in shape or length; the message names the shapes.
        TypeError: for things that cannot be stacked, such as None or PIL images, and for samples of
            different kinds.
        ValueError: for a Python integer that int64 cannot hold.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: Functions | None = None) -> Collated:
    """:func:`default_collate` with a program's own functions for some types of samples.

    Args:
        batch: samples of one kind.
        collate_fn_map: the functions by type, called as ``function(batch, collate_fn_map=…)``. As in
            torch, but what it lacks is joined as by :func:`default_collate`.
    """
    if not batch:
        raise IndexError("default_collate expects at least one sample, got an empty batch")
    first = batch[0]
    for kind, function in (collate_fn_map or {}).items():
        if isinstance(first, kind):
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, (Tensor, np.ndarray)) and _dtype_of(first) is not None:
        return _collate_tensors(batch)
    if _dtype_of(first) is not None:
        return _collate_numbers(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _collate_mappings(batch, collate_fn_map)
    if isinstance(first, Sequence):
        return _collate_sequences(batch, collate_fn_map)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
        + (f"an array of {first.dtype}" if isinstance(first, np.ndarray) else str(type(first)))
        + (" (is a ToTensor() missing?)" if hasattr(first, "getbands") else "")
    )


def default_convert(data: object) -> object:
    """One sample with tensors in place of its arrays, as ``torch.utils.data.default_convert``.

    Mappings and sequences are searched, and tuples become lists. Everything else stays as it is.
    Arrays and tensors share memory.
    """
    if isinstance(data, (np.ndarray, np.generic)):
        return data if _dtype_of(data) is None else Tensor.of(np.asarray(data))
    if isinstance(data, Mapping):
        return like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        items = [default_convert(item) for item in data]
        return items if _is_plain_tuple(data) else like(data, items)
    return data


def stack(arrays: list[Array]) -> Array:
    """Stacks arrays of one shape along a new first axis, keeping their order in memory.

    ``PILToTensor`` leaves an image's memory in the order H, W, C. Such images are each copied as one
    block and become a channels-last batch, the layout that convolutions prefer.

    Raises:
        RuntimeError: if the shapes differ.
    """
    first = arrays[0]
    dtypes = {first.dtype}
    for number, array in enumerate(arrays):
        if array.dtype != first.dtype:
            dtypes.add(array.dtype)
        if array.shape != first.shape:
            raise RuntimeError(
                "samples of a batch must have equal shapes, got "
                f"{first.shape} for the first and {array.shape} for number {number}; "
                "images of different sizes need a Resize and a crop to one size, and targets that "
                "differ in length, such as boxes, a collate_fn"
            )
    axes = memory_order(first)
    empty = memory.empty if isinstance(first, np.ndarray) else xp_of(first).empty
    out = empty((len(arrays), *(first.shape[a] for a in axes)), _common_dtype(dtypes))
    for number, array in enumerate(arrays):
        out[number] = array.transpose(axes)
    return out.transpose(0, *(1 + a for a in np.argsort(axes)))


def like(container: Any, items: Items) -> Items:
    """``items``, a dict or a list, in a container of the same type as ``container``.

    A container that can be changed is copied and filled, as it may have attributes of its own. Some
    types can be neither copied nor built: in place of these, ``items`` is returned.
    """
    if hasattr(container, "_fields"):  # a named tuple
        return type(container)(*items)
    try:
        if isinstance(container, MutableMapping):
            filled: Any = copy.copy(container)
            filled.update(items)
            return filled
        if isinstance(container, MutableSequence):
            filled = copy.copy(container)
            for i, item in enumerate(items):
                filled[i] = item
            return filled
        return type(container)(items)
    except (TypeError, ValueError, RuntimeError):  # such as a bytearray, which holds no tensor
        return items


def _collate_tensors(batch: Sequence[Any]) -> Tensor:
    _check_kind(batch, (Tensor, np.ndarray, np.generic))
    tensors = [s if isinstance(s, Tensor) else Tensor.of(np.asarray(s)) for s in batch]
    if any(tensor.requires_grad for tensor in tensors):
        return shape.stack(tensors)
    return Tensor.of(stack([tensor.array for tensor in tensors]))


def _collate_numbers(batch: Sequence[Any]) -> Tensor:
    one_of_each_type = {type(number): number for number in batch}.values()
    dtypes = {_dtype_of(number) for number in one_of_each_type}
    if None in dtypes:
        _check_kind(batch, (bool, int, float, np.generic))
    if type(batch[0]) is float:
        dtypes = {float64}
    try:
        return Tensor.of(np.array(batch, dtype=_common_dtype(dtypes)))
    except OverflowError:
        raise ValueError(
            f"default_collate expects integers from -2**63 to 2**63 - 1, got {batch}"
        ) from None


def _collate_mappings(batch: Sequence[Any], functions: Functions | None) -> dict[Any, Any]:
    _check_kind(batch, Mapping)
    first = batch[0]
    for number, sample in enumerate(batch):
        for key in first:
            if key not in sample:
                raise KeyError(
                    f"samples of a batch must have equal keys; number {number} lacks {key!r}"
                )
    columns = {key: [sample[key] for sample in batch] for key in first}
    return like(
        first, {k: collate(column, collate_fn_map=functions) for k, column in columns.items()}
    )


def _collate_sequences(batch: Sequence[Any], functions: Functions | None) -> list[Any]:
    _check_kind(batch, Sequence)
    first = batch[0]
    lengths = sorted({len(sample) for sample in batch})
    if len(lengths) > 1:
        raise RuntimeError(f"samples of a batch must have equal lengths, got lengths {lengths}")
    columns = [collate(c, collate_fn_map=functions) for c in zip(*batch, strict=True)]
    return columns if _is_plain_tuple(first) else like(first, columns)


def _is_plain_tuple(sample: Any) -> bool:
    return isinstance(sample, tuple) and not hasattr(sample, "_fields")


def _dtype_of(sample: Any) -> np.dtype | None:
    """The dtype of a tensor, an array or a number; None if a tensor cannot hold it."""
    if isinstance(sample, Tensor):
        return sample.array.dtype
    if isinstance(sample, (np.ndarray, np.generic)):  # before float, as np.float64 is also a float
        return sample.dtype if sample.dtype.kind in "biuf" else None
    if isinstance(sample, bool):
        return bool_
    if isinstance(sample, int):
        return int64
    return float32 if isinstance(sample, float) else None


def _common_dtype(dtypes: set[Any]) -> np.dtype:
    if len(dtypes) == 1:
        (dtype,) = dtypes
        return dtype if dtype.isnative else dtype.newbyteorder("=")
    return promotion.result_dtype([Tensor.of(np.empty(0, dtype)) for dtype in dtypes], [])


def _check_kind(batch: Sequence[Any], kind: Any) -> None:
    if len({type(sample) for sample in batch}) == 1:
        return
    for number, sample in enumerate(batch):
        if not isinstance(sample, kind):
            raise TypeError(
                f"samples of a batch must be of one kind, got {_type_name(batch[0])} for the first "
                f"and {_type_name(sample)} for number {number}"
            )


def _type_name(sample: object) -> str:
    return f"{type(sample).__module__}.{type(sample).__name__}".removeprefix("builtins.")
