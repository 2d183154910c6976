"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import kernels
from ..tensor import Tensor
from .optimizer import (
    Optimizer,
    Scaling,
    check_option,
    floats,
    grads_of,
    note_written,
    zeros_like,
)


class RMSprop(Optimizer):
    """RMSprop: the gradient over the root of the running mean of its square.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate.
        alpha: share of the running mean that is kept at each step.
        eps: added to the root.
        weight_decay: times the parameter is added to its gradient (L2).
        momentum: share of the last step's direction that is kept.
        centered: divide by the standard deviation, so subtract the squared running mean.

    Raises:
        ValueError: for a negative lr, alpha, eps, weight_decay or momentum.

    As ``torch.optim.RMSprop``; Hinton's lecture notes 2012; centered: Graves 2013, "Generating
    Sequences With Recurrent Neural Networks". The state's ``step`` is an int, in torch a tensor.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        check_option("learning rate", lr)
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
        }
        super().__init__(params, defaults)

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        state_names = ["square_avg"]
        if group["momentum"] > 0:
            state_names.append("momentum_buffer")
        if group["centered"]:
            state_names.append("grad_avg")
        for param in params:
            state = self.state[param]
            state.setdefault("step", 0)
            for name in state_names:
                if name not in state:
                    state[name] = zeros_like(param)

        def numbers() -> tuple[float, ...]:
            note_written(params)
            for param in params:
                self.state[param]["step"] += 1
            names = "lr", "alpha", "eps", "momentum", "weight_decay"
            return floats(*(group[name] for name in names))

        kernels.of(params[0].array).rmsprop_step(
            [param.array for param in params],
            grads_of(params),
            self.arrays(params, "square_avg"),
            self.arrays(params, "momentum_buffer") if group["momentum"] > 0 else None,
            self.arrays(params, "grad_avg") if group["centered"] else None,
            numbers,
            scaling=scaling,
        )
