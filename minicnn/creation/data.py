"""Tensors of numbers, nested lists and arrays: tensor, as_tensor, from_numpy, from_dlpack."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

from ..devices import CPU, Device
from ..dtypes import all_ignored, default_float, float64, int64, number_in, numpy_errors
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike
from ..warn import warn
from .arguments import placed


def tensor(
    data: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with a copy of ``data``.

    Args:
        data: a number, nested lists of numbers, an array or a tensor.
        dtype: by default an array's own, the default dtype for Python floats, int64 for integers.
        device: the default device if left out, but an array on a GPU stays there.
        requires_grad: whether ``backward`` should store its gradient.
        pin_memory: accepted for torch's scripts, but has no effect.

    As ``torch.tensor``.
    """
    if isinstance(data, Tensor):
        warn("to copy a tensor, use x.detach().clone() rather than tensor(x)")
        data = data.array
    if hasattr(data, "__cuda_array_interface__"):
        array = data.astype(dtype or data.dtype, order="K")
    else:
        array = _array(data, None if dtype is None else np.dtype(dtype))
    if array.dtype.kind not in "biufV":
        raise TypeError(f"tensor expects numbers, got {data!r}")
    return Tensor.of(placed(array, device), requires_grad)


def _array(data: Any, dtype: np.dtype | None) -> Array:
    """A NumPy array of numbers, nested lists or an array.

    Python's floats get the default dtype. NumPy's own numbers keep their dtype, also within lists.
    """
    first = _first(data)
    if isinstance(first, Tensor):
        data = _numbers(data)
        first = _first(data)
    if first is None or isinstance(first, (str, bytes)):
        raise TypeError(f"tensor expects numbers, got {data!r}")
    before = numpy_errors.set(all_ignored)  # what is too large becomes inf
    try:
        array = _converted(data, dtype)
        if array.dtype == np.uint64 and isinstance(first, int):
            number_in(int64, int(array.max()))
        keeps = dtype is not None or isinstance(first, (np.float64, np.ndarray))
        return array.astype(default_float()) if array.dtype == float64 and not keeps else array
    finally:
        numpy_errors.reset(before)


def _converted(data: Any, dtype: np.dtype | None) -> Array:
    """``data`` as NumPy converts it, and -1 as 255 in uint8, which NumPy refuses."""
    try:
        return np.array(data, dtype=dtype, order="K")
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        got = reprlib.repr(data)
        raise ValueError(f"tensor expects nested lists of equal lengths, got {got}") from None
    except OverflowError:
        array = np.array(data)
        if dtype is not None:
            for limit in (array.min(), array.max()):
                number_in(dtype, limit)
        return array.astype(dtype)


def _first(data: Any) -> Any:
    """The first number of nested lists."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def _numbers(data: Any) -> Any:
    """Nested lists with the numbers of the tensors in them, which keep their dtypes."""
    if isinstance(data, (list, tuple)):
        return [_numbers(item) for item in data]
    if not isinstance(data, Tensor):
        return data
    if data.array.size != 1:
        raise ValueError(
            f"tensor expects tensors of one element in lists, got shape {tuple(data.shape)}"
        )
    return data.numpy_copy().reshape(())[()]


def as_tensor(
    data: Any, dtype: DTypeLike | None = None, device: DeviceLike | None = None
) -> Tensor:
    """A tensor of ``data`` that shares its memory where possible."""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    if isinstance(data, np.ndarray) or hasattr(data, "__cuda_array_interface__"):
        return Tensor.of(placed(data, device)).to(dtype=dtype)
    return tensor(data, dtype, device)


def from_numpy(array: Array) -> Tensor:
    """A tensor on the memory of a NumPy array, always on the CPU."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy expects a numpy.ndarray, got {type(array).__name__}")
    if array.dtype.kind not in "biufV":
        raise TypeError(f"from_numpy expects numbers, got an array of {array.dtype}")
    return Tensor.of(array)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor on the memory of any object with ``__dlpack__``, such as a PyTorch tensor."""
    kind, index = ext_tensor.__dlpack_device__()
    return Tensor.of((CPU if kind == 1 else Device("cuda", index)).xp.from_dlpack(ext_tensor))
