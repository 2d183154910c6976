"""Adagrad."""

from __future__ import annotations

from typing import Any

from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .formula import FormulaOptimizer
from .optimizer import Params, check_implementation, check_lr, check_option, zeros_like


class Adagrad(FormulaOptimizer):
    """Adagrad: divides the gradient by the root of the sum of all squared gradients so far.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate, a number or a tensor of one element.
        lr_decay: step t uses ``lr / (1 + (t - 1) * lr_decay)``.
        weight_decay: L2 penalty: this factor times the parameter is added to its gradient.
        initial_accumulator_value: the sum before the first step.
        eps: added to the root.
        foreach, fused: accepted without effect; they choose between torch's implementations.
        maximize: whether to go up along the gradient instead of down.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for a negative number.
        RuntimeError: for ``fused`` together with ``foreach`` or ``differentiable``, as in torch.

    As ``torch.optim.Adagrad``; Duchi et al. 2011, "Adaptive Subgradient Methods for Online Learning
    and Stochastic Optimization".
    """

    states = ("sum",)

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_option("lr_decay value", lr_decay)
        check_option("weight_decay value", weight_decay)
        check_option("initial_accumulator_value value", initial_accumulator_value)
        check_option("epsilon value", eps)
        check_implementation(foreach, fused, differentiable)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:  # as in torch, the state is there before the first step
            for param in group["params"]:
                self.state[param].update(self.new_state(group, param))

    def new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        total = zeros_like(param)
        total.array[...] = self.defaults["initial_accumulator_value"]
        return {"step": 0, "sum": total}

    def formula(self, group: dict[str, Any], p: Array, g: Array, state: dict[str, Any]) -> None:
        lr = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])
        state["sum"] += g * g
        p -= lr * g / (xp_of(p).sqrt(state["sum"]) + group["eps"])
