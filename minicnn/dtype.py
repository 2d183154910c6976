"""``dtype``: NumPy's dtypes as PyTorch scripts know them, and what they can hold.

Inside minicnn everything is computed with NumPy's own dtypes (``dtypes.py``), those of
``x.array.dtype``. Outside, ``x.dtype`` and ``minicnn.float32`` are the same dtypes in another dress:
they print as ``torch.float32`` and have torch's attributes. NumPy, CuPy and minicnn take either kind
wherever they expect a dtype, and the two kinds are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from . import dtypes

if TYPE_CHECKING:
    from typing import Self

    from .typing import DTypeLike

__all__ = [
    "DType",
    "can_cast",
    "finfo",
    "get_default_dtype",
    "iinfo",
    "promote_types",
    "set_default_dtype",
]


class DType:
    """The dtype of a tensor: ``minicnn.float32``, ``minicnn.int64`` and so on.

    Args:
        dtype: anything that NumPy takes for a dtype.

    There is one object for each dtype, so ``x.dtype is minicnn.float32`` works. Attributes that torch
    does not have are those of the NumPy dtype, which is ``dtype.dtype``. As ``torch.dtype``, whose
    text it has; unlike torch's it equals NumPy's dtype of the same name.
    """

    __slots__ = ("_hash", "_text", "dtype", "is_floating_point", "itemsize")

    _hash: int
    _text: str
    dtype: np.dtype  # NumPy looks for this name and uses it
    itemsize: int
    is_floating_point: bool
    is_complex = False

    def __new__(cls, dtype: DTypeLike) -> Self:
        return OF_NUMPY[np.dtype(dtype)]  # type: ignore[return-value]

    @property
    def is_signed(self) -> bool:
        """Whether it holds negative numbers."""
        return self.is_floating_point or self.dtype.kind == "i"

    def to_real(self) -> DType:
        """The dtype itself, as there are no complex ones."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # such as __array_interface__, which would make it an array
            raise AttributeError(f"a dtype has no attribute {name!r}")
        return getattr(self.dtype, name)

    def __eq__(self, other: object) -> bool:
        return self is other or self.dtype == (other.dtype if isinstance(other, DType) else other)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return self._text

    def __reduce__(self) -> tuple[type[DType], tuple[str]]:
        return DType, (self.dtype.name,)


class _OfNumpy(dict[np.dtype, DType]):
    """The dtype of each NumPy dtype that was met."""

    def __missing__(self, dtype: np.dtype) -> DType:
        made = self[dtype] = object.__new__(DType)
        made.dtype, made.itemsize, made._hash = dtype, dtype.itemsize, hash(dtype)
        made.is_floating_point, made._text = dtypes.is_floating(dtype), f"torch.{dtype.name}"
        return made


OF_NUMPY = _OfNumpy()

float16 = DType(dtypes.float16)
float32 = DType(dtypes.float32)
float64 = DType(dtypes.float64)
bfloat16 = DType(dtypes.bfloat16)
int8, int16, int32, int64 = map(DType, (dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64))
uint8, uint16, uint32, uint64 = map(DType, ("uint8", "uint16", "uint32", "uint64"))
bool_ = DType(dtypes.bool_)


def get_default_dtype() -> DType:
    """The dtype of floating-point tensors that are made without one: float32 at the beginning."""
    return OF_NUMPY[dtypes.default_float()]


def set_default_dtype(d: DTypeLike) -> None:
    """Chooses the dtype of floating-point tensors that are made without one.

    Integers turn into this dtype, too, where they are divided or given to ``exp``, say.

    Raises:
        TypeError: for anything but a floating-point dtype.

    As ``torch.set_default_dtype``.
    """
    if isinstance(d, str) or not dtypes.is_floating(np.dtype(d)):
        raise TypeError(f"only floating-point dtypes can be the default dtype, got {d!r}")
    dtypes.set_default_float(np.dtype(d))


def promote_types(type1: DTypeLike, type2: DTypeLike) -> DType:
    """The smallest dtype that holds what both hold; of integers and floating point the latter.

    As ``torch.promote_types``.
    """
    first, second = np.dtype(type1), np.dtype(type2)
    floating = [dtype for dtype in (first, second) if dtypes.is_floating(dtype)]
    if len(floating) == 1:
        return OF_NUMPY[floating[0]]
    if first != second and {first, second} == set(dtypes.HALVES):
        return OF_NUMPY[dtypes.float32]
    return OF_NUMPY[np.promote_types(first, second)]


def can_cast(from_: DTypeLike, to: DTypeLike) -> bool:
    """Whether torch's rules allow a result of one dtype to be put into another.

    Floating point does not go into integers, nor integers into bool. As ``torch.can_cast``.
    """
    rank = {"b": 0, "u": 1, "i": 1}
    source, target = np.dtype(from_), np.dtype(to)
    return rank.get(source.kind, 2) <= rank.get(target.kind, 2)


class finfo:
    """The limits of a floating-point dtype, by default of the default dtype.

    Attributes:
        bits: the size of a number.
        eps: the distance from 1 to the next number.
        max, min: the largest and the smallest number.
        tiny, smallest_normal: the smallest positive number of full precision.
        resolution: the last decimal digit that is always kept, beside 1.
        dtype: its name.

    Raises:
        TypeError: for another dtype.

    As ``torch.finfo``.
    """

    def __init__(self, type: DTypeLike | None = None) -> None:
        dtype = dtypes.default_float() if type is None else np.dtype(type)
        if not dtypes.is_floating(dtype):
            raise TypeError(f"finfo expects a floating-point dtype, got {dtype}: use iinfo")
        limits, number = ml_dtypes.finfo(dtype), np.float64
        self.dtype, self.bits = dtype.name, limits.bits
        self.max, self.min = number(limits.max).item(), number(limits.min).item()
        self.eps, self.tiny = number(limits.eps).item(), number(limits.tiny).item()
        self.smallest_normal = self.tiny
        self.resolution = 10.0**-limits.precision

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        limits = "".join(f"{name}={getattr(self, name):g}, " for name in names)
        return f"finfo({limits}dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype: ``bits``, ``min``, ``max`` and its name, ``dtype``.

    Raises:
        TypeError: for another dtype.

    As ``torch.iinfo``.
    """

    def __init__(self, type: DTypeLike) -> None:
        dtype = np.dtype(type)
        if dtype.kind not in "iu":
            raise TypeError(f"iinfo expects an integer dtype, got {dtype}: use finfo")
        limits = np.iinfo(dtype)
        self.dtype, self.bits = dtype.name, limits.bits
        self.min, self.max = limits.min, limits.max

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
