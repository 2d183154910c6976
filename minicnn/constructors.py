"""torch's old constructors: ``Tensor(2, 3)``, ``FloatTensor([1, 2])``, ``x.type("torch.LongTensor")``.

Operations make their results with ``Tensor.of``, which wraps an array as it is. So does ``Tensor(array)``
unless torch's rules are chosen (``rules.py``).
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from . import rules
from .creation import empty, tensor
from .devices import Device
from .dtype import DType, get_default_dtype
from .dtypes import (
    bfloat16,
    bool_,
    default_float,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    set_default_float,
    uint8,
)
from .size import Size
from .tensor import Tensor
from .typing import DeviceLike, DTypeLike

__all__ = [
    "BFloat16Tensor",
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "TensorType",
    "built",
    "convert",
    "set_default_tensor_type",
    "type_of",
]


class TensorType:
    """A dtype and a kind of device: ``FloatTensor``, ``cuda.LongTensor`` and so on.

    Called with sizes, a sequence of numbers or an array, it makes a tensor: of sizes an
    uninitialised one. ``isinstance(x, FloatTensor)`` tells whether x is of this type.

    As ``torch.FloatTensor``.
    """

    def __init__(self, name: str, dtype: DTypeLike, device: str = "cpu") -> None:
        self.name, self.dtype, self.device = name, DType(dtype), device

    def __call__(self, *data: Any, device: DeviceLike | None = None) -> Tensor:
        return built(Tensor, data, self.dtype, device or self.device)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, Tensor) and type_of(value) is self

    def __repr__(self) -> str:
        return f"<class '{self}'>"

    def __str__(self) -> str:
        return f"torch.{'cuda.' if self.device == 'cuda' else ''}{self.name}"


FloatTensor = TensorType("FloatTensor", float32)
DoubleTensor = TensorType("DoubleTensor", float64)
HalfTensor = TensorType("HalfTensor", float16)
BFloat16Tensor = TensorType("BFloat16Tensor", bfloat16)
LongTensor = TensorType("LongTensor", int64)
IntTensor = TensorType("IntTensor", int32)
ShortTensor = TensorType("ShortTensor", int16)
CharTensor = TensorType("CharTensor", int8)
ByteTensor = TensorType("ByteTensor", uint8)
BoolTensor = TensorType("BoolTensor", bool_)

_CPU_TYPES = [value for value in vars().values() if isinstance(value, TensorType)]
CUDA_TYPES = {t.name: TensorType(t.name, t.dtype, "cuda") for t in _CPU_TYPES}
_BY_KIND = {(t.dtype, t.device): t for t in (*_CPU_TYPES, *CUDA_TYPES.values())}
_BY_NAME = {str(t): t for t in _BY_KIND.values()}


def type_of(x: Tensor) -> TensorType:
    """The type of a tensor by torch's old names."""
    dtype, device = x.dtype, x.device.type
    unsigned = dtype.name.replace("ui", "UI")  # UInt16 and so on, which have no constructor
    return _BY_KIND.get((dtype, device)) or TensorType(f"{unsigned}Tensor", dtype, device)


def convert(
    x: Tensor, dtype: TensorType | DTypeLike | None = None, non_blocking: bool = False
) -> Tensor | str:
    """The name of a tensor's type; with a type or a dtype, the tensor converted to it.

    Raises:
        ValueError: for the name of no type.

    As ``torch.Tensor.type``.
    """
    if dtype is None:
        return str(type_of(x))
    if dtype is Tensor or dtype == "torch.Tensor":
        dtype = _BY_KIND[get_default_dtype(), "cpu"]
    if isinstance(dtype, str):
        if dtype not in _BY_NAME:
            raise ValueError(f"type expects a name such as 'torch.FloatTensor', got {dtype!r}")
        dtype = _BY_NAME[dtype]
    if isinstance(dtype, TensorType):
        device = x.device if x.device.type == dtype.device else Device(dtype.device)
        return x.to(device=device, dtype=dtype.dtype)
    return x.to(dtype=dtype)


def set_default_tensor_type(t: TensorType | str) -> None:
    """Chooses the dtype of floating-point tensors that are made without one.

    Raises:
        TypeError: for a type of integers, or of a GPU, which ``set_default_device`` chooses.

    As ``torch.set_default_tensor_type``, which is deprecated there.
    """
    chosen = _BY_NAME.get(t) if isinstance(t, str) else t
    if not isinstance(chosen, TensorType) or chosen.dtype.kind not in "fV":
        raise TypeError(f"set_default_tensor_type expects a floating-point type, got {t!r}")
    if chosen.device != "cpu":
        raise TypeError(f"type {chosen} cannot be the default: use set_default_device")
    set_default_float(chosen.dtype.dtype)


def built(
    cls: type[Tensor], given: tuple[Any, ...], dtype: DTypeLike, device: DeviceLike | None
) -> Tensor:
    """What an old constructor makes of its arguments.

    Raises:
        TypeError: for arguments that are neither sizes nor data.
    """
    if len(given) == 1 and isinstance(given[0], Tensor):
        if given[0].dtype != dtype:
            raise TypeError(f"expected a tensor of {dtype}, got one of {given[0].dtype}")
        return cls.of(given[0].array)
    sizes = given[0] if len(given) == 1 and isinstance(given[0], Size) else given
    if all(_is_size(n) for n in sizes):
        shape = tuple(map(operator.index, sizes)) if given else (0,)
        return cls.of(empty(shape, dtype=dtype, device=device).array)
    (data,) = given if len(given) == 1 else (None,)
    if isinstance(data, str) or not hasattr(data, "__len__"):
        raise TypeError(f"{cls.__name__} expects sizes or a sequence of numbers, got {given!r}")
    return cls.of(tensor(data, dtype=dtype, device=device).array)


def _is_size(n: Any) -> bool:
    return hasattr(n, "__index__") and not isinstance(n, (bool, np.ndarray, Tensor))


def _new(
    cls: type[Tensor],
    *data: Any,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    given = (*data, named["data"]) if "data" in named else data
    if len(given) == 1 and isinstance(given[0], Tensor):
        return cls.of(given[0].array)
    wrapped = not rules.torch_rules and len(given) == 1 and isinstance(given[0], np.ndarray)
    if wrapped or (len(given) == 1 and hasattr(type(given[0]), "__cuda_array_interface__")):
        return cls.of(given[0], requires_grad)
    out = built(cls, given, default_float(), device)
    return out.requires_grad_() if requires_grad else out


Tensor.__new__ = staticmethod(_new)  # type: ignore[assignment]
