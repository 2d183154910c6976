"""Batch norm over the batches of all processes that train one network."""

from __future__ import annotations

from typing import Any

from ..distributed import is_initialized
from ..distributed.process_group import ProcessGroup, the_group
from ..distributed.sync_batch_norm import sync_batch_norm
from ..tensor import Tensor
from .module import Module
from .norm import _BatchNorm

__all__ = ["SyncBatchNorm"]


class SyncBatchNorm(_BatchNorm):
    """Batch norm for any number of dimensions, in training over the batches of all processes.

    The result equals one process's on the whole batch; batches may have different sizes. In
    evaluation, and in a program of one process, it is the ordinary one.

    Args:
        num_features, eps, momentum, affine, track_running_stats, bias: as for BatchNorm2d.
        process_group: whose batches count, those of all processes when left out.

    As ``torch.nn.SyncBatchNorm``, which works on GPUs only.
    """

    _dims = (2, 3, 4, 5)
    process_group: ProcessGroup | None = None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: ProcessGroup | None = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )
        self.process_group = process_group

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or not is_initialized():
            return super().forward(input)
        group = the_group(self.process_group)
        if group.size() == 1:
            return super().forward(input)
        x, running_mean, running_var, weight, bias, _, momentum, eps = self.arguments(input)
        return sync_batch_norm(x, running_mean, running_var, weight, bias, momentum, eps, group)

    @classmethod
    def convert_sync_batchnorm(
        cls, module: Module, process_group: ProcessGroup | None = None
    ) -> Module:
        """The module with every batch norm in it turned into this class; it keeps its tensors."""
        if isinstance(module, _BatchNorm):
            module.__class__ = cls
            module.process_group = process_group
        for child in module.children():
            cls.convert_sync_batchnorm(child, process_group)
        return module
