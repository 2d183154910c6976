"""Several tensors as one array, because one long message is faster than many short ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..devices import current_device_of, device_of, memory_order, to_device, xp_of
from ..memory import empty
from ..tensor import Tensor
from ..typing import Array
from .process_group import ProcessGroup

__all__ = ["BUCKET_BYTES", "Joined", "broadcast_tensors", "in_groups"]

BUCKET_BYTES = 25 * 2**20  # of tensors that travel together


class Joined:
    """The numbers of some tensors of one dtype and device, one after the other.

    Args:
        tensors: whose shapes and memory layouts count; others of the same shapes are read and
            written.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        arrays = [tensor.array for tensor in tensors]
        self.dtype, self.device = arrays[0].dtype, device_of(arrays[0])
        self._orders = [memory_order(array) for array in arrays]
        self._shapes = [
            tuple(array.shape[axis] for axis in order) for array, order in zip(arrays, self._orders)
        ]
        self.size = sum(map(math.prod, self._shapes))

    def read(self, tensors: Sequence[Tensor | None]) -> Array:
        """The numbers of the tensors, zeros for None.

        It is the memory of a single tensor that lies there as this one does.
        """
        if len(tensors) == 1 and tensors[0] is not None:
            whole = tensors[0].array.transpose(self._orders[0])
            if whole.flags.c_contiguous:
                return whole.reshape(-1)
        with current_device_of(tensor.array for tensor in tensors if tensor is not None):
            joined = self._empty()
            for part, order, tensor in zip(self._parts(joined), self._orders, tensors):
                part[...] = 0 if tensor is None else tensor.array.transpose(order)
        return joined

    def write(self, joined: Array, tensors: Sequence[Tensor | None]) -> None:
        """Writes the numbers to the tensors, those for None nowhere."""
        joined = to_device(joined, self.device)
        with current_device_of((joined,)):
            for part, order, tensor in zip(self._parts(joined), self._orders, tensors):
                if tensor is None:
                    continue
                whole = tensor.array.transpose(order)
                if not xp_of(joined).may_share_memory(part, whole):
                    whole[...] = part
                tensor.bump_version()

    def _empty(self) -> Array:
        if self.device == "cpu":
            return empty((self.size,), self.dtype)
        return self.device.xp.empty(self.size, self.dtype)

    def _parts(self, joined: Array) -> Iterator[Array]:
        begin = 0
        for shape in self._shapes:
            end = begin + math.prod(shape)
            yield joined[begin:end].reshape(shape)
            begin = end


def in_groups(tensors: Sequence[Tensor], most_bytes: float) -> list[list[int]]:
    """The numbers of neighbouring tensors of one dtype and device, up to ``most_bytes`` together."""
    groups: list[list[int]] = []
    kind, filled = None, 0
    for number, tensor in enumerate(tensors):
        array = tensor.array
        if (
            not groups
            or kind != (array.dtype, device_of(array))
            or filled + array.nbytes > most_bytes
        ):
            groups.append([])
            kind, filled = (array.dtype, device_of(array)), 0
        groups[-1].append(number)
        filled += array.nbytes
    return groups


def broadcast_tensors(tensors: Sequence[Tensor], group: ProcessGroup) -> None:
    """Replaces the numbers of tensors by those of the group's first rank."""
    tensors = sorted(tensors, key=lambda tensor: (tensor.array.dtype.name, str(tensor.device)))
    travelling = []
    for numbers in in_groups(tensors, BUCKET_BYTES):
        some = [tensors[n] for n in numbers]
        joined = Joined(some)
        array = joined.read(some)
        array = to_device(array, group.backend.device_for(array))
        travelling.append((joined, some, array, group.backend.broadcast(array, source=0)))
    for joined, some, array, work in travelling:
        work.wait()
        joined.write(array, some)
