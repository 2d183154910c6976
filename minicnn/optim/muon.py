"""Muon: momentum whose singular values are made equal, for the matrices inside a network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import kernels
from ..devices import xp_of
from ..ops.promotion import widened
from ..tensor import Tensor
from ..typing import Array
from .formula import move
from .optimizer import Optimizer, Params, Scaling, check_lr, check_option, zeros_like

__all__ = ["Muon"]

_ADJUSTMENTS = (None, "original", "match_rms_adamw")


class Muon(Optimizer):
    """Steps along the momentum's nearest orthogonal matrix: all directions move equally far.

    ::

        optimizer = optim.Muon([p for p in net.parameters() if p.ndim == 4], lr=0.02)

    Gradients of convolutions are large in a few directions and small in most; Adam, which looks at
    one number at a time, keeps it so. Biases and the last layer are for another optimizer;
    :class:`Combined` uses both as one.

    Args:
        params: tensors of two or more dimensions, or dicts of groups.
        lr: the length of a step, a number or a tensor of one element.
        weight_decay: each step multiplies a parameter by 1 - lr * weight_decay.
        momentum: the share of the momentum that stays from step to step.
        nesterov: whether the gradient counts once more beside the momentum.
        ns_coefficients: of X, X Xᵀ X and (X Xᵀ)² X in an iteration.
        eps: the smallest norm that a gradient is divided by.
        ns_steps: number of iterations, from 0 to 99.
        adjust_lr_fn: what ``lr`` is multiplied by for a matrix of M rows and N columns:
            ``"original"`` or None, sqrt(max(1, M / N)); ``"match_rms_adamw"``, 0.2 sqrt(max(M, N)),
            with which rates for AdamW do.

    Raises:
        ValueError: for an option out of range, or a parameter with fewer than two dimensions.

    As ``torch.optim.Muon``; Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural
    networks". Different from torch's: filters (O, C, KH, KW) are taken, as matrices (O, C * KH * KW),
    as in the authors' own code; options in a group are checked like those of all groups; and the
    iterations run in float32 (float64 for parameters in it), where torch's run in bfloat16, because
    CPUs multiply float32 fast. So rounding matters less, but as there it grows with the iterations in
    the directions in which a gradient hardly points. A CUDA graph reads lr and weight decay in each
    step; the other options stay as they were captured.
    """

    states = ("momentum_buffer",)
    numbers = ()

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        _check_options(defaults)
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if isinstance(param_group, dict):  # else the base class says so
            _check_options({**self.defaults, **param_group})
        super().add_param_group(param_group)

    def _check_tensors(self, params: list[Any]) -> None:
        super()._check_tensors(params)
        for param in params:
            if param.ndim < 2:
                raise ValueError(
                    "Muon takes parameters of two or more dimensions, got one of shape "
                    f"{tuple(param.shape)}"
                )

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        params = [param for param in params if param.numel()]  # no direction without elements
        if not params:
            return
        steps = [self._direction(group, param, scaling) for param in params]
        if scaling is not None:  # the momentum is unscaled already
            inverse_scale, found_inf = scaling
            scaling = xp_of(found_inf).ones_like(inverse_scale), found_inf

        def hyperparameters() -> tuple[float, ...]:
            return group["lr"], 0.0, 0.0, group["weight_decay"]

        self.run("sgd_step", params, [None], hyperparameters, scaling, grads=steps, nesterov=False)

    def _direction(self, group: dict[str, Any], param: Tensor, scaling: Scaling | None) -> Array:
        """What the parameter moves against, of its shape; the momentum moves on."""
        state = self.state[param]
        if not state:
            state["momentum_buffer"] = zeros_like(param)
        buffer = state["momentum_buffer"]
        momentum = widened(buffer.array)
        grad = _gradient(param, momentum, scaling)
        move(momentum, grad, 1 - group["momentum"])
        if momentum is not buffer.array:
            buffer.array[...] = momentum.astype(buffer.array.dtype)
        if group["nesterov"]:
            momentum = grad + group["momentum"] * (momentum - grad)
        rows = momentum.reshape(len(momentum), -1)
        step = orthogonalized(rows, group["ns_coefficients"], group["ns_steps"], group["eps"])
        step *= _adjustment(group["adjust_lr_fn"], *rows.shape)
        return step.reshape(param.shape).astype(param.array.dtype, copy=False)


def _check_options(options: dict[str, Any]) -> None:
    """Raise ValueError for an option out of range."""
    check_lr(options["lr"])
    check_option("momentum", options["momentum"])
    check_option("weight decay", options["weight_decay"])
    check_option("epsilon value", options["eps"])
    if options["adjust_lr_fn"] not in _ADJUSTMENTS:
        raise ValueError(
            f"adjust_lr_fn must be one of {_ADJUSTMENTS}, got {options['adjust_lr_fn']!r}"
        )
    if len(options["ns_coefficients"]) != 3:
        raise ValueError(f"ns_coefficients must be three numbers, got {options['ns_coefficients']}")
    steps = options["ns_steps"]
    if not isinstance(steps, (int, np.integer)) or not 0 <= steps < 100:
        raise ValueError(f"ns_steps must be a whole number from 0 to 99, got {steps}")


def _gradient(param: Tensor, momentum: Array, scaling: Scaling | None) -> Array:
    """The unscaled gradient; after an overflow the momentum, which then stays as it is."""
    if param.grad is None:
        raise RuntimeError("a parameter without a gradient cannot be updated")
    grad = widened(param.grad.array)
    if scaling is None:
        return grad
    inverse_scale, found_inf = scaling
    return xp_of(grad).where(found_inf, momentum, grad * inverse_scale)


def orthogonalized(
    x: Array, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Array:
    """A matrix with the singular vectors of ``x`` (M, N), and singular values near 1.

    Each Newton-Schulz iteration is X <- X P with P = a + b XᵀX + c (XᵀX)², where X is the one of ``x``
    and its transpose that has more rows. The largest singular values stay near 1, and small ones grow.
    Two iterations share a product with X, which is most of the work: the second one's XᵀX is P XᵀX P.
    Not more than two, because of rounding: an eigenvalue of XᵀX that should be 0 may be a bit below,
    where P makes it grow without bound. So it is computed from X again before it matters.
    """
    if len(x) < x.shape[1]:
        return orthogonalized(x.T, coefficients, steps, eps).T
    xp, (a, b, c) = xp_of(x), coefficients
    # A Bᵀ, where all B are symmetric; not xp.matmul, as CUDA graphs cannot record cuBLAS
    product = kernels.of(x).linear

    def factor_of(gram: Array) -> Array:
        return a * xp.eye(len(gram), dtype=gram.dtype) + b * gram + c * product(gram, gram, None)

    x = xp.ascontiguousarray(x / xp.maximum(xp.sqrt((x * x).sum()), eps))
    for step in range(0, steps, 2):
        gram = kernels.of(x).linear_weight_grad(x, x)
        factor = factor_of(gram)
        if step + 1 < steps:
            gram = product(product(factor, gram, None), factor, None)
            factor = product(factor_of(gram), factor, None)
        x = product(x, factor, None)
    return x


def _adjustment(name: str | None, rows: int, columns: int) -> float:
    if name == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
