"""RMSprop."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .optimizer import Optimizer, Params, Scaling, check_lr, check_option, zeros_like


class RMSprop(Optimizer):
    """RMSprop: divides the gradient by the root of the running average of its square.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate, a number or a tensor of one element.
        alpha: decay rate of the running average.
        eps: added to the root.
        weight_decay: L2 penalty: this factor times the parameter is added to its gradient.
        momentum: factor of the previous step's direction.
        centered: whether to divide by the standard deviation: the squared running mean of the
            gradient is subtracted under the root.
        maximize: whether to go up along the gradient instead of down.
        capturable, foreach: accepted without effect; they choose between torch's implementations.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for a negative lr, alpha, eps, weight_decay or momentum.

    As ``torch.optim.RMSprop``; Hinton's lecture notes 2012; centered: Graves 2013, "Generating
    Sequences With Recurrent Neural Networks". The state's ``step`` is an int, which
    ``state_dict`` gives as a tensor, as torch's.
    """

    states = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_option("epsilon value", eps)
        check_option("momentum value", momentum)
        check_option("weight_decay value", weight_decay)
        check_option("alpha value", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        buffer = "momentum_buffer" if group["momentum"] > 0 else None
        average = "grad_avg" if group["centered"] else None
        for param in params:
            state = self.state[param]
            state.setdefault("step", 0)
            for name in ("square_avg", buffer, average):
                if name is not None and name not in state:
                    state[name] = zeros_like(param)

        def hyperparameters() -> tuple[float, ...]:
            for param in params:
                self.state[param]["step"] += 1
            names = "lr", "alpha", "eps", "momentum", "weight_decay"
            return tuple(group[name] for name in names)

        states, up = ["square_avg", buffer, average], group["maximize"]
        self.run("rmsprop_step", params, states, hyperparameters, scaling, maximize=up)
