"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .optimizer import Optimizer, Params, Scaling, check_option, zeros_like


class SGD(Optimizer):
    """Stochastic gradient descent, optionally with momentum.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate.
        momentum: factor of the previous step's direction.
        dampening: the momentum adds 1 - dampening times the gradient; the first step adds all of it.
        weight_decay: L2 penalty: this factor times the parameter is added to its gradient.
        nesterov: whether to use Nesterov's momentum, which looks ahead along the direction.

    Raises:
        ValueError: for negative lr, momentum or weight_decay, or nesterov without momentum or with
            dampening.

    As ``torch.optim.SGD``; Sutskever et al. 2013, "On the importance of initialization and momentum
    in deep learning", except that lr scales the momentum, too.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        check_option("learning rate", lr)
        check_option("momentum value", momentum)
        check_option("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening, "
                f"got momentum {momentum} and dampening {dampening}"
            )
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
        }
        super().__init__(params, defaults)

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        if group["momentum"] == 0:
            self._step(group, params, scaling, None)
            return
        started = [param for param in params if "momentum_buffer" in self.state[param]]
        fresh = [param for param in params if "momentum_buffer" not in self.state[param]]
        for param in fresh:
            self.state[param]["momentum_buffer"] = zeros_like(param)
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

        self.run("sgd_step", params, [buffer], hyperparameters, scaling, nesterov=group["nesterov"])
