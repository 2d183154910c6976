"""Adafactor: mean squares of a matrix's rows and columns in place of those of all its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..devices import xp_of
from ..dtype import finfo
from ..tensor import Tensor
from ..typing import Array
from .formula import FormulaOptimizer, move
from .optimizer import Params, Scaling, check_lr, check_option, zeros_like


class Adafactor(FormulaOptimizer):
    """Adafactor: divides the gradient by a root mean square that takes little memory.

    Of a tensor of two or more dimensions it keeps the running mean squares over the last and over the
    last but one. Steps are relative to the size of the parameter.

    Args:
        params: tensors, or dicts of groups.
        lr: the largest relative step, a number or a tensor of one element.
        beta2_decay: step t gives the new mean squares the weight ``t ** beta2_decay``.
        eps: smallest mean square (None: the machine epsilon of the first parameter's dtype), and the
            smallest size of a parameter.
        d: largest root mean square of an update before it is scaled down.
        weight_decay: each step multiplies the parameter by 1 - lr * weight_decay.
        foreach: accepted without effect; it chooses between torch's implementations.
        maximize: whether to go up along the gradient instead of down.

    Raises:
        ValueError: for an option out of range.

    As ``torch.optim.Adafactor``; Shazeer & Stern 2018, "Adafactor: Adaptive Learning Rates with
    Sublinear Memory Cost".
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        if not beta2_decay <= 0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        check_option("epsilon1", 0 if eps[0] is None else eps[0])
        check_option("epsilon2", eps[1])
        if not d >= 1:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        check_option("weight_decay", weight_decay)
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        if param.ndim < 2:
            return {"step": 0, "variance": zeros_like(param)}
        rows, columns = param.array[..., :1], param.array[..., :1, :]
        zeros = xp_of(rows).zeros_like
        return {"step": 0, "row_var": Tensor.of(zeros(rows)), "col_var": Tensor.of(zeros(columns))}

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        eps1, eps2 = group["eps"]
        if eps1 is None:
            eps1 = float(finfo(params[0].array.dtype).eps)
        # The decay follows the formula, which looks at the parameter's size first.
        after = {"eps": (eps1, eps2), "weight_decay": 0, "decay": group["weight_decay"]}
        super().update({**group, **after}, params, scaling)

    def formula(self, group: dict[str, Any], p: Array, g: Array, state: dict[str, Any]) -> None:
        xp, lr, step, (eps1, eps2) = xp_of(p), group["lr"], state["step"], group["eps"]
        share = step ** group["beta2_decay"]
        size = max(eps2, _root_mean_square(p)) * min(lr, 1 / step**0.5)
        p *= 1 - lr * group["decay"]
        square = g * g
        if g.ndim > 1:
            rows, columns = state["row_var"], state["col_var"]
            move(rows, square.mean(axis=-1, keepdims=True), share)
            move(columns, square.mean(axis=-2, keepdims=True), share)
            mean = xp.maximum(rows.mean(axis=-2, keepdims=True), eps1)
            variance = rows * columns / mean
        else:
            variance = state["variance"]
            move(variance, square, share)
        g /= xp.sqrt(xp.maximum(variance, eps1 * eps1))
        p -= size / max(1.0, _root_mean_square(g) / group["d"]) * g


def _root_mean_square(x: Array) -> float:
    return float(np.sqrt(float((x * x).mean())))
