"""Sums of many numbers, accurate in float32 however long they are."""

from __future__ import annotations

import math

import numpy as np

from ..devices import memory_order
from ..dtypes import float32
from ..typing import Array

_BLOCK = 256  # numbers that are added one by one
_LONG = 1024  # NumPy may add as many itself


def summed(x: Array, dims: tuple[int, ...], dtype: np.dtype, keepdims: bool) -> Array:
    """The sum over ``dims``, computed in ``dtype``.

    NumPy adds numbers that lie side by side in pairs, but others one by one: the sum of a million
    rows is then wrong by 1 % in float32. Here blocks are added, and then their sums.
    """
    if not isinstance(x, np.ndarray):
        return x.sum(dims, dtype=dtype, keepdims=keepdims)
    if x.size <= _LONG or dtype != float32 or _one_by_one(x, dims) <= _LONG:
        # as x.sum, without its layer of Python
        return np.add.reduce(x, dims, dtype, None, keepdims)  # type: ignore[call-overload]
    for d in dims:
        x = _along(x, d, dtype)
    return x if keepdims else x.reshape([n for d, n in enumerate(x.shape) if d not in dims])


def _one_by_one(x: Array, dims: tuple[int, ...]) -> int:
    """How many numbers NumPy adds one by one: groups of those that lie side by side."""
    together = 1
    for axis in reversed(memory_order(x)):
        if x.shape[axis] == 1:
            continue
        if axis not in dims or x.strides[axis] != together * x.itemsize:
            break
        together *= x.shape[axis]
    return math.prod(x.shape[d] for d in dims) // together


def _along(x: Array, d: int, dtype: np.dtype) -> Array:
    """The sum along one dimension, which stays with length 1."""
    before = (slice(None),) * d
    while x.shape[d] > _BLOCK:
        blocks = x.shape[d] // _BLOCK
        whole, rest = (slice(blocks * _BLOCK), slice(blocks * _BLOCK, None))
        by_block = x[(*before, whole)].reshape(*x.shape[:d], blocks, _BLOCK, *x.shape[d + 1 :])
        parts = [by_block.sum(d + 1, dtype=dtype), x[(*before, rest)].sum(d, dtype, keepdims=True)]
        x = np.concatenate(parts, d)
    return x.sum(d, dtype, keepdims=True)
