"""A module's tensors on another device, in another dtype or another memory layout."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constructors import TensorType, convert
from ..creation import empty_like
from ..dtype import DType
from ..dtypes import bfloat16, is_floating
from ..memory_format import MemoryFormat, preserve_format
from ..tensor import Tensor
from ..typing import DeviceLike, DTypeLike

if TYPE_CHECKING:
    from typing import Self

    from .module import Module

__all__ = ["ConversionMethods"]


class ConversionMethods:
    """The methods of ``Module`` that replace the arrays of its tensors."""

    if TYPE_CHECKING:
        _parameters: dict[str, Any]
        _buffers: dict[str, Any]

        def children(self) -> Iterator[Module]: ...

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the arrays of all parameters, their gradients, and all buffers."""
        for child in self.children() if recurse else ():
            child._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            # In place, so that optimizers still hold the same parameters.
            param.array = fn(param.detach()).array
            if param.grad is not None:
                param.grad = fn(param.grad.detach())
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(
        self,
        *args: Any,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        non_blocking: bool = False,
        memory_format: MemoryFormat | str = preserve_format,
    ) -> Self:
        """Move all tensors: ``to(device)``, ``to(dtype)``, ``to(device, dtype)``, ``to(tensor)``.

        A dtype applies to floating-point tensors only, ``memory_format`` to those with 4 dimensions.
        Changes the module in place and returns it. ``non_blocking`` is accepted because PyTorch
        scripts pass it; it has no effect.
        """
        for arg in args:
            if isinstance(arg, Tensor):
                device, dtype = arg.device, arg.dtype
            elif isinstance(arg, (builtins.type, np.dtype, DType)):
                dtype = arg
            elif arg is not None:
                device = arg
        if dtype is not None and not is_floating(np.dtype(dtype)):
            raise TypeError(
                f"a module can only be moved to a floating-point dtype, got {np.dtype(dtype)}"
            )

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(
                device=device,
                dtype=dtype if tensor.is_floating_point() else None,
                memory_format=memory_format if tensor.ndim == 4 else preserve_format,
            )

        return self._apply(moved)

    def cpu(self) -> Self:
        """Move everything to the CPU."""
        return self.to(device="cpu")

    def cuda(self, device: int | str | None = None) -> Self:
        """Move everything to a GPU, by default the current one."""
        return self.to(device=f"cuda:{device}" if isinstance(device, int) else device or "cuda")

    def float(self) -> Self:
        """Make all floating-point tensors float32."""
        return self.to(dtype=np.float32)

    def double(self) -> Self:
        """Make all floating-point tensors float64."""
        return self.to(dtype=np.float64)

    def half(self) -> Self:
        """Make all floating-point tensors float16."""
        return self.to(dtype=np.float16)

    def bfloat16(self) -> Self:
        """Make all floating-point tensors bfloat16."""
        return self.to(dtype=bfloat16)

    def type(self, dst_type: DTypeLike | TensorType) -> Self:
        """Cast all tensors, also integers, to a dtype or a type such as ``"torch.DoubleTensor"``."""
        return self._apply(lambda tensor: convert(tensor, dst_type))  # type: ignore[arg-type, return-value]

    def to_empty(self, *, device: DeviceLike | None, recurse: bool = True) -> Self:
        """Replace all tensors by uninitialised ones on a device."""
        return self._apply(lambda tensor: empty_like(tensor, device=device), recurse)

    def share_memory(self) -> Self:
        """Return the module: processes get copies of it, and share no memory."""
        return self
