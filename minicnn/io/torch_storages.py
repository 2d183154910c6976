"""Finds the storages of tensors: flat pieces of memory, which several tensors may share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..devices import CPU, Device, device_of, xp_of
from ..tensor import Tensor
from ..typing import Array

__all__ = ["Place", "storages_of"]


class Place(NamedTuple):
    """Where a tensor is: storage number ``key`` of ``length`` elements, from element ``offset`` on.

    ``stride`` counts elements, as in torch.
    """

    key: int
    length: int
    offset: int
    stride: tuple[int, ...]
    device: Device


class _Span(NamedTuple):
    """The memory of a tensor, in bytes; ``kind`` is what tensors on a storage have in common."""

    kind: tuple[str, ...]
    start: int
    stop: int
    number: int
    array: Array


def storages_of(tensors: Iterable[Tensor]) -> tuple[list[Array], dict[int, Place]]:
    """The storages of tensors, and the place of each tensor by its ``id``.

    Tensors whose memory overlaps are on one storage. A storage reaches from the first element of
    its tensors to the last one, even if the memory that they are views of is larger.
    """
    spans = [_span(number, tensor) for number, tensor in enumerate(tensors)]
    ids = [id(tensor) for tensor in tensors]
    groups: list[list[_Span]] = []
    stop = 0
    for span in sorted(spans, key=lambda span: span[:4]):
        if groups and span.kind == groups[-1][0].kind and span.start < stop:
            groups[-1].append(span)
            stop = max(stop, span.stop)
        else:
            groups.append([span])
            stop = span.stop
    groups.sort(key=lambda group: min(span.number for span in group))

    storages, places = [], {}
    for key, group in enumerate(groups):
        first = group[0]
        itemsize = first.array.itemsize
        count = (max(span.stop for span in group) - first.start) // itemsize
        storages.append(_flat(first.array, count))
        for span in group:
            places[ids[span.number]] = Place(
                key,
                count,
                (span.start - first.start) // itemsize,
                tuple(step // itemsize for step in span.array.strides),
                device_of(span.array),
            )
    return storages, places


def _span(number: int, tensor: Tensor) -> _Span:
    array = tensor.array
    steps_fit = all(step >= 0 and step % array.itemsize == 0 for step in array.strides)
    if not (steps_fit and array.dtype.isnative):  # torch knows no other strides
        array = array.astype(array.dtype.newbyteorder("="), order="C")
    on_cpu = device_of(array) == CPU
    start = array.ctypes.data if on_cpu else array.data.ptr  # type: ignore[attr-defined]
    extent = sum((n - 1) * step for n, step in zip(array.shape, array.strides, strict=True))
    length = extent + array.itemsize if array.size else 0
    kind = str(device_of(array)), array.dtype.name, str(start % array.itemsize)
    return _Span(kind, start, start + length, number, array)


def _flat(array: Array, count: int) -> Array:
    """The ``count`` elements of memory from the first one of ``array`` on."""
    if count == 0:
        return xp_of(array).empty(0, array.dtype)
    first = array[(slice(1),) * array.ndim].reshape(-1)
    return xp_of(array).lib.stride_tricks.as_strided(first, (count,), (array.itemsize,))
