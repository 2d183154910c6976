"""Weighted sums of pixels along axes: interpolation, and padding with copies of the border."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ..autograd import Function
from ..devices import Device, device_of, memory_order, xp_of
from ..tensor import Tensor
from ..typing import Array
from .promotion import widened

# Output pixels (None: all of them, in order), the input pixel of each, and weights (None: 1).
Round = tuple[Array | None, Array, Array | None]


@dataclass(frozen=True, eq=False)
class Axis:
    """Which input pixels make up each output pixel along an axis: the entries of a sparse matrix.

    Entry e adds ``weights[e]`` times input pixel ``inputs[e]`` to output pixel ``outputs[e]``.
    Pixels without an entry are not read, so a NaN reaches only the outputs that have it.
    """

    input_size: int
    output_size: int
    outputs: np.ndarray
    inputs: np.ndarray
    weights: np.ndarray | None = None  # None: all 1

    @functools.cached_property
    def transposed(self) -> Axis:
        """The same entries from outputs to inputs, for the gradient."""
        return Axis(self.output_size, self.input_size, self.inputs, self.outputs, self.weights)

    @functools.cached_property
    def in_bytes(self) -> tuple[Axis, int]:
        """The axis with integer weights, and their number of binary places: at most 15 bits."""
        entries, same = np.unique(self.outputs * self.input_size + self.inputs, return_inverse=True)
        weights = np.bincount(same, self.weights)  # a pixel at the border may have several entries
        places = 0
        while places < 22 and int(0.5 + weights.max() * (1 << places + 1)) < 1 << 15:
            places += 1
        scaled = weights * (1 << places)
        rounded = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int32)
        outputs, inputs = np.divmod(entries, self.input_size)
        return Axis(self.input_size, self.output_size, outputs, inputs, rounded), places


class Resample(Function):
    """x (N, C, *sizes) -> (N, C, *output sizes): weighted sums along the last axes of x.

    Half precision is summed in float32 and rounded once. Bytes are rounded after each axis.
    """

    def forward(self, x: Array, *, axes: tuple[Axis, ...]) -> Array:
        self.axes = axes
        order = memory_order(x)
        values = widened(x).transpose(order)
        apply = _weighted_bytes if x.dtype == np.uint8 else _weighted_sums
        for dim in reversed(range(len(axes))):
            values = apply(values, axes[dim], order.index(x.ndim - len(axes) + dim))
        inverse = [order.index(dim) for dim in range(x.ndim)]
        return values.transpose(inverse).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return Resample.apply(grad, axes=tuple(axis.transposed for axis in self.axes))


def _weighted_sums(x: Array, axis: Axis, dim: int) -> Array:
    """x with the pixels along dimension ``dim`` replaced by their weighted sums."""
    xp, every = xp_of(x), slice(None)
    shape = (*x.shape[:dim], axis.output_size, *x.shape[dim + 1 :])
    sums = None
    for outputs, inputs, weights in _rounds(axis, device_of(x)):
        values = xp.take(x, inputs, dim)
        if weights is not None:
            values *= weights.reshape(-1, *(1,) * (x.ndim - dim - 1))
        if sums is None and outputs is None:
            sums = values
        else:
            sums = xp.zeros(shape, x.dtype) if sums is None else sums
            sums[(*(every,) * dim, every if outputs is None else outputs)] += values
    return xp.zeros(shape, x.dtype) if sums is None else sums


def _weighted_bytes(x: Array, axis: Axis, dim: int) -> Array:
    """:func:`_weighted_sums` of uint8, in the integers that torch and Pillow compute with."""
    if axis.weights is None:
        return _weighted_sums(x, axis, dim)
    rounded, places = axis.in_bytes
    sums = _weighted_sums(x.astype(np.int32), rounded, dim) + (1 << places >> 1)
    return xp_of(x).clip(sums >> places, 0, 255).astype(np.uint8)


@functools.lru_cache(maxsize=256)  # on a GPU every new one is a transfer
def _rounds(axis: Axis, device: Device) -> list[Round]:
    """The entries of an axis in rounds, each with an output pixel at most once.

    So a round is one gather and one sum, without atomics, and sums have a fixed order.
    """
    by_output = np.argsort(axis.outputs, kind="stable")
    outputs, inputs = axis.outputs[by_output], axis.inputs[by_output]
    number = np.arange(len(outputs)) - np.searchsorted(outputs, outputs)
    asarray, rounds = device.xp.asarray, []
    for n in range(number.max(initial=-1) + 1):
        chosen = number == n
        every = chosen.sum() == axis.output_size
        weights = None if axis.weights is None else axis.weights[by_output][chosen]
        rounds.append((
            None if every else asarray(outputs[chosen]),
            asarray(inputs[chosen]),
            None if weights is None else asarray(weights),
        ))  # fmt: skip
    return rounds


def spans(begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each i, all of begin[i] ... end[i] - 1: the numbers i, and beside them the pixels."""
    longest = int((end - begin).max(initial=0))
    outputs, offsets = np.nonzero(np.arange(longest) < (end - begin)[:, None])
    return outputs, begin[outputs] + offsets
