"""Training on several devices, as ``torch.nn.parallel``: how to start it, see minicnn.distributed."""

from .data_parallel import DataParallel
from .distributed_data_parallel import DistributedDataParallel
from .sync_batch_norm import SyncBatchNorm

__all__ = ["DataParallel", "DistributedDataParallel", "SyncBatchNorm"]
