"""Creates tensors: from numbers and arrays, filled with a value, and random."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from .devices import CPU, Device, get_default_device, to_device, xp_of
from .dtypes import bool_, float32, float64, int64
from .random import Generator, default_generator
from .tensor import Tensor
from .typing import Array, DeviceLike, DTypeLike


def _device(device: DeviceLike | None) -> Device:
    return get_default_device() if device is None else Device(device)


def _placed(array: Array, device: DeviceLike | None) -> Array:
    """An array on ``device``, by default the default device; arrays on a GPU then stay there."""
    if device is None and not isinstance(array, np.ndarray):
        return array
    return to_device(array, _device(device))


def tensor(
    data: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor with a copy of ``data``.

    Args:
        data: a number, nested lists of numbers, an array or a tensor.
        dtype: by default an array's own, float32 for Python floats and int64 for integers.
        device: the default device if left out, but an array on a GPU stays there.
        requires_grad: whether ``backward`` should store its gradient.

    As ``torch.tensor``.
    """
    if isinstance(data, Tensor):
        data = data.array
    if hasattr(data, "__cuda_array_interface__"):
        array = data.astype(dtype or data.dtype, order="K")
    else:
        array = np.array(data, dtype=dtype, order="K")
        plain = not isinstance(data, (np.ndarray, np.generic))
        if dtype is None and plain and array.dtype == float64:
            array = array.astype(float32)
    if array.dtype.kind not in "biufV":
        raise TypeError(f"tensor expects numbers, got {data!r}")
    return Tensor(_placed(array, device), requires_grad)


def as_tensor(
    data: Any, dtype: DTypeLike | None = None, device: DeviceLike | None = None
) -> Tensor:
    """A tensor of ``data`` that shares its memory where possible."""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    if isinstance(data, np.ndarray) or hasattr(data, "__cuda_array_interface__"):
        return Tensor(_placed(data, device)).to(dtype=dtype)
    return tensor(data, dtype, device)


def from_numpy(array: Array) -> Tensor:
    """A tensor on the memory of a NumPy array, always on the CPU."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy expects a numpy.ndarray, got {type(array).__name__}")
    return Tensor(array)


def from_dlpack(source: Any) -> Tensor:
    """A tensor on the memory of any object with ``__dlpack__``, such as a PyTorch tensor."""
    kind, index = source.__dlpack_device__()
    return Tensor((CPU if kind == 1 else Device("cuda", index)).xp.from_dlpack(source))


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size


def full(
    size: Any,
    value: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of shape ``size`` with every element ``value``."""
    if dtype is None:
        dtype = bool_ if isinstance(value, bool) else int64 if isinstance(value, int) else float32
    return Tensor(_device(device).xp.full(size, value, dtype), requires_grad)


def zeros(
    *size: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``."""
    return Tensor(_device(device).xp.zeros(_shape(size), dtype or float32), requires_grad)


def ones(
    *size: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of ones."""
    return Tensor(_device(device).xp.ones(_shape(size), dtype or float32), requires_grad)


def empty(
    *size: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of uninitialised memory."""
    return Tensor(_device(device).xp.empty(_shape(size), dtype or float32), requires_grad)


def zeros_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros in the shape, layout, dtype and on the device of ``x``."""
    return Tensor(xp_of(x.array).zeros_like(x.array, dtype=dtype))


def ones_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Ones in the shape, layout, dtype and on the device of ``x``."""
    return Tensor(xp_of(x.array).ones_like(x.array, dtype=dtype))


def full_like(x: Tensor, value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """``value`` in the shape, layout, dtype and on the device of ``x``."""
    return Tensor(xp_of(x.array).full_like(x.array, value, dtype=dtype))


def empty_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Uninitialised memory in the shape, layout, dtype and on the device of ``x``."""
    return Tensor(xp_of(x.array).empty_like(x.array, dtype=dtype))


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
) -> Tensor:
    """The numbers from ``start`` (0 if only one is given) up to but not including ``end``."""
    start, end = (0, start) if end is None else (start, end)
    if dtype is None:
        whole = all(isinstance(v, numbers.Integral) for v in (start, end, step))
        dtype = int64 if whole else float32
    return Tensor(_device(device).xp.arange(start, end, step, dtype=dtype))


def linspace(
    start: Any,
    end: Any,
    steps: int,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
) -> Tensor:
    """``steps`` numbers evenly spaced from ``start`` to ``end``, both included."""
    return Tensor(_device(device).xp.linspace(start, end, steps, dtype=dtype or float32))


def eye(
    n: int, m: int | None = None, dtype: DTypeLike | None = None, device: DeviceLike | None = None
) -> Tensor:
    """The identity matrix of ``n`` rows and ``m`` (or ``n``) columns."""
    return Tensor(_device(device).xp.eye(n, m, dtype=dtype or float32))


def _drawn(
    array: Any, dtype: DTypeLike | None, device: DeviceLike | None, requires_grad: bool
) -> Tensor:
    """A tensor of drawn numbers; the CPU draws them, so a seed gives the same on every device."""
    return Tensor(_placed(np.asarray(array, dtype=dtype), device), requires_grad)


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers uniform in [0, 1)."""
    numbers = (generator or default_generator).random(_shape(size))
    return _drawn(numbers, dtype, device, requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from N(0, 1)."""
    numbers = (generator or default_generator).normal(_shape(size))
    return _drawn(numbers, dtype, device, requires_grad)


def randint(
    low: int,
    high: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike = int64,
    device: DeviceLike | None = None,
) -> Tensor:
    """Integers uniform in [low, high): ``randint(low, high, size)`` or ``randint(high, size)``."""
    low, high, size = (0, low, high) if size is None else (low, high, size)
    return _drawn((generator or default_generator).integers(low, high, size), dtype, device, False)


def randperm(
    n: int, generator: Generator | None = None, device: DeviceLike | None = None
) -> Tensor:
    """The numbers 0 … n - 1 in random order."""
    return _drawn((generator or default_generator).permutation(n), int64, device, False)
