"""Wrappers for several devices or processes, which work with one here: only their keys are torch's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..devices import cuda_is_available
from .module import Module
from .norm import _BatchNorm

__all__ = ["DataParallel", "DistributedDataParallel", "SyncBatchNorm"]


class DataParallel(Module):
    """Calls ``module``; the keys of its ``state_dict`` begin with ``module.``.

    Args:
        module: what to call.
        device_ids, output_device, dim: accepted for torch's scripts. There is one GPU at most: the
            whole batch runs where the module is.

    As ``torch.nn.DataParallel``.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.dim = dim
        self.device_ids = list(device_ids or [0]) if cuda_is_available() else []
        self.output_device = output_device

    def forward(self, *inputs: Any, **kwargs: Any) -> object:
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(DataParallel):
    """The same for a single process. As ``torch.nn.parallel.DistributedDataParallel``."""

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(module, device_ids, output_device, dim)


class SyncBatchNorm(_BatchNorm):
    """Batch norm for any number of dimensions, over all processes: here there is one.

    As ``torch.nn.SyncBatchNorm``.
    """

    _dims = (2, 3, 4, 5)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """The module with every batch norm in it turned into this class; it keeps its tensors."""
        if isinstance(module, _BatchNorm):
            module.__class__ = cls
        for child in module.children():
            cls.convert_sync_batchnorm(child, process_group)
        return module
