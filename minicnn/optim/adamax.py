"""Adamax: Adam with the largest gradient in place of the mean square."""

from __future__ import annotations

from typing import Any

from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .formula import FormulaOptimizer, move
from .optimizer import Params, check_betas, check_lr, check_option


class Adamax(FormulaOptimizer):
    """Adamax: divides the gradient's running mean by a decaying maximum of its absolute value.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate, a number or a tensor of one element.
        betas: decay rates of the running mean and of the maximum.
        eps: added to the absolute gradient.
        weight_decay: L2 penalty: this factor times the parameter is added to its gradient.
        foreach, capturable: accepted without effect; they choose between torch's implementations.
        maximize: whether to go up along the gradient instead of down.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for a negative number, or betas outside [0, 1).

    As ``torch.optim.Adamax``; Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization".
    """

    states = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
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
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def formula(self, group: dict[str, Any], p: Array, g: Array, state: dict[str, Any]) -> None:
        xp, largest = xp_of(p), state["exp_inf"]
        beta1, beta2 = group["betas"]
        move(state["exp_avg"], g, 1 - beta1)
        largest *= beta2
        xp.maximum(largest, abs(g) + group["eps"], out=largest)
        lr = group["lr"] / (1 - beta1 ** state["step"])  # the average started at 0
        p -= lr * state["exp_avg"] / largest
