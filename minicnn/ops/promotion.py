"""Which dtype an operation of several tensors and numbers computes in: the one that torch takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import float32, int64
from ..tensor import Tensor

Operand = Any  # a Tensor or a Python number


def promote(name: str, *operands: Operand) -> tuple[Any, ...]:
    """Brings the operands of an operation to one dtype, as torch does.

    Between tensors, floating point wins over integers whatever the sizes, and a tensor with
    dimensions over one without; Python numbers adapt to the tensors, except that a fraction makes
    integers float32.

    Raises:
        TypeError: for an operand that is neither a tensor nor a number.
        RuntimeError: for shapes that do not broadcast.
    """
    tensors = [x for x in operands if isinstance(x, Tensor)]
    if len(tensors) == len(operands) and all(
        t.array.dtype == tensors[0].array.dtype and t.array.shape == tensors[0].array.shape
        for t in tensors
    ):
        return operands
    scalars = [_number(name, x) for x in operands if not isinstance(x, Tensor)]
    if len(tensors) > 1:
        check_broadcast(name, tensors)
    dtype = result_dtype(tensors, scalars)
    cast = []
    for x in operands:
        if isinstance(x, Tensor):
            cast.append(x if x.dtype == dtype else x.to(dtype))
        else:
            cast.append(_number(name, x))
    return tuple(cast)


def rank(dtype: np.dtype) -> int:
    """0 for bool, 1 for integers, 2 for floating point; an operation in place cannot go down."""
    return {"b": 0, "u": 1, "i": 1}.get(dtype.kind, 2)


def result_dtype(tensors: list[Tensor], scalars: list[Any]) -> np.dtype:
    """The dtype in which tensors and Python numbers meet."""
    top = max(rank(t.dtype) for t in tensors)
    dtypes = [t.dtype for t in tensors if rank(t.dtype) == top and t.ndim > 0]
    dtypes = dtypes or [t.dtype for t in tensors if rank(t.dtype) == top]
    dtype = np.result_type(*dtypes)
    if top < 2 and any(isinstance(s, float) for s in scalars):
        return float32
    if top < 1 and any(not isinstance(s, bool) for s in scalars):
        return int64
    return dtype


def _number(name: str, x: Any) -> Any:
    if isinstance(x, np.generic):  # first, for np.float64 is a float, too
        return x.item()
    if isinstance(x, (bool, int, float)):
        return x
    raise TypeError(
        f"{name} expects tensors or numbers, got {type(x).__name__}: use minicnn.tensor(…)"
    )


def check_broadcast(name: str, tensors: list[Tensor], shapes: Any = None) -> None:
    """Raises a RuntimeError unless the tensors' shapes, or ``shapes``, broadcast."""
    try:
        np.broadcast_shapes(*(shapes or [t.shape for t in tensors]))
    except ValueError:
        got = " and ".join(str(t.shape) for t in tensors)
        raise RuntimeError(f"{name} expects shapes that broadcast, got {got}") from None


def to_float(x: Tensor) -> Tensor:
    """Functions such as exp give float32 for integers, as torch's do."""
    return x if x.array.dtype.kind in "fV" else x.to(float32)


def layer_operands(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
    """The operands of a layer, whose dtypes must agree.

    Raises:
        RuntimeError: if they do not.
    """
    if x.dtype != weight.dtype or (bias is not None and bias.dtype != x.dtype):
        given = f"{x.dtype}, {weight.dtype}" + ("" if bias is None else f", {bias.dtype}")
        raise RuntimeError(f"{name} expects input, weight and bias of one dtype, got {given}")
    return x, weight, bias
