"""Device arrays: NumPy arrays in memory that only kernels and CuPy's functions may touch.

``ndarray`` wraps a NumPy array and is no subclass of it, so that what CuPy refuses (mixing with
NumPy arrays, implicit conversion) fails here, too. All computing goes through :func:`compute` and
:func:`compute_into`, which put it into the graph if one is being captured.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import emulation
from ._memory import Allocation, MemoryPointer, allocate
from ._stream import Stream, is_capturing, perform, refuse

if TYPE_CHECKING:
    from typing import Self

_IMPLICIT = (
    "Implicit conversion to a NumPy array is not allowed. "
    "Please use `.get()` to construct a NumPy array explicitly."
)
_SCALARS = (int, float, bool, np.generic)


# ---- memory ----


def new_array(shape: Any, dtype: Any, like: np.ndarray | None = None) -> ndarray:
    """An array of NaN; its axes lie in memory as those of ``like``, or in C order."""
    dtype = np.dtype(dtype)
    if dtype.kind in "OSUMm" or (dtype.kind == "V" and dtype.name != "bfloat16"):
        raise ValueError(f"Unsupported dtype {dtype}")
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    count = int(np.prod(shape, dtype=np.int64))
    allocation = allocate(count * dtype.itemsize)
    array = allocation.raw[: count * dtype.itemsize].view(dtype)
    axes = memory_order(like) if like is not None else list(range(len(shape)))
    array = array.reshape([shape[axis] for axis in axes])
    return ndarray._of(array.transpose(np.argsort(axes)), allocation)


def memory_order(array: np.ndarray) -> list[int]:
    """The axes from the largest stride to the smallest."""
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def to_device(array: np.ndarray) -> ndarray:
    """A copy of a NumPy array, in Fortran order if it has that, else in C order."""
    refuse("a copy from the host")
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    result = new_array(array.shape, array.dtype, like=array if fortran else None)
    result._array[...] = array
    return result


# ---- computing ----


def plain(value: Any) -> Any:
    """What NumPy computes with; NumPy arrays are refused, as by CuPy."""
    if isinstance(value, ndarray):
        return value._array
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {np.ndarray}")
    if isinstance(value, (tuple, list)):
        return type(value)(plain(item) for item in value)
    return value


def arrays_in(values: Iterable[Any]) -> Iterator[ndarray]:
    """The device arrays among values, also in lists of them."""
    for value in values:
        if isinstance(value, ndarray):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from arrays_in(value)


def compute(
    function: Callable[..., Any], *args: Any, keep_order: bool = False, **options: Any
) -> Any:
    """Calls a NumPy function with device arrays; returns views of them, or new arrays.

    While a graph is captured, new arrays have their shapes but only NaN in them; they get their
    numbers when it is launched.
    """
    run = _prepared(function, args, options)
    owners = [*arrays_in(args), *arrays_in(options.values())]
    parts = run()
    results, targets = [], []
    for part in parts:
        result = _as_view(part, owners)
        if result is None:
            result = new_array(part.shape, part.dtype, like=part if keep_order else None)
        targets.append(None if np.may_share_memory(result._array, part) else result._array)
        results.append(result)

    def fill(parts: list[np.ndarray]) -> None:
        for target, part in zip(targets, parts):
            if target is not None:
                target[...] = part

    if is_capturing():  # of an array, the graph keeps the NumPy array alone
        perform(lambda: fill(run()), [array._allocation for array in (*owners, *results)])
    else:
        fill(parts)
    return tuple(results) if len(results) > 1 else results[0]


def compute_into(
    out: ndarray, function: Callable[..., Any], *args: Any, casting: str = "same_kind"
) -> ndarray:
    """Calls a NumPy function with device arrays and writes its result to ``out``."""
    run, target = _prepared(function, args, {}), out._array
    (result,) = run()
    if np.broadcast_shapes(result.shape, target.shape) != target.shape:
        raise ValueError(f"a result of shape {result.shape} does not fit into {target.shape}")
    if not np.can_cast(result.dtype, target.dtype, casting):
        raise TypeError(f"cannot cast {result.dtype} to {target.dtype} by the rule {casting!r}")
    if is_capturing():
        owners = [out._allocation, *(array._allocation for array in arrays_in(args))]
        perform(lambda: np.copyto(target, run()[0], casting), owners)
    else:
        np.copyto(target, result, casting)
    return out


def _prepared(
    function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Callable[[], list[np.ndarray]]:
    """The call of a NumPy function, which gives a list of arrays."""
    values = [plain(value) for value in args]
    named = {name: plain(value) for name, value in options.items()}

    def run() -> list[np.ndarray]:
        with np.errstate(all="ignore"):  # as on a GPU
            result = function(*values, **named)
        several = isinstance(result, (tuple, list))
        return [np.asarray(part) for part in (result if several else (result,))]

    return run


def _as_view(part: np.ndarray, owners: list[ndarray]) -> ndarray | None:
    for owner in owners:
        if part is owner._array:
            return owner
        if part.size and np.may_share_memory(part, owner._allocation.raw):
            return ndarray._of(part, owner._allocation, base=owner)
    return None


# ---- the array ----


class Flags:
    """How an array lies in memory."""

    def __init__(self, flags: Any, owndata: bool) -> None:
        self.c_contiguous: bool = flags.c_contiguous
        self.f_contiguous: bool = flags.f_contiguous
        self.owndata = owndata


class ndarray:
    """An array on the device."""

    __slots__ = ("__weakref__", "_allocation", "_array", "_base")
    __hash__ = None  # type: ignore[assignment]

    _array: np.ndarray
    _allocation: Allocation
    _base: ndarray | None

    def __new__(
        cls,
        shape: Any,
        dtype: Any = float,
        memptr: MemoryPointer | None = None,
        strides: Any = None,
        order: str = "C",
    ) -> Self:
        """A new array, or one on memory that is there already."""
        if memptr is None:
            return new_array(shape, dtype)  # type: ignore[return-value]
        raw = memptr.mem.raw
        view = np.ndarray(shape, dtype, raw, memptr.ptr - raw.ctypes.data, strides)
        return cls._of(view, memptr.mem)  # type: ignore[return-value]

    @classmethod
    def _of(cls, array: np.ndarray, allocation: Allocation, base: ndarray | None = None) -> ndarray:
        self = object.__new__(cls)
        self._array = array
        self._allocation = allocation
        self._base = base if base is None or base._base is None else base._base
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def strides(self) -> tuple[int, ...]:
        return self._array.strides

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> int:
        return self._array.size

    @property
    def itemsize(self) -> int:
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        return self._array.nbytes

    @property
    def flags(self) -> Flags:
        return Flags(self._array.flags, owndata=self._base is None)

    @property
    def base(self) -> ndarray | None:
        """The array that this one is a view of."""
        return self._base

    @property
    def data(self) -> MemoryPointer:
        """The address."""
        offset = self._array.ctypes.data - self._allocation.address
        return MemoryPointer(self._allocation, offset)

    @property
    def device(self) -> Any:
        from .cuda import Device

        return Device(0)

    @property
    def T(self) -> ndarray:
        """The view with its axes in reverse."""
        return self.transpose()

    # between host and device

    def get(
        self,
        stream: Stream | None = None,
        order: str = "C",
        out: np.ndarray | None = None,
        blocking: bool = True,
    ) -> np.ndarray:
        """A copy on the host, in C order unless ``order`` or ``out`` says otherwise."""
        refuse("a copy to the host")
        emulation.copies_to_host += 1
        if out is None:
            return self._array.copy(order)  # type: ignore[call-overload]
        if not isinstance(out, np.ndarray) or out.dtype != self.dtype or out.shape != self.shape:
            raise ValueError(f"out must be a NumPy array of {self.dtype} and shape {self.shape}")
        out[...] = self._array
        return out

    def set(self, arr: np.ndarray, stream: Stream | None = None) -> None:
        """Copies an array of the same shape and dtype from the host."""
        refuse("a copy from the host")
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype or arr.shape != self.shape:
            raise ValueError(f"an array of {self.dtype} and shape {self.shape} is expected")
        if not (self._array.flags.c_contiguous or self._array.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        self._array[...] = arr

    def item(self) -> Any:
        return self.get().item()

    def tolist(self) -> Any:
        return self.get().tolist()

    def __array__(self, *args: Any, **options: Any) -> np.ndarray:
        raise TypeError(_IMPLICIT)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "strides": None if self._array.flags.c_contiguous else self.strides,
            "typestr": self.dtype.str,
            "descr": self.dtype.descr,
            "data": (self._array.ctypes.data, False),
            "stream": 1,
            "version": 3,
        }

    def __bool__(self) -> bool:
        return bool(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __repr__(self) -> str:
        return repr(self.get())

    def __format__(self, spec: str) -> str:
        return format(self.get(), spec)

    def __reduce__(self) -> tuple[Any, ...]:
        from ._functions import array

        return array, (self.get(),)

    # elements

    def __getitem__(self, key: Any) -> ndarray:
        return compute(lambda array, *key: array[key], self, *index_of(key, self.shape))

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, np.ndarray):
            raise TypeError(f"Unsupported type {np.ndarray}")
        key = index_of(key, self.shape)
        values, places, target = plain(value), plain(key), self._array

        def assign() -> None:
            with np.errstate(all="ignore"):
                target[places] = values

        perform(assign, [array._allocation for array in arrays_in((self, value, key))])

    def fill(self, value: Any) -> None:
        self[...] = value

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[ndarray]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # with another shape, type or order

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> ndarray:
        return compute(np.ndarray.reshape, self, *shape, order=order)

    def ravel(self, order: str = "C") -> ndarray:
        return compute(np.ndarray.ravel, self, order)

    def transpose(self, *axes: Any) -> ndarray:
        return compute(np.ndarray.transpose, self, *axes)

    def swapaxes(self, axis1: int, axis2: int) -> ndarray:
        return compute(np.ndarray.swapaxes, self, axis1, axis2)

    def squeeze(self, axis: Any = None) -> ndarray:
        return compute(np.ndarray.squeeze, self, axis)

    def view(self, dtype: Any = None) -> ndarray:
        return compute(np.ndarray.view, self, self.dtype if dtype is None else dtype)

    def copy(self, order: str = "C") -> ndarray:
        return compute(np.ndarray.copy, self, order, keep_order=True)

    def astype(
        self,
        dtype: Any,
        order: str = "K",
        casting: str | None = None,
        subok: bool | None = None,
        copy: bool = True,
    ) -> ndarray:
        convert = functools.partial(np.ndarray.astype, casting=casting or "unsafe", copy=copy)
        return compute(convert, self, np.dtype(dtype), order, keep_order=True)

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> ndarray:
        return self.copy()

    # reductions

    def sum(
        self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False
    ) -> ndarray:
        return compute(np.sum, self, axis=axis, dtype=dtype, keepdims=keepdims)

    def prod(
        self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False
    ) -> ndarray:
        return compute(np.prod, self, axis=axis, dtype=dtype, keepdims=keepdims)

    def mean(
        self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False
    ) -> ndarray:
        return compute(np.mean, self, axis=axis, dtype=dtype, keepdims=keepdims)

    def cumsum(self, axis: Any = None, dtype: Any = None, out: None = None) -> ndarray:
        if np.dtype(dtype or self.dtype).name == "bfloat16":
            raise TypeError("CuPy's cumsum does not compile for bfloat16")
        return compute(np.cumsum, self, axis=axis, dtype=dtype)

    def cumprod(self, axis: Any = None, dtype: Any = None, out: None = None) -> ndarray:
        return compute(np.cumprod, self, axis=axis, dtype=dtype)

    def max(self, axis: Any = None, out: None = None, keepdims: bool = False) -> ndarray:
        return compute(np.max, self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, out: None = None, keepdims: bool = False) -> ndarray:
        return compute(np.min, self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, out: None = None, keepdims: bool = False) -> ndarray:
        return compute(np.all, self, axis=axis, keepdims=keepdims)

    def any(self, axis: Any = None, out: None = None, keepdims: bool = False) -> ndarray:
        return compute(np.any, self, axis=axis, keepdims=keepdims)

    def argmax(
        self, axis: Any = None, out: None = None, dtype: None = None, keepdims: bool = False
    ) -> ndarray:
        return compute(np.argmax, self, axis=axis, keepdims=keepdims)

    def argmin(
        self, axis: Any = None, out: None = None, dtype: None = None, keepdims: bool = False
    ) -> ndarray:
        return compute(np.argmin, self, axis=axis, keepdims=keepdims)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **options: Any) -> Any:
        """Lets NumPy's numbers stand left of an operator."""
        if method != "__call__" or options or isinstance(args[0], np.ndarray):
            return NotImplemented
        return compute(ufunc, *args)


def index_of(key: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """An index as a tuple, its integer arrays wrapped as CuPy does instead of raising IndexError.

    Masks are counted on the host.
    """
    key = key if isinstance(key, tuple) else (key,)
    if any(isinstance(part, (list, np.ndarray)) for part in key):
        raise TypeError("the stand-in takes device arrays for indices, not lists or NumPy arrays")
    taken = sum(_axes_taken(part) for part in key)
    axis, parts = 0, []
    for part in key:
        if part is Ellipsis:
            axis += len(shape) - taken
        elif isinstance(part, ndarray) and part.dtype.kind == "b":
            refuse("indexing by a mask")
            emulation.copies_to_host += 1
        elif isinstance(part, ndarray) and axis < len(shape):
            part = compute(np.mod, part, shape[axis]) if shape[axis] else part
        axis += _axes_taken(part)
        parts.append(part)
    return tuple(parts)


def _axes_taken(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, ndarray) and part.dtype.kind == "b" else 1


# ---- operators ----


def numbers_rounded(args: Iterable[Any]) -> list[Any]:
    """Operands of arithmetic; beside bfloat16 Python's integers are of it, other numbers float32."""
    args = list(args)
    dtypes = {array.dtype for array in arrays_in(args)}
    if [dtype.name for dtype in dtypes] != ["bfloat16"]:
        return args
    (bfloat16,) = dtypes
    of_type = {bool: bfloat16.type, int: bfloat16.type, float: np.float32}
    return [of_type[type(v)](v) if type(v) in of_type else v for v in args]


def _operator(function: Callable[..., Any], reflected: bool = False) -> Callable[..., Any]:
    def operator(self: ndarray, *others: Any) -> Any:
        if not all(isinstance(other, (ndarray, *_SCALARS)) for other in others):
            if any(isinstance(other, np.ndarray) for other in others):
                raise TypeError(f"Unsupported type {np.ndarray}")
            return NotImplemented
        args = numbers_rounded((self, *others))
        return compute(function, *(reversed(args) if reflected else args))

    return operator


def _operator_in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    def operator(self: ndarray, other: Any) -> ndarray:
        if not isinstance(other, (ndarray, *_SCALARS)):
            raise TypeError(f"Unsupported type {type(other)}")
        return compute_into(self, function, self, other)

    return operator


def _matmul(a: ndarray, b: ndarray) -> ndarray:
    from ._functions import matmul

    return matmul(a, b)


def _add_operators() -> None:
    arithmetic = {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "truediv": np.true_divide,
        "floordiv": np.floor_divide,
        "mod": np.remainder,
        "pow": np.power,
        "and": np.bitwise_and,
        "or": np.bitwise_or,
        "xor": np.bitwise_xor,
        "lshift": np.left_shift,
        "rshift": np.right_shift,
    }
    for name, function in arithmetic.items():
        setattr(ndarray, f"__{name}__", _operator(function))
        setattr(ndarray, f"__r{name}__", _operator(function, reflected=True))
        setattr(ndarray, f"__i{name}__", _operator_in_place(function))
    others = {
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
        "eq": np.equal,
        "ne": np.not_equal,
        "neg": np.negative,
        "abs": np.absolute,
        "invert": np.invert,
    }
    for name, function in others.items():
        setattr(ndarray, f"__{name}__", _operator(function))
    ndarray.__matmul__ = _matmul


_add_operators()
