"""The kernels of the device under test, for tests that speak NumPy.

``on_device.relu(x)`` or ``from on_device import relu`` is the function of that name in
``minicnn.kernels.cpu``, or with ``--device cuda`` the one in ``minicnn.kernels.cuda``: arrays among
the arguments are then moved to the GPU, strides and all, and results back. What a function writes
into its arguments, as those named ``..._step`` and ``relu`` do, is moved back into them.

``MINICNN_KERNELS=plain`` takes the plain kernels of the device, except for the fused functions, which
only the fast ones have.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from minicnn.devices import CPU, get_default_device, to_device
from minicnn.kernels import cpu, plain, selected


def __getattr__(name: str) -> Callable[..., Any]:
    kernels = cpu if name in cpu.__all__ else _kernels(name)  # a few are a GPU's alone
    if name not in kernels.__all__:
        raise AttributeError(f"the kernels have no function {name!r}")
    return functools.wraps(getattr(kernels, name))(functools.partial(_call, name))


def _call(name: str, *args: Any, **options: Any) -> Any:
    return call(getattr(_kernels(name), name), *args, **options)


def call(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What a kernel of the device under test gives for NumPy arrays, as NumPy arrays."""
    if get_default_device().type == "cpu":
        return function(*args, **options)
    copies: dict[int, Any] = {}

    def moved_once(array: np.ndarray) -> Any:
        if id(array) not in copies:  # what is one array here is one there
            copies[id(array)] = _to_gpu(array)
        return copies[id(array)]

    moved, moved_options = _map(moved_once, (args, options))
    result = function(*moved, **moved_options)
    if function.__name__.endswith("_step") or function.__name__ == "relu":
        _map(_write_back, (args, options), (moved, moved_options))
    return _map(functools.partial(to_device, device=CPU), result)


def _kernels(name: str) -> ModuleType:
    """The set of kernels whose function ``name`` is under test."""
    is_plain = selected() == "plain" and name in plain.__all__
    if get_default_device().type == "cpu":
        return plain if is_plain else cpu
    return importlib.import_module(f"minicnn.kernels.cuda{'.plain' if is_plain else ''}")


def _map(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """``function`` of each array in a value that may be a list, tuple or dict of such values."""
    if isinstance(value, dict):
        columns = zip(value.values(), *(other.values() for other in others), strict=True)
        return {key: _map(function, *items) for key, items in zip(value, columns, strict=True)}
    if isinstance(value, (list, tuple)):
        return type(value)(_map(function, *items) for items in zip(value, *others, strict=True))
    is_array = hasattr(value, "strides") and not isinstance(value, type)
    return function(value, *others) if is_array else value


def _to_gpu(array: np.ndarray) -> Any:
    """A copy with the same strides, in a copy of the memory that ``array`` is a part of."""
    import cupy

    memory = array
    while isinstance(memory.base, np.ndarray):
        memory = memory.base
    if not (memory.flags.c_contiguous or memory.flags.f_contiguous):
        memory = array = np.ascontiguousarray(array)
    offset = array.ctypes.data - memory.ctypes.data
    copy = cupy.asarray(memory)
    return cupy.ndarray(array.shape, array.dtype, copy.data + offset, array.strides)


def _write_back(array: np.ndarray, moved: Any) -> None:
    if array.flags.writeable:
        array[...] = to_device(moved, CPU)
