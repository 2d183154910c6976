"""Parameter: a tensor that a module owns and an optimizer changes."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..dtypes import float32
from ..tensor import Tensor

__all__ = ["Parameter", "empty_parameter"]


class Parameter(Tensor):
    """A tensor that registers itself when it is assigned to an attribute of a module.

    Args:
        data: the values, a tensor or a raw array; shared, not copied.
        requires_grad: whether ``backward`` fills ``grad``.
    """

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data.array if isinstance(data, Tensor) else data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def empty_parameter(shape: tuple[int, ...], dtype: Any = None, device: Any = None) -> Parameter:
    """A parameter still to be filled: float32 and on the default device unless told otherwise.

    Filters (O, C, KH, KW) lie in memory as O, KH, KW, C: the order in which convolutions read the
    images that they meet, and in which the gradients of filters come.
    """
    dtype = float32 if dtype is None else dtype
    if len(shape) != 4:
        return Parameter(empty(shape, dtype=dtype, device=device))
    O, C, KH, KW = shape
    return Parameter(empty((O, KH, KW, C), dtype=dtype, device=device).permute(0, 3, 1, 2))
