"""Parameter: a tensor that a module owns and an optimizer changes."""

from __future__ import annotations

from ..creation import empty
from ..dtypes import float32
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike

__all__ = ["Parameter", "empty_parameter"]


class Parameter(Tensor):
    """A tensor that a module registers when it is assigned to one of its attributes.

    Args:
        data: the values, a tensor or an array; shared, not copied.
        requires_grad: whether ``backward`` fills ``grad``.
    """

    def __init__(self, data: Tensor | Array, requires_grad: bool = True) -> None:
        super().__init__(data.array if isinstance(data, Tensor) else data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def empty_parameter(
    shape: tuple[int, ...], dtype: DTypeLike | None = None, device: DeviceLike | None = None
) -> Parameter:
    """An uninitialised parameter; by default float32, on the default device.

    Filters (O, C, KH, KW) are stored in the order O, KH, KW, C: convolutions read their images with
    the channels last, too, and compute the gradients of filters in this order.
    """
    dtype = float32 if dtype is None else dtype
    if len(shape) != 4:
        return Parameter(empty(shape, dtype=dtype, device=device))
    O, C, KH, KW = shape
    return Parameter(empty((O, KH, KW, C), dtype=dtype, device=device).permute(0, 3, 1, 2))
