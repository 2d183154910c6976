"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from ..typing import Array
from .formula import FormulaOptimizer, stored
from .optimizer import Params, check_lr, check_option


class ASGD(FormulaOptimizer):
    """Stochastic gradient descent that also keeps the average of the parameters, in state ``ax``.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate, a number or a tensor of one element.
        lambd: how fast rate and parameters decay.
        alpha: step t uses ``lr / (1 + lambd * lr * (t - 1)) ** alpha``.
        t0: the step at which averaging begins.
        weight_decay: L2 penalty: this factor times the parameter is added to its gradient.
        foreach, capturable: accepted without effect; they choose between torch's implementations.
        maximize: whether to go up along the gradient instead of down.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for a negative lr or weight_decay.

    As ``torch.optim.ASGD``; Polyak & Juditsky 1992, "Acceleration of stochastic approximation by
    averaging".
    """

    states = ("ax",)
    numbers = ("step", "eta", "mu")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_option("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        state = super().new_state(group, param)
        return {"step": state.pop("step"), "eta": stored(group["lr"]), "mu": stored(1), **state}

    def formula(self, group: dict[str, Any], p: Array, g: Array, state: dict[str, Any]) -> None:
        lr, step, average = group["lr"], state["step"], state["ax"]
        eta, mu = float(state["eta"]), float(state["mu"])
        p *= 1 - group["lambd"] * eta
        p -= eta * g
        if mu == 1:
            average[...] = p
        else:
            average += (p - average) * mu
        # for the next step
        eta = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
        mu = 1 / max(1, step - group["t0"])
        state["eta"] = state["eta"].dtype.type(stored(eta))
        state["mu"] = state["mu"].dtype.type(stored(mu))
