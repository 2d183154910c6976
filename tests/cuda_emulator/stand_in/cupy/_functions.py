"""Functions of the module ``cupy``."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import emulation
from ._array import (
    arrays_in,
    compute,
    compute_into,
    index_of,
    ndarray,
    new_array,
    numbers_rounded,
    plain,
    to_device,
)
from ._stream import Stream, refuse

# ---- creation and copies ----


def array(
    obj: Any,
    dtype: Any = None,
    copy: bool = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
    *,
    blocking: bool = False,
) -> ndarray:
    """A device array of numbers, lists of numbers, a NumPy array or a device array."""
    if isinstance(obj, ndarray):
        return obj.astype(dtype or obj.dtype, order=order, copy=copy)
    if isinstance(obj, (list, tuple)) and any(True for _ in arrays_in(obj)):
        raise NotImplementedError("the stand-in takes lists of numbers, not of device arrays")
    return to_device(np.array(obj, dtype=dtype, order=order))


def asarray(
    a: Any,
    dtype: Any = None,
    order: str | None = None,
    *,
    copy: bool | None = None,
    blocking: bool = False,
) -> ndarray:
    """Like :func:`array`, but a device array itself unless it has to be changed."""
    return array(a, dtype, copy=bool(copy), order=order or "K")


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    """The array in C order, itself if it has that; at least one dimension."""
    return compute(np.ascontiguousarray, asarray(a), dtype)


def asnumpy(
    a: Any,
    stream: Stream | None = None,
    order: str = "C",
    out: np.ndarray | None = None,
    *,
    blocking: bool = True,
) -> np.ndarray:
    """A copy on the host, in C order by default."""
    return a.get(stream, order, out) if isinstance(a, ndarray) else np.asarray(a, order=order)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    """A new array; it is full of NaN, so that nobody relies on what it holds."""
    return new_array(shape, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> ndarray:
    """A new array of one value."""
    result = new_array(shape, np.asarray(plain(fill_value)).dtype if dtype is None else dtype)
    result.fill(fill_value)
    return result


def zeros(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    """A new array of zeros."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    """A new array of ones."""
    return full(shape, 1, dtype)


def empty_like(
    prototype: ndarray, dtype: Any = None, order: str = "K", subok: None = None, shape: Any = None
) -> ndarray:
    """A new array of the shape and memory order of another."""
    return new_array(
        prototype.shape if shape is None else shape,
        dtype or prototype.dtype,
        like=prototype._array if shape is None else None,
    )


def full_like(
    a: ndarray,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: None = None,
    shape: Any = None,
) -> ndarray:
    """A new array of one value, in the shape and memory order of another."""
    result = empty_like(a, dtype, order, subok, shape)
    result.fill(fill_value)
    return result


def zeros_like(
    a: ndarray, dtype: Any = None, order: str = "K", subok: None = None, shape: Any = None
) -> ndarray:
    """A new array of zeros, in the shape and memory order of another."""
    return full_like(a, 0, dtype, order, subok, shape)


def ones_like(
    a: ndarray, dtype: Any = None, order: str = "K", subok: None = None, shape: Any = None
) -> ndarray:
    """A new array of ones, in the shape and memory order of another."""
    return full_like(a, 1, dtype, order, subok, shape)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> ndarray:
    """Evenly spaced numbers."""
    start, stop = (0, start) if stop is None else (start, stop)
    return compute(np.arange, start, stop, step, dtype=dtype)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> ndarray:
    """``num`` numbers from ``start`` to ``stop``."""
    return compute(np.linspace, start, stop, num, endpoint, False, dtype)


def eye(
    N: int,
    M: int | None = None,
    k: int = 0,
    dtype: Any = float,
    order: str = "C",
) -> ndarray:
    """The identity matrix."""
    return compute(np.eye, N, M, k, dtype)


class _Ogrid:
    def __getitem__(self, key: Any) -> Any:
        return compute(np.ogrid.__getitem__, key)


ogrid = _Ogrid()


# ---- one array from others ----


def where(condition: ndarray, x: Any = None, y: Any = None) -> ndarray:
    """``x`` where the condition holds, else ``y``."""
    if x is None or y is None:
        raise NotImplementedError("the stand-in's where takes three arguments")
    return compute(np.where, condition, _without_bfloat16(x), _without_bfloat16(y))


def _without_bfloat16(x: Any) -> Any:
    """CuPy's where and clip know all floats but bfloat16, which becomes float32."""
    is_bfloat16 = isinstance(x, ndarray) and x.dtype.name == "bfloat16"
    return x.astype(np.float32) if is_bfloat16 else x


def stack(
    tup: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind"
) -> ndarray:
    """Arrays along a new axis."""
    return compute(np.stack, tup, axis)


def concatenate(
    tup: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind"
) -> ndarray:
    """Arrays one after the other."""
    return compute(np.concatenate, tup, axis)


def broadcast_to(array: ndarray, shape: Any) -> ndarray:
    """A view that repeats the array; it can be written to, as CuPy knows no read-only arrays."""

    def writable(numbers: np.ndarray) -> np.ndarray:
        view = np.broadcast_to(numbers, shape)
        view.flags.writeable = True
        return view

    return compute(writable, array)


def expand_dims(a: ndarray, axis: Any) -> ndarray:
    """A view with one more axis."""
    return compute(np.expand_dims, a, axis)


def flip(a: ndarray, axis: Any = None) -> ndarray:
    """A view with axes the other way round."""
    return compute(np.flip, a, axis)


def pad(array: ndarray, pad_width: Any, mode: str = "constant", **kwargs: Any) -> ndarray:
    """The array with a border of one value."""
    return compute(np.pad, array, pad_width, mode, **kwargs)


def tile(A: ndarray, reps: Any) -> ndarray:
    """The array several times, side by side."""
    return compute(np.tile, A, reps)


def take(a: ndarray, indices: ndarray, axis: int) -> ndarray:
    """Slices along one axis; indices wrap."""
    return compute(np.take, a, indices % a.shape[axis], axis)


def take_along_axis(a: ndarray, indices: ndarray, axis: int) -> ndarray:
    """Elements along one axis; indices wrap."""
    return compute(np.take_along_axis, a, indices % a.shape[axis], axis)


def clip(a: ndarray, a_min: Any, a_max: Any, out: ndarray | None = None) -> ndarray:
    """Numbers between two limits, either of which may be None, except for bfloat16 and bool."""
    if (a_min is None or a_max is None) and (a.dtype.name == "bfloat16" or a.dtype == bool):
        raise TypeError(f"Unsupported type {type(None)}")  # CuPy 14.2 says no more
    if out is None:
        return compute(np.clip, _without_bfloat16(a), a_min, a_max)
    return compute_into(out, np.clip, _without_bfloat16(a), a_min, a_max)


def isin(
    element: ndarray, test_elements: ndarray, assume_unique: bool = False, invert: bool = False
) -> ndarray:
    """Whether each element is among the others."""
    return compute(np.isin, element, test_elements, invert=invert)


def bincount(x: ndarray, weights: ndarray | None = None, minlength: int | None = None) -> ndarray:
    """How often each number 0, 1, … occurs, or the sums of weights."""
    return compute(np.bincount, x, weights, minlength or 0)


def may_share_memory(a: ndarray, b: ndarray, max_work: None = None) -> bool:
    """Whether two arrays may lie in the same memory."""
    return np.may_share_memory(a._array, b._array)


def count_nonzero(a: ndarray, axis: Any = None) -> ndarray:
    """How many elements are not zero."""
    return compute(np.count_nonzero, a, axis)


def nonzero(a: ndarray) -> Any:
    """Where the elements are that are not zero; the host waits to know how many there are."""
    refuse("nonzero")
    emulation.copies_to_host += 1
    results = compute(np.nonzero, a)
    return results if isinstance(results, tuple) else (results,)


# ---- cuBLAS ----


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b; 16-bit floats in float32, as cuBLAS does."""
    if a.dtype.itemsize != 2:
        return np.matmul(a, b)
    return np.matmul(a.astype(np.float32), b.astype(np.float32)).astype(a.dtype)


def matmul(
    x1: ndarray,
    x2: ndarray,
    /,
    out: ndarray | None = None,
) -> ndarray:
    """The product of matrices, which CuPy does not capture."""
    refuse("a product by cuBLAS", NotImplementedError)
    if x1.dtype.name == "bfloat16" and max(x1.ndim, x2.ndim) > 2:
        raise TypeError("CuPy multiplies matrices of bfloat16, not stacks of them")
    if out is None:
        return compute(_product, x1, x2)
    return compute_into(out, _product, x1, x2)


def dot(a: ndarray, b: ndarray, out: None = None) -> ndarray:
    """The product of matrices or vectors, which CuPy does not capture."""
    refuse("a product by cuBLAS", NotImplementedError)
    return compute(np.dot, a, b)


# ---- functions of one element at a time ----

# CuPy's atomicAdd knows no other types.
_ADDED_AT = ("float16", "float32", "float64", "int32", "uint32", "uint64")


class ufunc:
    """A function of NumPy that takes device arrays and numbers; results are in C order."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self._numpy: np.ufunc = getattr(np, name)

    def __call__(self, *args: Any, out: ndarray | None = None, dtype: Any = None) -> Any:
        if any(isinstance(value, (list, tuple)) for value in args):
            raise TypeError(f"Unsupported type {list}")
        if len(args) > self._numpy.nin:
            *args, out = args  # type: ignore[assignment]
        args = numbers_rounded(args)  # type: ignore[assignment]
        if out is not None:
            return compute_into(out, self._numpy, *args)
        return compute(self._numpy, *args, **({} if dtype is None else {"dtype": dtype}))

    def at(self, a: ndarray, indices: Any, b: Any = None) -> None:
        """a[indices] += b, also where indices repeat."""
        if self.__name__ != "add":
            raise NotImplementedError(f"the stand-in has no {self.__name__}.at")
        if a.dtype.name not in _ADDED_AT:
            raise TypeError(f"cupy.add.at takes {', '.join(_ADDED_AT)}, got {a.dtype}")
        key = index_of(indices, a.shape)
        compute_into(a, _added_at, a, key, b, casting="unsafe")


def _added_at(array: np.ndarray, key: Any, values: Any) -> np.ndarray:
    result = array.copy()
    np.add.at(result, key, values)
    return result


_UFUNC_NAMES = (
    "abs",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "ceil",
    "copysign",
    "cos",
    "cosh",
    "divide",
    "divmod",
    "equal",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "fmax",
    "fmin",
    "fmod",
    "frexp",
    "gcd",
    "greater",
    "greater_equal",
    "hypot",
    "invert",
    "isfinite",
    "isinf",
    "isnan",
    "lcm",
    "less",
    "less_equal",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "nextafter",
    "not_equal",
    "rint",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sqrt",
    "subtract",
    "tan",
    "tanh",
    "trunc",
)
UFUNCS = {name: ufunc(name) for name in _UFUNC_NAMES}
