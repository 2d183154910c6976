"""A wrapper for several GPUs of one process, which works with one: only its keys are torch's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..devices import cuda_is_available
from .module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """Calls ``module``; the keys of its ``state_dict`` begin with ``module.``.

    Args:
        module: what to call.
        device_ids, output_device, dim: accepted for torch's scripts. The whole batch runs where the
            module is: several GPUs work together in several processes, with
            :class:`~minicnn.nn.parallel.DistributedDataParallel`.

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
