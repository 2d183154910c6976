"""Adadelta."""

from __future__ import annotations

from typing import Any

from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .formula import FormulaOptimizer, average_square
from .optimizer import Params, check_lr, check_option


class Adadelta(FormulaOptimizer):
    """Adadelta: scales the gradient by the ratio of the sizes of past updates and past gradients.

    Args:
        params: tensors, or dicts of groups.
        lr: factor of the update, a number or a tensor of one element.
        rho: decay rate of both running mean squares.
        eps: added to the mean squares under the roots.
        weight_decay: L2 penalty: this factor times the parameter is added to its gradient.
        foreach, capturable: accepted without effect; they choose between torch's implementations.
        maximize: whether to go up along the gradient instead of down.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for a negative number, or rho above 1.

    As ``torch.optim.Adadelta``; Zeiler 2012, "ADADELTA: An Adaptive Learning Rate Method".
    """

    states = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0 <= rho <= 1:
            raise ValueError(f"Invalid rho value: {rho} (must be in [0, 1])")
        check_option("epsilon value", eps)
        check_option("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def formula(self, group: dict[str, Any], p: Array, g: Array, state: dict[str, Any]) -> None:
        rho, eps, sqrt = group["rho"], group["eps"], xp_of(p).sqrt
        average_square(state["square_avg"], g, rho)
        g *= sqrt(state["acc_delta"] + eps) / sqrt(state["square_avg"] + eps)
        average_square(state["acc_delta"], g, rho)
        p -= group["lr"] * g
