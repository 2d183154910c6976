"""The memory layouts that kernels expect: channels last, or flat."""

from __future__ import annotations

import weakref

import cupy

from ....devices import memory_order


def vector_width(length: int, x: cupy.ndarray, *others: cupy.ndarray | None) -> int:
    """How many elements of ``x`` a thread reads at a time: 16 bytes' worth if possible, else 1.

    Args:
        length: of the axis along which the vectors lie; vectors have to divide it.
        x, others: the arrays that are read in vectors. They have to start at a multiple of 16
            bytes, which all new arrays do, but not all views.
    """
    itemsize = x.dtype.itemsize
    width = 16 // itemsize
    aligned = all(array is None or array.data.ptr % 16 == 0 for array in (x, *others))
    return width if itemsize <= 4 and length % width == 0 and aligned else 1


def channels_last(x: cupy.ndarray) -> cupy.ndarray:
    """(N, C, ...) -> contiguous (N, ..., C): a view if ``x`` is channels-last, else a copy."""
    return cupy.ascontiguousarray(x.transpose(0, *range(2, x.ndim), 1))


def channels_first(x: cupy.ndarray) -> cupy.ndarray:
    """(N, ..., C) -> (N, C, ...), a view: undoes :func:`channels_last`."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


# by address and number of channels
_zero_padded: weakref.WeakValueDictionary[tuple[int, int], cupy.ndarray]
_zero_padded = weakref.WeakValueDictionary()


def first_channels(padded: cupy.ndarray, channels: int) -> cupy.ndarray:
    """(N, H, W, C) with zeros from ``channels`` on -> (N, channels, H, W), a view.

    :func:`zero_padded` finds the whole pixels again, for kernels that read several channels at a time.
    """
    _zero_padded[padded.data.ptr, channels] = padded  # as long as it lives
    return channels_first(padded[..., :channels])


def zero_padded(x: cupy.ndarray) -> cupy.ndarray | None:
    """What :func:`first_channels` has made ``x`` (N, H, W, C) of; None for other arrays."""
    padded = _zero_padded.get((x.data.ptr, x.shape[-1]))
    if padded is None or x.dtype != padded.dtype:
        return None
    same = x.shape[:-1] == padded.shape[:-1] and x.strides == padded.strides
    return padded if same else None


def flatten(*arrays: cupy.ndarray) -> list[cupy.ndarray]:
    """``arrays`` (of equal shape) as 1-D arrays, all in the memory order of the first.

    They are views where the memory is contiguous in that order, else copies.
    """
    order = memory_order(arrays[0])
    return [cupy.ascontiguousarray(array.transpose(order)).reshape(-1) for array in arrays]


def unflatten(flat: cupy.ndarray, reference: cupy.ndarray) -> cupy.ndarray:
    """The inverse of :func:`flatten`: a view of ``flat`` with shape and order of ``reference``."""
    order = memory_order(reference)
    shape = [reference.shape[axis] for axis in order]
    return flat.reshape(shape).transpose([order.index(axis) for axis in range(reference.ndim)])


def written(flat: cupy.ndarray, out: cupy.ndarray, reference: cupy.ndarray) -> cupy.ndarray:
    """``out``, which holds the numbers of ``flat``: they are copied there if ``flat`` is a copy."""
    if not cupy.may_share_memory(flat, out):
        out[...] = unflatten(flat, reference)
    return out


def dense_operands(x: cupy.ndarray, y: cupy.ndarray) -> tuple[cupy.ndarray, cupy.ndarray]:
    """The operands of a product in C order, as views where they are already; of one dtype."""
    if x.dtype != y.dtype:
        raise TypeError(f"a product takes operands of one dtype, got {x.dtype} and {y.dtype}")
    return cupy.ascontiguousarray(x), cupy.ascontiguousarray(y)
