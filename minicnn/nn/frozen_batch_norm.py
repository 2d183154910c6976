"""Batch norm whose statistics and parameters are fixed, for networks that are trained on few images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..creation import ones, zeros
from ..ops.promotion import result_type
from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["FrozenBatchNorm2d"]


def _without_count(module: Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Drops the number of batches that a ``BatchNorm2d`` has seen from what is loaded."""
    state.pop(f"{prefix}num_batches_tracked", None)


class FrozenBatchNorm2d(Module):
    """Normalises images (N, C, H, W) by statistics that training does not change.

    Args:
        num_features: C, the number of channels.
        eps: added to the variance.

    Weight, bias, running_mean and running_var (C,) are buffers, so no optimizer sees them. The
    ``state_dict`` of a ``BatchNorm2d`` can be loaded. As ``torchvision.ops.FrozenBatchNorm2d``.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    _load_state_dict_pre_hooks: Mapping[int, Any] = {-1: _without_count}

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", ones(num_features))
        self.register_buffer("bias", zeros(num_features))
        self.register_buffer("running_mean", zeros(num_features))
        self.register_buffer("running_var", ones(num_features))

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(result_type(x, self.weight))
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"
