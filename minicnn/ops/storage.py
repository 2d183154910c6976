"""Where a tensor lies in memory: strides, addresses, pinned memory."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from ..devices import cuda_is_available, is_pinned, pinned_copy
from ..dtype import DType
from ..tensor import Tensor
from ..typing import Array


class Storage:
    """The memory that a tensor and its views share, as a row of bytes or elements.

    As ``torch.UntypedStorage``, or ``torch.TypedStorage`` if a dtype is given.
    """

    def __init__(self, array: Array, device: Any, dtype: DType | None = None) -> None:
        self._address, self._nbytes = _memory(array)
        unit = np.dtype(np.uint8) if dtype is None else array.dtype
        self._items = _owner(array).ravel(order="K").view(unit)
        self.device = device
        self.dtype = dtype

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._address

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._nbytes

    def size(self) -> int:
        """The number of bytes, or of elements."""
        return self._items.size

    __len__ = size

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self._nbytes

    def __getitem__(self, index: int) -> Any:
        return self._items[index].item()

    def __setitem__(self, index: int, value: float) -> None:
        self._items[index] = value

    def tolist(self) -> list[Any]:
        """The bytes or elements."""
        return self._items.tolist()

    def fill_(self, value: float) -> Storage:
        """Sets every byte or element."""
        self._items[...] = value
        return self

    def __repr__(self) -> str:
        name, dtype = "UntypedStorage", ""
        if self.dtype is not None:
            name, dtype = "TypedStorage", f"dtype={self.dtype}, "
        numbers = "\n".join(f" {x}" for x in self.tolist())
        return f"{numbers}\n[torch.storage.{name}({dtype}device={self.device}) of size {len(self)}]"


def stride(input: Tensor, dim: builtins.int | None = None) -> tuple[int, ...] | builtins.int:
    """How many elements lie between one index and the next: of each dimension, or of one.

    As ``torch.Tensor.stride``.
    """
    array = input.array
    strides = tuple(step // array.itemsize for step in array.strides)
    if 0 in array.shape or 1 in array.shape:
        strides = _defined(array.shape, strides)
    return strides if dim is None else strides[dim]


def _defined(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of an array without elements, which NumPy gives as it likes, in C order."""
    if 0 not in shape:
        return strides
    below = 1
    out: list[int] = []
    for n in reversed(shape):
        out.insert(0, below)
        below *= max(n, 1)
    return tuple(out)


def _address(array: Array) -> int:
    if isinstance(array, np.ndarray):
        return array.__array_interface__["data"][0]
    return array.data.ptr  # type: ignore[attr-defined]


def _memory(array: Array) -> tuple[int, int]:
    """The address and the bytes of the whole memory that an array lies in."""
    if not isinstance(array, np.ndarray):
        return array.data.mem.ptr, array.data.mem.size
    owner = _owner(array)
    return _address(owner), owner.nbytes


def _owner(array: Array) -> Array:
    """The array that a view is made of, at the end of the chain."""
    while isinstance(array.base, type(array)):
        array = array.base
    return array


class StorageMethods:
    """The methods of ``Tensor`` about its memory."""

    stride = stride

    def storage_offset(self: Any) -> int:
        """The number of elements before the first one, in the memory that it shares with others."""
        return (_address(self.array) - _memory(self.array)[0]) // self.array.itemsize

    def data_ptr(self: Any) -> int:
        """The address of the first element."""
        return _address(self.array) if self.array.size else 0

    def untyped_storage(self: Any) -> Storage:
        """The memory that it shares with its views, in bytes."""
        return Storage(self.array, self.device)

    def storage(self: Any) -> Storage:
        """The memory that it shares with its views, in elements."""
        return Storage(self.array, self.device, self.dtype)

    @property
    def itemsize(self: Any) -> int:
        """The bytes of one element."""
        return self.array.itemsize

    @property
    def nbytes(self: Any) -> int:
        """The bytes of all elements."""
        return self.array.nbytes

    def is_pinned(self: Any, device: Any = None) -> bool:
        """Whether it lies in page-locked memory."""
        return is_pinned(self.array)

    def pin_memory(self: Any, device: Any = None) -> Tensor:
        """A copy in page-locked memory, from which a GPU copies while the CPU goes on working.

        Raises:
            RuntimeError: without a GPU.
        """
        if not cuda_is_available():
            raise RuntimeError("pin_memory needs an NVIDIA GPU, and none was found")
        return self if is_pinned(self.array) else Tensor.of(pinned_copy(self.array))

    def share_memory_(self: Any) -> Tensor:
        """Returns this tensor: workers get copies, and share no memory with this process."""
        return self  # type: ignore[no-any-return]

    def is_shared(self: Any) -> bool:
        """Whether it lies in memory that other processes share; False on the CPU."""
        return self.device.type == "cuda"
