"""Rprop: steps that depend on the gradient's sign only."""

from __future__ import annotations

from typing import Any

from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .formula import FormulaOptimizer
from .optimizer import Params, check_lr, zeros_like


class Rprop(FormulaOptimizer):
    """Resilient propagation: every weight has its own step size and follows the gradient's sign.

    A step size grows while the sign stays, and shrinks when it changes; then the weight rests once.

    Args:
        params: tensors, or dicts of groups.
        lr: the first step size, a number or a tensor of one element.
        etas: factors by which step sizes shrink and grow.
        step_sizes: the smallest and the largest step size.
        capturable, foreach: accepted without effect; they choose between torch's implementations.
        maximize: whether to go up along the gradient instead of down.
        differentiable: only False: steps are not recorded for autograd.

    Raises:
        ValueError: for a negative lr, or unless ``0 < etas[0] < 1 < etas[1]``.

    As ``torch.optim.Rprop``; Riedmiller & Braun 1993, "A Direct Adaptive Method for Faster
    Backpropagation Learning".
    """

    states = ("prev", "step_size")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(
                f"Invalid eta values: {etas[0]}, {etas[1]} (must be below and above 1)"
            )
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        step_size = zeros_like(param)
        step_size.array[...] = group["lr"]
        return {"step": 0, "prev": zeros_like(param), "step_size": step_size}

    def formula(self, group: dict[str, Any], p: Array, g: Array, state: dict[str, Any]) -> None:
        xp, step_size = xp_of(p), state["step_size"]
        agreement = g * state["prev"]
        turned = agreement < 0
        factor = xp.ones_like(g)
        factor[agreement > 0] = group["etas"][1]
        factor[turned] = group["etas"][0]
        step_size *= factor
        xp.clip(step_size, *group["step_sizes"], out=step_size)
        g[turned] = 0
        p -= xp.sign(g) * step_size
        state["prev"][...] = g
