"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .optimizer import (
    Optimizer,
    Params,
    Scaling,
    check_implementation,
    check_lr,
    check_option,
    zeros_like,
)


class SGD(Optimizer):
    """Stochastic gradient descent, optionally with momentum.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate, a number or a tensor of one element.
        momentum: factor of the previous step's direction.
        dampening: the momentum adds 1 - dampening times the gradient; the first step adds all of it.
        weight_decay: L2 penalty: this factor times the parameter is added to its gradient.
        nesterov: whether to use Nesterov's momentum, which looks ahead along the direction.
        maximize: whether to go up along the gradient instead of down.
        foreach, fused: accepted without effect; they choose between torch's implementations.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for negative lr, momentum or weight_decay, or nesterov without momentum or with
            dampening.
        RuntimeError: for ``fused`` together with ``foreach`` or ``differentiable``, as in torch.

    As ``torch.optim.SGD``; Sutskever et al. 2013, "On the importance of initialization and momentum
    in deep learning", except that lr scales the momentum, too.
    """

    states = ("momentum_buffer",)

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_option("momentum value", momentum)
        check_option("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening, "
                f"got momentum {momentum} and dampening {dampening}"
            )
        check_implementation(foreach, fused, differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        if group["momentum"] == 0:
            self._step(group, params, scaling, None)
            return
        started, fresh = [], []
        for param in params:
            state = self.state[param]
            if state.get("momentum_buffer") is None:  # older versions of torch store None
                state["momentum_buffer"] = zeros_like(param)
                fresh.append(param)
            else:
                started.append(param)
        # The first step sets the buffer to the gradient itself, without dampening.
        for members, dampened in (fresh, False), (started, True):
            if members:
                self._step(group, members, scaling, "momentum_buffer", dampened)

    def _step(
        self,
        group: dict[str, Any],
        params: list[Tensor],
        scaling: Scaling | None,
        buffer: str | None,
        dampened: bool = False,
    ) -> None:
        def hyperparameters() -> tuple[float, ...]:
            dampening = group["dampening"] if dampened else 0.0
            return group["lr"], group["momentum"], dampening, group["weight_decay"]

        switches = {name: group[name] for name in ("maximize", "nesterov")}
        self.run("sgd_step", params, [buffer], hyperparameters, scaling, **switches)
