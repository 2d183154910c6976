"""Adam, and AdamW, which decouples the weight decay from the gradient."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .optimizer import (
    Optimizer,
    Params,
    Scaling,
    check_betas,
    check_implementation,
    check_lr,
    check_option,
    zeros_like,
)

Betas = tuple[float, float] | tuple[Tensor, Tensor]


class Adam(Optimizer):
    """Adam: divides the gradient's running mean by the root of its running mean square.

    Args:
        params: tensors, or dicts of groups.
        lr: learning rate, a number or a tensor of one element.
        betas: decay rates of the running mean and of the running mean square, floats or tensors.
        eps: added to the root.
        weight_decay: L2 penalty: this factor times the parameter is added to its gradient.
        amsgrad: whether to divide by the root of the largest mean square so far.
        maximize: whether to go up along the gradient instead of down.
        decoupled_weight_decay: whether to decay as :class:`AdamW`.
        foreach, capturable, fused: accepted without effect; they choose between torch's
            implementations.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for negative lr, eps or weight_decay, betas outside [0, 1), one float and one
            tensor, or tensors with ``foreach`` and without ``capturable``.
        RuntimeError: for ``fused`` together with ``foreach`` or ``differentiable``, as in torch.

    As ``torch.optim.Adam``; Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization"; amsgrad:
    Reddi et al. 2018, "On the Convergence of Adam and Beyond". The state's ``step`` is an int, which
    ``state_dict`` gives as a tensor, as torch's.
    """

    states = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        _check_tensors(lr, betas, bool(foreach) and not capturable)
        check_lr(lr)
        check_option("epsilon value", eps)
        check_betas(betas)
        check_option("weight_decay value", weight_decay)
        check_implementation(foreach, fused, differentiable)
        defaults = {
            "lr": lr,
            "betas": tuple(map(float, betas)),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        # The bias correction depends on how many gradients a parameter had: mostly one number for all.
        by_step: dict[int, list[Tensor]] = {}
        for param in params:
            state = self.state[param]
            if not state:
                state.update(step=0, exp_avg=zeros_like(param), exp_avg_sq=zeros_like(param))
            if group["amsgrad"] and "max_exp_avg_sq" not in state:
                state["max_exp_avg_sq"] = zeros_like(param)
            by_step.setdefault(state["step"], []).append(param)
        for members in by_step.values():
            self._step(group, members, scaling)

    def _step(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        def hyperparameters() -> tuple[float, ...]:
            for param in params:
                self.state[param]["step"] += 1
            step = self.state[params[0]]["step"]
            return step, group["lr"], *group["betas"], group["eps"], group["weight_decay"]

        maxima = None
        if group["amsgrad"]:
            maxima = [self.state[param]["max_exp_avg_sq"].array for param in params]
        self.run(
            "adam_step",
            params,
            ["exp_avg", "exp_avg_sq"],
            hyperparameters,
            scaling,
            maximize=group["maximize"],
            decoupled=group["decoupled_weight_decay"],
            maxima=maxima,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: each step multiplies the parameter by 1 - lr * weight_decay.

    Arguments and errors as in :class:`Adam`. As ``torch.optim.AdamW``; Loshchilov & Hutter 2019,
    "Decoupled Weight Decay Regularization".
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )


def _check_tensors(lr: float | Tensor, betas: Betas, many_at_once: bool) -> None:
    """Raise ValueError, in torch's words, for tensors where it does not take them."""
    kinds = [isinstance(beta, Tensor) for beta in betas]
    if not all(kinds) and not all(isinstance(beta, float) for beta in betas):
        raise ValueError(f"betas must be either both floats or both Tensors, got {betas}")
    given = {"lr": lr, "betas[0]": betas[0], "betas[1]": betas[1]}
    for name, value in given.items():
        if not isinstance(value, Tensor):
            continue
        if many_at_once:
            raise ValueError(
                f"{name} as a Tensor is not supported for capturable=False and foreach=True"
            )
        if value.array.size != 1:
            raise ValueError(f"Tensor {name} must be 1-element, got shape {tuple(value.shape)}")
