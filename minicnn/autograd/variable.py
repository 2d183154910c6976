"""``Variable``, as tensors with a gradient were called before torch 0.4."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import default_float
from ..tensor import Tensor
from ..warn import warn

__all__ = ["Variable"]


class _IsTensor(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor)


class Variable(metaclass=_IsTensor):
    """Returns a tensor on the same memory, without history; every tensor is an instance.

    Args:
        data: a tensor; none for one without elements.
        requires_grad: whether ``backward`` should store its gradient.
        volatile: warns, as it has no effect any more: use ``no_grad``.

    As ``torch.autograd.Variable``.
    """

    def __new__(  # type: ignore[misc]
        cls, data: Any = None, requires_grad: bool = False, volatile: bool | None = None
    ) -> Tensor:
        if volatile is not None:
            warn("volatile has no effect: use `with no_grad()`")
        if data is None:
            data = Tensor.of(np.zeros(0, default_float()))
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable expects a tensor, got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
