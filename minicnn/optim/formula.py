"""The base class of optimizers whose update is a short formula over arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import default_float
from ..ops.promotion import widened
from ..tensor import Tensor
from ..typing import Array
from .optimizer import Optimizer, Scaling, zeros_like


class FormulaOptimizer(Optimizer):
    """An optimizer that updates one parameter after the other by its :meth:`formula`.

    NumPy computes the formula on the CPU, CuPy on a GPU. Parameters and states in half precision are
    computed in float32 and rounded once. With a GradScaler, a step with infinite gradients is left
    out and not counted, as in torch; the CPU waits for the GPU to find out.
    """

    def formula(self, group: dict[str, Any], p: Array, g: Array, state: dict[str, Any]) -> None:
        """Update one parameter and its state in place.

        Args:
            group: the options, with ``lr`` as a number.
            p: the parameter.
            g: its gradient, negated for ``maximize`` and with the weight decay; may be overwritten.
            state: the parameter's state, with arrays for tensors. Its ``step`` counts from 1.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement formula()")

    def new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        """The state of a parameter before its first step."""
        return {"step": 0, **{name: zeros_like(param) for name in self.states}}

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        inverse_scale, found_inf = scaling or (None, False)
        if found_inf:
            return
        group = {**group, "lr": float(group["lr"])}
        for param in params:
            if not self.state[param]:
                self.state[param].update(self.new_state(group, param))
            self._update_one(group, param, self.state[param], inverse_scale)

    def _update_one(
        self,
        group: dict[str, Any],
        param: Tensor,
        state: dict[str, Any],
        inverse_scale: Array | None,
    ) -> None:
        if "step" in state:
            state["step"] += 1
        p = widened(param.array)
        g = _gradient(param, p, group, inverse_scale)
        values = {
            name: widened(value.array) if isinstance(value, Tensor) else value
            for name, value in state.items()
        }
        self.formula(group, p, g, values)
        _write(param, p)
        for name, value in values.items():
            if isinstance(state[name], Tensor):
                _write(state[name], value)
            else:
                state[name] = value


def _gradient(param: Tensor, p: Array, group: dict[str, Any], inverse_scale: Array | None) -> Array:
    """A copy of the gradient as the formula needs it; decoupled weight decay changes p."""
    if param.grad is None:
        raise RuntimeError("a parameter without a gradient cannot be updated")
    g = param.grad.array.astype(p.dtype, order="K")
    if inverse_scale is not None:
        g *= inverse_scale
    if group.get("maximize"):
        g *= -1
    weight_decay = group.get("weight_decay", 0)
    if weight_decay and group.get("decoupled_weight_decay"):
        p *= 1 - group["lr"] * weight_decay
    elif weight_decay:
        g += weight_decay * p
    return g


def _write(tensor: Tensor, values: Array) -> None:
    if values is not tensor.array:
        tensor.array[...] = values.astype(tensor.array.dtype)
    tensor.bump_version()


def move(average: Array, g: Array, share: float) -> None:
    """``average += share * (g - average)``"""
    average += share * (g - average)


def average_square(square: Array, g: Array, beta: float) -> None:
    """``square = beta * square + (1 - beta) * g ** 2``"""
    square *= beta
    square += (1 - beta) * g * g


def stored(number: float) -> np.floating[Any]:
    """A number for the state, in the default dtype, in which torch keeps it.

    Once it is loaded, it is in the parameter's dtype, as in torch.
    """
    value: np.floating[Any] = default_float().type(number)
    return value
