"""Devices: where an array lives, and which array library (NumPy or CuPy) works on it there.

Only this file and ``kernels/cuda`` import CuPy, and only when a CUDA device is first needed, never
at ``import minicnn``.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from typing import Self

    from .typing import Array

F = TypeVar("F", bound=Callable[..., Any])

_ONLY_NAMES = ("mps", "xpu", "hpu", "xla", "mtia", "meta", "ipu", "hip", "vulkan", "privateuseone")


class Device:
    """A place for tensors: ``device("cpu")``, ``device("cuda")`` or ``device("cuda", 1)``.

    As a ``with`` block it is the default device inside. Devices of other kinds, which torch has,
    can be named and compared (``device("mps")``), but hold no tensors.

    Args:
        type: ``"cpu"``, ``"cuda"`` or ``"cuda:INDEX"``, another device, or the number of a GPU.
        index: number of the device; on a GPU the current one when left out.
        device: the same as ``type``.

    Raises:
        RuntimeError: for a device type that does not exist, two indices, or a negative one.

    As ``torch.device``, under the name ``minicnn.device``. Unlike torch's, a device also equals the
    string that names it (``x.device == "cpu"``), and ``"cuda"`` the first GPU.
    """

    __slots__ = ("_outside", "index", "type")

    type: str
    index: int | None
    _outside: tuple[Device, ...]

    def __init__(
        self,
        type: Device | str | int | None = None,
        index: int | None = None,
        *,
        device: Any = None,
    ) -> None:
        type = device if type is None else type
        text = f"cuda:{type}" if isinstance(type, int) else str(type)
        name, colon, number = text.partition(":")
        if name not in ("cpu", "cuda", *_ONLY_NAMES) or (colon and not number.isdecimal()):
            raise RuntimeError(f"device must be 'cpu', 'cuda' or 'cuda:INDEX', got {type!r}")
        if number and index is not None:
            raise RuntimeError(f"device takes one index, got {type!r} and {index}")
        if index is not None and index < 0:
            raise RuntimeError(f"device index must not be negative, got {index}")
        self.type = name
        self.index = int(number) if number else index

    @property
    def xp(self) -> ModuleType:
        """The array library of this device: ``numpy``, or ``cupy``, which makes its arrays there."""
        if self.type == "cpu":
            return np
        self.check_computes()
        return cupy() if self.index is None else on_device(cupy(), self.index)

    def check_computes(self) -> None:
        """Raises a RuntimeError for a device that is not there, or of a kind that holds no tensors."""
        if self.type in _ONLY_NAMES:
            raise RuntimeError(f"minicnn computes on 'cpu' and 'cuda', not on {self.type!r}")
        if self.type == "cuda" and not cuda_is_available():
            cupy()  # raises its own error if the package is missing
            raise RuntimeError(
                "device 'cuda' needs an NVIDIA GPU and its driver, and none was found"
            )

    def __enter__(self) -> Self:
        self._outside = (get_default_device(), *getattr(self, "_outside", ()))
        set_default_device(self)
        return self

    def __exit__(self, *exception: object) -> None:
        set_default_device(self._outside[0])
        self._outside = self._outside[1:]

    def __reduce__(self) -> tuple[Any, tuple[str, int | None]]:
        return Device, (self.type, self.index)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            try:
                other = Device(other)
            except RuntimeError:
                return False
        if not isinstance(other, Device) or self.type != other.type:
            return False
        return self.type == "cpu" or (self.index or 0) == (other.index or 0)

    def __hash__(self) -> int:
        return hash((self.type, 0 if self.type == "cpu" else self.index or 0))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"


CPU = Device("cpu")


class _Default(threading.local):
    device = CPU


_default = _Default()


def set_default_device(device: Device | str | None) -> None:
    """Chooses where this thread makes tensors when no device is named; None: on the CPU.

    It applies to the functions of ``minicnn.creation`` and to parameters of layers. ``from_numpy``,
    data sets and loaders stay on the CPU. As ``torch.set_default_device``.
    """
    _default.device = CPU if device is None else Device(device)


def get_default_device() -> Device:
    """Where this thread makes tensors when no device is named."""
    return _default.device


@functools.cache
def cupy() -> ModuleType:
    """The ``cupy`` module, imported on first use.

    Raises:
        RuntimeError: if CuPy is not installed.
    """
    try:
        import cupy
    except ImportError as error:
        raise RuntimeError(
            "device 'cuda' needs CuPy, which is not installed: pip install cupy-cuda13x "
            "(or cupy-cuda12x, by the version of CUDA)"
        ) from error
    from .cuda_memory import install

    install(cupy)
    return cupy


@functools.cache
def cuda_is_available() -> bool:
    """Whether CuPy is installed and finds a GPU."""
    try:
        return cupy().cuda.runtime.getDeviceCount() > 0
    except Exception:  # noqa: BLE001  CuPy raises its own CUDA error types when there is no driver
        return False


def on_own_device(function: F) -> F:
    """Decorates a function that computes with arrays: the GPU of its first tensor is the current one."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        tensor = args[0] if args else next(iter(kwargs.values()))
        with current_device_of((tensor.array,)):
            return function(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


def device_of(array: Array) -> Device:
    """The device that an array lives on."""
    return CPU if isinstance(array, (np.ndarray, np.generic)) else Device("cuda", array.device.id)


def xp_of(array: Array) -> ModuleType:
    """The array library (``numpy`` or ``cupy``) that an array belongs to, on the array's device."""
    if isinstance(array, (np.ndarray, np.generic)):
        return np
    return on_device(cupy(), array.device.id)


def on_device(library: ModuleType, index: int) -> ModuleType:
    """``library`` itself if GPU ``index`` is the current one, else with functions that make it so.

    CuPy allocates and launches on the current GPU, wherever the arguments are.
    """
    if cupy().cuda.runtime.getDevice() == index:
        return library
    return _OnDevice(library, index)  # type: ignore[return-value]


class _OnDevice:
    """A module or function as it is while another GPU is the current one."""

    def __init__(self, wrapped: Any, index: int) -> None:
        self._wrapped = wrapped
        self._index = index

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._wrapped, name)
        if isinstance(value, type) or not (callable(value) or isinstance(value, ModuleType)):
            return value
        return _OnDevice(value, self._index)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with cupy().cuda.Device(self._index):
            return self._wrapped(*args, **kwargs)


_NO_CHANGE: AbstractContextManager[Any] = nullcontext()


def current_device_of(arrays: Iterable[Any]) -> AbstractContextManager[Any]:
    """Inside, the GPU that the first CuPy array lives on is the current one."""
    for array in arrays:
        if hasattr(array, "shape") and not isinstance(array, (np.ndarray, np.generic)):
            same = array.device.id == cupy().cuda.runtime.getDevice()
            return _NO_CHANGE if same else array.device
    return _NO_CHANGE


def to_device(array: Array, device: Device) -> Array:
    """``array`` itself if it is on ``device`` already, else a copy of it there.

    The copy has the memory layout of the array: channels-last images stay channels-last.
    """
    here = device_of(array)
    device.check_computes()
    if device.type == "cpu":
        return array if here.type == "cpu" else _copied(cupy().asnumpy, array)
    if here.type == "cuda" and (device.index is None or here.index == device.index):
        return array
    with cupy().cuda.Device(device.index):
        return _copied(cupy().asarray, array)


def pinned_copy(array: Array) -> Array:
    """A copy in page-locked memory, in the memory order of ``array``."""
    axes = memory_order(array)
    memory = cupy().cuda.alloc_pinned_memory(array.nbytes)
    flat = np.frombuffer(memory, array.dtype, array.size)
    out = flat.reshape([array.shape[axis] for axis in axes])
    out[...] = array.transpose(axes)
    return out.transpose(np.argsort(axes))


def is_pinned(array: Array) -> bool:
    """Whether an array lies in memory that :func:`pinned_copy` allocated."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return cuda_is_available() and isinstance(owner, cupy().cuda.PinnedMemoryPointer)


def _copied(copy: Callable[[Array], Array], array: Array) -> Array:
    """``copy(array)``, whose results are in C order, in the memory order of ``array``."""
    axes = memory_order(array)
    return copy(array.transpose(axes)).transpose(np.argsort(axes).tolist())


def memory_order(array: Array) -> list[int]:
    """The axes of an array, from the largest stride to the smallest.

    Transposed in this order, a dense array is C-contiguous. Equal strides keep their order.
    """
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


_CHANNELS_LAST = ([0, 2, 3, 1], [0, 2, 1])


def drawing_order(array: Array) -> list[int]:
    """The axes of an array in the order in which random numbers are drawn for its elements.

    It is the order of memory, as in torch. But images and signals that lie channels-last are taken
    in C order: minicnn's own lie so, filters as well, where torch's lie in C order.
    """
    order = memory_order(array)
    return sorted(order) if order in _CHANNELS_LAST else order


def result_order(array: Array) -> list[int]:
    """The axes in the order of memory for what is made of an array, where torch makes C order.

    That is C order, too, except for channels-last images and signals: they stay so.
    """
    order = memory_order(array)
    return order if order in _CHANNELS_LAST else sorted(order)


def in_memory_order(function: Callable[..., Array], *arrays: Array) -> Array:
    """``function(*arrays)``, with a result in the memory layout of the first array.

    ``function`` gets the arrays with their axes in memory order. NumPy keeps the layout anyway, but
    CuPy returns C order, and channels-last images would lose theirs.
    """
    order = memory_order(arrays[0])
    result = function(*(array.transpose(order) for array in arrays))
    return result.transpose([order.index(axis) for axis in range(len(order))])
