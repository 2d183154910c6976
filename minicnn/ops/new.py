"""New tensors with the dtype and the device of another: ``x.new_zeros(2, 3)``."""

from __future__ import annotations

from typing import Any

from ..constructors import built
from ..creation import empty, full, ones, tensor, zeros
from ..tensor import Tensor


def _like(x: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a new tensor, by default the dtype and the device of x."""
    for name, value in (("dtype", x.array.dtype), ("device", x.device)):
        if options.get(name) is None:
            options[name] = value
    return options


class NewMethods:
    """The methods of ``Tensor`` that make others; ``options`` are those of ``minicnn.zeros``."""

    def new(self: Any, *data: Any, device: Any = None) -> Tensor:
        """A tensor of this dtype, of sizes or data, as torch's old constructors make one."""
        return built(Tensor, data, self.array.dtype, device or self.device)

    def new_tensor(self: Any, data: Any, **options: Any) -> Tensor:
        """A tensor with a copy of ``data``."""
        return tensor(data.array if isinstance(data, Tensor) else data, **_like(self, options))

    def new_zeros(self: Any, *size: Any, **options: Any) -> Tensor:
        """A tensor of zeros."""
        return zeros(*size, **_like(self, options))

    def new_ones(self: Any, *size: Any, **options: Any) -> Tensor:
        """A tensor of ones."""
        return ones(*size, **_like(self, options))

    def new_empty(self: Any, *size: Any, **options: Any) -> Tensor:
        """A tensor of uninitialised memory."""
        return empty(*size, **_like(self, options))

    def new_full(self: Any, size: Any, fill_value: Any, **options: Any) -> Tensor:
        """A tensor with every element ``fill_value``, cut to an integer in an integer dtype."""
        return full(size, fill_value, **_like(self, options))
