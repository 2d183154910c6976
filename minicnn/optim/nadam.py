"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .formula import FormulaOptimizer, average_square, move, stored
from .optimizer import Params, check_betas, check_lr, check_option


class NAdam(FormulaOptimizer):
    """NAdam: Adam that looks ahead along its direction, with a momentum that grows with the steps.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate, a number or a tensor of one element.
        betas: decay rates of the running mean and of the running mean square.
        eps: added to the root.
        weight_decay: this factor times the parameter is added to its gradient.
        momentum_decay: how fast the momentum grows; 0 keeps it at half of the first beta.
        decoupled_weight_decay: whether to decay as :class:`AdamW` instead.
        foreach, capturable: accepted without effect; they choose between torch's implementations.
        maximize: whether to go up along the gradient instead of down.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for a negative number, or betas outside [0, 1).

    As ``torch.optim.NAdam``; Dozat 2016, "Incorporating Nesterov Momentum into Adam".
    """

    states = ("exp_avg", "exp_avg_sq")
    numbers = ("step", "mu_product")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_option("epsilon value", eps)
        check_betas(betas)
        check_option("weight_decay value", weight_decay)
        check_option("momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        state = super().new_state(group, param)
        return {"step": state.pop("step"), "mu_product": stored(1.0), **state}

    def formula(self, group: dict[str, Any], p: Array, g: Array, state: dict[str, Any]) -> None:
        lr, step = group["lr"], state["step"]
        beta1, beta2 = group["betas"]

        def momentum(step: int) -> float:
            mu: float = beta1 * (1.0 - 0.5 * 0.96 ** (step * group["momentum_decay"]))
            return mu

        mu, mu_next = momentum(step), momentum(step + 1)
        dtype = state["mu_product"].dtype
        wide = np.result_type(
            dtype, np.float32
        ).type  # the product of all momenta, rounded as torch's
        state["mu_product"] = dtype.type(wide(state["mu_product"]) * wide(mu))
        mu_product = float(state["mu_product"])
        move(state["exp_avg"], g, 1 - beta1)
        average_square(state["exp_avg_sq"], g, beta2)
        denominator = xp_of(p).sqrt(state["exp_avg_sq"] / (1 - beta2**step)) + group["eps"]
        p -= lr * (1 - mu) / (1 - mu_product) * g / denominator
        p -= lr * mu_next / (1 - mu_product * mu_next) * state["exp_avg"] / denominator
