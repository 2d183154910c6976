"""Gradients of weights, for which a walk back need not wait."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import kernels
from ..autograd import Function
from ..autograd.deferred import Deferred
from ..autograd.grad_mode import mode
from ..kernels.cpu.runtime.threads import run_later
from ..tensor import Tensor

# Multiply-adds. With fewer, another thread saves no time; with more, all threads should share them,
# since the last operation of a walk has nothing beside it.
_LEAST, _MOST = 1 << 22, 1 << 28


def weight_grad(
    operation: type[Function], layer: Function, grad: Tensor, x: Tensor, **options: Any
) -> Tensor | Deferred:
    """``operation.apply(grad, x, **options)``, now or while the walk goes on.

    Args:
        operation: computes the gradient of a weight.
        layer: the node whose arguments were ``x`` and this weight.
        grad: the gradient of its output.
        x: its input.
        options: of the operation.
    """
    is_needed_first = mode.grad or mode.anomaly or not layer.needs_input_grad[0]
    if type(grad.array) is np.ndarray and kernels.selected() == "fast" and not is_needed_first:
        weight_shape, _ = layer._inputs[1]
        if _LEAST <= grad.array.size * math.prod(weight_shape[1:]) <= _MOST:
            return Deferred(run_later, operation, grad, x, **options)
    return operation.apply(grad, x, **options)
