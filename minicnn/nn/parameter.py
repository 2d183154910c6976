"""Parameter: a tensor that a module owns and an optimizer changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..creation import empty
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Buffer", "Parameter", "empty_parameter"]


class Parameter(Tensor):
    """A tensor that a module registers when it is assigned to one of its attributes.

    Args:
        data: the values, a tensor or an array; shared, not copied. None: no values.
        requires_grad: whether ``backward`` fills ``grad``.
    """

    def __new__(cls, data: Tensor | Array | None = None, requires_grad: bool = True) -> Self:
        data = empty(0) if data is None else data
        return cls.of(data.array if isinstance(data, Tensor) else data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class _IsBuffer(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor) and hasattr(value, "_persistent")


class Buffer(metaclass=_IsBuffer):
    """Marks a tensor as a buffer: a module that gets it as an attribute registers it.

    Args:
        data: the tensor; none for one without elements.
        persistent: whether it is part of ``state_dict``.

    As ``torch.nn.Buffer``.
    """

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Tensor:  # type: ignore[misc]
        out = empty(0) if data is None else data.detach().requires_grad_(data.requires_grad)
        out._persistent = persistent  # type: ignore[attr-defined]
        return out


def empty_parameter(
    shape: tuple[int, ...], dtype: DTypeLike | None = None, device: DeviceLike | None = None
) -> Parameter:
    """An uninitialised parameter; by default of the default dtype, on the default device.

    Filters (O, C, KH, KW) are stored in the order O, KH, KW, C: convolutions read their images with
    the channels last, too, and compute the gradients of filters in this order.
    """
    if len(shape) != 4:
        return Parameter(empty(shape, dtype=dtype, device=device))
    O, C, KH, KW = shape
    filters = Parameter(empty((O, KH, KW, C), dtype=dtype, device=device).permute(0, 3, 1, 2))
    filters.version.shape_in_torch = shape
    return filters
