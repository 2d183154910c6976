"""The dtype in which an operation on several tensors and numbers computes: the same as torch's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy import ndarray

from .. import kernels
from ..devices import in_memory_order, xp_of
from ..dtype import OF_NUMPY, DType
from ..dtypes import HALVES, bool_, default_float, float32, int64, is_floating
from ..kernels.cpu.runtime.arithmetic import LARGE, large
from ..no_tensor import refuse
from ..tensor import Tensor
from ..typing import Array

Operand = Tensor | float


def promote(name: str, x: Operand, y: Operand) -> tuple[Any, Any]:
    """Brings two operands to one dtype, as :func:`promote_all` does with several."""
    if isinstance(x, Tensor):  # with the most frequent cases
        a = x.array
        if isinstance(y, Tensor):
            b = y.array
            if a.dtype is b.dtype:
                if a.shape != b.shape and a.ndim and b.ndim:
                    check_broadcast(name, [x, y])
                return x, y
        elif type(y) is float and is_floating(a.dtype):
            return x, y
    return promote_all(name, x, y)  # type: ignore[return-value]


def promote_all(name: str, *operands: Operand) -> tuple[Any, ...]:
    """Brings the operands of an operation to one dtype, as torch does.

    Between tensors, floating point wins over integers of any size, and a tensor with dimensions
    wins over one without. Python numbers adapt to the tensors, except that a float turns integers
    into float32. float16 and bfloat16, neither of which includes the other, become float32.
    Without a tensor, the numbers become tensors. NumPy's arrays count as tensors, and
    then NumPy's rules hold, by which an int32 array beside float32 makes float64.

    Raises:
        TypeError: for an operand that is neither a tensor nor a number.
        RuntimeError: for shapes that do not broadcast, or an integer of more than 64 bits.
    """
    if _agree(operands):
        return operands
    if any(isinstance(x, np.ndarray) for x in operands):
        operands = _beside_arrays(operands)
    tensors = [x for x in operands if isinstance(x, Tensor)]
    scalars = [_number(name, x) for x in operands if not isinstance(x, Tensor)]
    if len(tensors) > 1:
        check_broadcast(name, tensors)
    dtype = result_dtype(tensors, scalars)
    cast: list[Any] = []
    for x in operands:
        if isinstance(x, Tensor):
            cast.append(x if x.array.dtype == dtype else x.to(dtype))
        elif tensors:
            cast.append(wrapped(_number(name, x), dtype))
        else:
            cast.append(Tensor.of(np.full((), _number(name, x), dtype)))
    return tuple(cast)


def _beside_arrays(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Operands of which some are NumPy's arrays, as tensors of NumPy's common dtype, and numbers."""
    tensors = [Tensor.of(x) if isinstance(x, np.ndarray) else x for x in operands]
    dtype = np.result_type(*(x.array for x in tensors if isinstance(x, Tensor)))
    return tuple(x.to(dtype) if isinstance(x, Tensor) else x for x in tensors)


def promote_numbers(name: str, x: Operand, y: Operand) -> tuple[Any, ...]:
    """Two operands in one dtype, as :func:`promote` has it; a RuntimeError if that is bool."""
    operands = promote(name, x, y)
    for operand in operands:
        if isinstance(operand, Tensor):
            refuse_bool(name, operand)
    return operands


def refuse_bool(name: str, x: Tensor) -> None:
    """Raises a RuntimeError for a bool tensor."""
    try:
        is_bool = x.array.dtype == bool_
    except AttributeError as error:
        refuse(name, error, (x,))
        raise
    if is_bool:
        raise RuntimeError(f"{name} expects numbers, got a bool tensor")


def refuse_integers(name: str, x: Tensor) -> None:
    """Raises a NotImplementedError, as torch, for a tensor of integers or bools."""
    try:
        floating = is_floating(x.array.dtype)
    except AttributeError as error:
        refuse(name, error, (x,))
        raise
    if not floating:
        raise NotImplementedError(f"{name} expects a floating-point tensor, got {x.array.dtype}")


def require_tensor(name: str, x: Operand, y: Operand) -> None:
    """Raises a TypeError unless one of the operands is a tensor."""
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):
        raise TypeError(f"{name} expects a tensor, got two numbers, {x} and {y}")


def require_first(name: str, x: Operand) -> None:
    """Raises a TypeError unless the first operand is a tensor."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} expects a tensor first, got {type(x).__name__}")


def require_tensors(name: str, x: Operand, y: Operand) -> None:
    """Raises a TypeError unless both operands are tensors."""
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
        got = f"{type(x).__name__} and {type(y).__name__}"
        raise TypeError(f"{name} expects two tensors, got {got}")


def _agree(operands: tuple[Operand, ...]) -> bool:
    """Whether no operand needs a cast, the most frequent case: tensors of one dtype and shape, or
    one floating-point tensor and numbers.
    """
    shape = dtype = None
    numbers = False
    for x in operands:
        if isinstance(x, Tensor):
            array = x.array
            if dtype is None:
                shape, dtype = array.shape, array.dtype
            elif array.dtype != dtype or array.shape != shape:
                return False
        elif type(x) is float or type(x) is int:
            numbers = True
        else:
            return False
    return dtype is not None and (not numbers or is_floating(dtype))


def rank(dtype: np.dtype) -> int:
    """0 for bool, 1 for integers, 2 for floating point; an operation in place cannot lower it."""
    return {"b": 0, "u": 1, "i": 1}.get(dtype.kind, 2)


def result_dtype(tensors: list[Tensor], scalars: list[Any]) -> np.dtype:
    """The common dtype of tensors and Python numbers."""
    if not tensors:
        kinds = {type(s) for s in scalars}
        return default_float() if float in kinds else int64 if int in kinds else bool_
    top = max(rank(t.array.dtype) for t in tensors)
    dtypes = [t.array.dtype for t in tensors if rank(t.array.dtype) == top and t.ndim > 0]
    dtypes = dtypes or [t.array.dtype for t in tensors if rank(t.array.dtype) == top]
    if len(set(HALVES).intersection(dtypes)) == 2:
        dtypes.append(float32)  # NumPy finds no common dtype for these two alone
        dtypes = [d for d in dtypes if d not in HALVES]
    dtype = np.result_type(*dtypes)
    if top < 2 and any(isinstance(s, float) for s in scalars):
        return default_float()
    if top < 1 and any(not isinstance(s, bool) for s in scalars):
        return int64
    return dtype


def result_type(tensor1: Operand, tensor2: Operand) -> DType:
    """The dtype in which an operation on two tensors or numbers computes.

    As ``torch.result_type``.
    """
    operands = (tensor1, tensor2)
    tensors = [x for x in operands if isinstance(x, Tensor)]
    return OF_NUMPY[result_dtype(tensors, [x for x in operands if not isinstance(x, Tensor)])]


def _number(name: str, x: Any) -> Any:
    if isinstance(x, np.generic):  # first, as np.float64 is also a float
        return x.item()
    if isinstance(x, (bool, int, float)):
        return x
    raise TypeError(
        f"{name} expects tensors or numbers, got {type(x).__name__}: use minicnn.tensor(…)"
    )


def as_factor(name: str, option: str, value: float | Tensor) -> float:
    """The number of an option such as ``alpha``, for which torch takes a tensor without dimensions, too.

    Raises:
        TypeError: for a tensor with dimensions, or one that requires a gradient.
    """
    if not isinstance(value, Tensor):
        return value
    if value.ndim or value.requires_grad:
        raise TypeError(
            f"{name} expects a number as {option}, got a tensor of shape {tuple(value.shape)}"
            + " that requires a gradient" * value.requires_grad
        )
    return value.item()


def wrapped(number: float, dtype: np.dtype) -> float:
    """A number as torch puts it beside integers of ``dtype``: higher bits of an integer are lost."""
    if dtype.kind not in "iub" or isinstance(number, float):
        return number
    if not -(2**63) <= number < 2**63:
        raise RuntimeError(f"an integer beside a tensor must fit into int64, got {number}")
    return np.int64(number).astype(dtype).item()


def check_broadcast(name: str, tensors: list[Tensor], shapes: Any = None) -> None:
    """Raises a RuntimeError unless the tensors' shapes, or ``shapes``, broadcast."""
    try:
        np.broadcast_shapes(*(shapes or [t.array.shape for t in tensors]))
    except ValueError:
        got = " and ".join(str(t.array.shape) for t in tensors)
        raise RuntimeError(f"{name} expects shapes that broadcast, got {got}") from None


def to_float(x: Tensor) -> Tensor:
    """x in floating point: the default dtype for integers, as functions such as exp return in torch."""
    return x if is_floating(x.array.dtype) else x.to(default_float())


def widen(*values: Any) -> tuple[Any, ...]:
    """The values with half-precision tensors as float32, to round once after several steps.

    Of a ``backward`` the engine rounds the result, to the dtype of its input.
    """
    return tuple(
        v.to(float32) if isinstance(v, Tensor) and v.array.dtype in HALVES else v for v in values
    )


def widened(x: Any) -> Array:
    """An array to compute with: float32 for half precision, so that only the result is rounded."""
    return x.astype(np.float32) if getattr(x, "dtype", None) in HALVES else x


def exact(x: Any, y: Any) -> tuple[Any, Any]:
    """Two operands; a number beside half precision becomes float32, which NumPy would round."""
    dtype = x.dtype if hasattr(x, "dtype") else y.dtype
    if dtype in HALVES:
        x, y = (v if hasattr(v, "dtype") else np.float32(v) for v in (x, y))
    return x, y


def rounded(x: Any, y: Any) -> tuple[Any, Any]:
    """Two operands; a number beside half precision is rounded to it.

    As in torch, powers, remainders and comparisons do so, and sums, products and quotients do not.
    """
    dtype = x.dtype if hasattr(x, "dtype") else y.dtype
    if dtype in HALVES:
        x, y = (v if hasattr(v, "dtype") else dtype.type(v) for v in (x, y))
    return x, y


def computed(function: Callable[[Any, Any], Any], x: Any, y: Any) -> Array:
    """The result of arithmetic in the dtype of the operands, arrays of one dtype or numbers.

    Half precision and a number are computed in float32 and rounded once, as in torch.
    """
    if type(x) is ndarray and type(y) is ndarray:  # whose results NumPy rounds once
        if x.ndim > 2 and (x.size > LARGE or y.size > LARGE) and kernels.selected() == "fast":
            result = large(function, x, y)
        else:
            result = function(x, y)
        return result if result.dtype is x.dtype else result.astype(x.dtype, copy=False)
    array = x if hasattr(x, "dtype") else y
    dtype = array.dtype
    if dtype is not float32 and dtype.itemsize == 2:
        x, y = exact(x, y)
    if array.ndim == 4 and _are_images(x, y):
        result = in_memory_order(function, x, y)
    else:
        result = function(x, y)
    return result if result.dtype is dtype else result.astype(dtype, copy=False)


def _are_images(x: Any, y: Any) -> bool:
    """Whether both operands are arrays of one shape (N, C, H, W), the first not in C order."""
    is_image = getattr(x, "ndim", 0) == 4 and not x.flags.c_contiguous
    return is_image and getattr(y, "shape", None) == x.shape


def of_integers(x: Any, y: Any) -> bool:
    """Whether the operands, arrays of one dtype or numbers, are integers."""
    return not is_floating(x.dtype if hasattr(x, "dtype") else y.dtype)


def as_arrays(x: Any, y: Any) -> tuple[ModuleType, Array, Array]:
    """The array library of two operands, and both as arrays of one dtype, float32 for halves."""
    x, y = widened(x), widened(y)
    numbers = [isinstance(v, (int, float, np.generic)) for v in (x, y)]
    array = y if numbers[0] else x
    xp = xp_of(array)
    # filled on the device, as a copy to it could not be captured in a CUDA graph
    x, y = (xp.full((), v, array.dtype) if number else v for v, number in zip((x, y), numbers))
    return xp, x, y
