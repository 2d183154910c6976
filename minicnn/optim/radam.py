"""RAdam: Adam that starts as momentum, until the mean square can be relied on."""

from __future__ import annotations

import math
from typing import Any

from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .formula import FormulaOptimizer, average_square, move
from .optimizer import Params, check_betas, check_lr, check_option


class RAdam(FormulaOptimizer):
    """RAdam: Adam whose rate is rectified by the variance of the running mean square.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate, a number or a tensor of one element.
        betas: decay rates of the running mean and of the running mean square.
        eps: added to the root.
        weight_decay: this factor times the parameter is added to its gradient.
        decoupled_weight_decay: whether to decay as :class:`AdamW` instead.
        foreach, capturable: accepted without effect; they choose between torch's implementations.
        maximize: whether to go up along the gradient instead of down.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for a negative number, or betas outside [0, 1).

    As ``torch.optim.RAdam``; Liu et al. 2020, "On the Variance of the Adaptive Learning Rate and
    Beyond".
    """

    states = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def formula(self, group: dict[str, Any], p: Array, g: Array, state: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        move(state["exp_avg"], g, 1 - beta1)
        average_square(state["exp_avg_sq"], g, beta2)
        step = state["step"]
        correction = 1 - beta2**step
        update = group["lr"] / (1 - beta1**step) * state["exp_avg"]
        # the length of a plain average with the same variance, in the end and now
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * step * beta2**step / correction
        if rho > 5.0:
            rectification = math.sqrt(
                (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
            )
            update *= rectification * math.sqrt(correction)
            update /= xp_of(p).sqrt(state["exp_avg_sq"]) + group["eps"]
        p -= update
