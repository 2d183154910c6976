"""Adam, and AdamW, which decouples the weight decay from the gradient."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .optimizer import Optimizer, Params, Scaling, check_option, zeros_like


class Adam(Optimizer):
    """Adam: divides the gradient's running mean by the root of its running mean square.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate.
        betas: decay rates of the running mean and of the running mean square.
        eps: added to the root.
        weight_decay: L2 penalty: this factor times the parameter is added to its gradient.

    Raises:
        ValueError: for negative lr, eps or weight_decay, or betas outside [0, 1).

    As ``torch.optim.Adam``; Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization". The
    state's ``step`` is an int; in torch it is a tensor.
    """

    decoupled_weight_decay = False

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        check_option("learning rate", lr)
        check_option("epsilon value", eps)
        check_option("beta parameter at index 0", betas[0], below=1.0)
        check_option("beta parameter at index 1", betas[1], below=1.0)
        check_option("weight_decay value", weight_decay)
        super().__init__(
            params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay}
        )

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        # The bias correction depends on how many gradients a parameter had: mostly one number for all.
        by_step: dict[int, list[Tensor]] = {}
        for param in params:
            state = self.state[param]
            if not state:
                state.update(step=0, exp_avg=zeros_like(param), exp_avg_sq=zeros_like(param))
            by_step.setdefault(state["step"], []).append(param)
        for members in by_step.values():
            self._step(group, members, scaling)

    def _step(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        def hyperparameters() -> tuple[float, ...]:
            for param in params:
                self.state[param]["step"] += 1
            step = self.state[params[0]]["step"]
            return step, group["lr"], *group["betas"], group["eps"], group["weight_decay"]

        states = ["exp_avg", "exp_avg_sq"]
        decoupled = self.decoupled_weight_decay
        self.run("adam_step", params, states, hyperparameters, scaling, decoupled=decoupled)


class AdamW(Adam):
    """Adam with decoupled weight decay: each step multiplies the parameter by 1 - lr * weight_decay.

    Arguments and errors as in :class:`Adam`. As ``torch.optim.AdamW``; Loshchilov & Hutter 2019,
    "Decoupled Weight Decay Regularization".
    """

    decoupled_weight_decay = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
