"""Padding layers; each is ``nn.functional.pad`` with one mode, for signals, images or volumes.

``padding`` is one width for all sides, or (left, right), (left, right, top, bottom) and so on.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Padding(Module):
    """A mode of ``pad`` and a number of dimensions, which the subclasses state."""

    mode: str
    dims: int

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        sides = 2 * self.dims
        self.padding = tuple(padding) if isinstance(padding, Sequence) else (padding,) * sides

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _Constant(_Padding):
    """Padding with a number."""

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _Circular(_Padding):
    """Padding with the elements of the opposite edge."""

    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise ValueError(
                f"{type(self).__name__} expects an input of {self.dims + 1} or {self.dims + 2} "
                f"dimensions, got shape {tuple(input.shape)}"
            )
        return super().forward(input)


class ConstantPad1d(_Constant):
    """Adds ``value`` around (N, C, W)."""

    dims = 1


class ConstantPad2d(_Constant):
    """Adds ``value`` around (N, C, H, W)."""

    dims = 2


class ConstantPad3d(_Constant):
    """Adds ``value`` around (N, C, D, H, W)."""

    dims = 3


class ZeroPad1d(ConstantPad1d):
    """Adds zeros around (N, C, W)."""

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Adds zeros around (N, C, H, W)."""

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Adds zeros around (N, C, D, H, W)."""

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad1d(_Padding):
    """Mirrors (N, C, W) at its first and last elements."""

    mode = "reflect"
    dims = 1


class ReflectionPad2d(_Padding):
    """Mirrors (N, C, H, W) at its first and last elements."""

    mode = "reflect"
    dims = 2


class ReflectionPad3d(_Padding):
    """Mirrors (N, C, D, H, W) at its first and last elements."""

    mode = "reflect"
    dims = 3


class ReplicationPad1d(_Padding):
    """Repeats the first and last elements of (N, C, W)."""

    mode = "replicate"
    dims = 1


class ReplicationPad2d(_Padding):
    """Repeats the first and last elements of (N, C, H, W)."""

    mode = "replicate"
    dims = 2


class ReplicationPad3d(_Padding):
    """Repeats the first and last elements of (N, C, D, H, W)."""

    mode = "replicate"
    dims = 3


class CircularPad1d(_Circular):
    """Continues (N, C, W) at the other end."""

    dims = 1


class CircularPad2d(_Circular):
    """Continues (N, C, H, W) at the other end."""

    dims = 2


class CircularPad3d(_Circular):
    """Continues (N, C, D, H, W) at the other end."""

    dims = 3
