"""What the processes of a training tell each other, and which of them speaks.

The same script runs on every rank. Each trains on its share of every batch, and all have the same
weights and metrics; the first one prints and writes. In a program of one process nothing of this
happens.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import distributed, launch, random
from ..creation import full_like
from ..data import BrokenPicture, DataLoader, DistributedBatchSampler, IterableDataset
from ..devices import Device
from ..distributed.joined import BUCKET_BYTES, broadcast_tensors
from ..distributed.process_group import the_group
from ..distributed.reducer import Reducer
from ..kernels.cpu.runtime.threads import set_num_threads
from ..nn import Module, SyncBatchNorm
from ..tensor import Tensor
from ..typing import DeviceLike
from .interrupt import StopRequest

__all__ = ["SharedSteps", "backward", "begin", "first_rank_first", "is_first", "share", "summed"]

_weight = 1.0  # of this rank's loss; the mean of all ranks' is 1


def begin(device: DeviceLike) -> None:
    """Connects the ranks, if the script was started by ``mpiexec``; all but the first become silent.

    Args:
        device: where they train; on GPUs each rank gets its own, if there is NCCL.
    """
    if not launch.is_launched():
        return
    if not distributed.is_initialized():
        on_gpus = Device(device).type == "cuda" and distributed.is_nccl_available()
        distributed.init_process_group("nccl" if on_gpus else "mpi")
    count = distributed.get_world_size()
    if count == 1:
        return
    hosts = [""] * count
    distributed.all_gather_object(hosts, platform.node())
    if "OMP_NUM_THREADS" not in os.environ:
        set_num_threads(max(1, (os.cpu_count() or 1) // hosts.count(platform.node())))
    if is_first():
        where = ", ".join(f"{hosts.count(host)} on {host}" for host in dict.fromkeys(hosts))
        print(f"{count} processes ({where}) share each batch: --batch-size is of all together")
    else:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def is_first() -> bool:
    """Whether this is the process that prints and writes."""
    return distributed.get_rank() == 0


def summed(values: Any, op: distributed.ReduceOp = distributed.ReduceOp.SUM) -> np.ndarray:
    """The sums over the ranks of one number or of an array of numbers, in float64."""
    sums = np.array(values, np.float64)
    if distributed.get_world_size() > 1:
        distributed.all_reduce(Tensor.of(sums), op)
    return sums


@contextlib.contextmanager
def first_rank_first() -> Iterator[None]:
    """What is inside, the first rank does before the others, which then find its files."""
    several = distributed.get_world_size() > 1
    if several and not is_first():
        distributed.barrier()
    yield
    if several and is_first():
        distributed.barrier()


def share(net: Module, loaders: Sequence[DataLoader]) -> None:
    """Gives each rank its share of the loaders' batches, and all the weights of the first.

    Batch norm takes the statistics of the whole batch.

    Raises:
        TypeError: for a dataset without indices.
    """
    if distributed.get_world_size() == 1:
        return
    for loader in loaders:
        if isinstance(loader.dataset, IterableDataset):
            raise TypeError(
                "several processes share datasets that have indices, got the IterableDataset "
                f"{type(loader.dataset).__name__}"
            )
        loader.batch_sampler = DistributedBatchSampler(loader.batch_sampler)  # type: ignore[arg-type]
    SyncBatchNorm.convert_sync_batchnorm(net)
    broadcast_tensors([*net.parameters(), *net.buffers()], the_group())


def backward(loss: Tensor) -> None:
    """``loss.backward()`` in a step of :func:`fit`, where the loss is a mean over the batch.

    Ranks may have different numbers of samples, so the loss of a share does not count as much as
    another.
    """
    loss.backward(full_like(loss, _weight))


class SharedSteps:
    """Lets all ranks do the same steps at the same time, each on its share of the batch.

    Args:
        net: whose gradients are averaged over the samples of all ranks.
        seed: of the random numbers, such as dropout's: those of a step depend on it, the epoch, the
            number of the batch and the rank.
        stop: a stop that one rank is asked for ends all of them at the same step.
        ignore_index: label that does not count, neither in the loss nor here.
    """

    def __init__(
        self, net: Module, seed: int, stop: StopRequest, ignore_index: int | None = None
    ) -> None:
        self.size = distributed.get_world_size()
        self._ignore_index = ignore_index
        self._seed = seed
        self._stop = stop
        stop.waits = self.size > 1
        self._reducer = None
        if self.size > 1:
            trained = {name: p for name, p in net.named_parameters() if p.requires_grad}
            self._reducer = Reducer(trained, the_group(), BUCKET_BYTES, allow_unused=True)

    def batches(
        self, loader: DataLoader, batches: Iterator[Any], epoch: int
    ) -> Iterator[tuple[int, Any, int]]:
        """Goes through an epoch.

        Args:
            loader: the training samples.
            batches: its iterator, at the batch after ``loader.batch``.
            epoch: its number.

        Yields:
            The number of batches that are then done, this rank's share of the batch, and the number
            of samples of all ranks.

        Raises:
            KeyboardInterrupt: on all ranks, if one is asked to stop.
            BrokenPicture: if all pictures of this rank are broken.
        """
        global _weight
        if self._reducer is None:
            for batch in batches:
                yield loader.batch, batch, len(batch[0])
            return
        begin, last = loader.batch, len(loader)
        waiting: Any = next(batches, None)
        if waiting is None and begin < last:
            raise BrokenPicture("none of this process's training pictures can be read")
        for done in range(begin + 1, last + 1):
            given = waiting is not None and loader.batch == done
            if waiting is not None:
                nothing = [items[:0] for items in waiting]
            share: Any = waiting if given else nothing
            counting = self._counting(share[-1])
            samples, labels, stops = summed([len(share[0]), counting, self._stop.requested])
            if stops:
                raise KeyboardInterrupt
            if labels:
                _weight = counting * self.size / labels
                self._reducer.expect(True)
                for generator in random.generators:
                    generator.seed_with(self._seed, epoch, done, distributed.get_rank())
                yield done, share, int(samples)
            if given:
                waiting = next(batches, None)

    def _counting(self, labels: Tensor) -> int:
        """How many labels the loss is the mean of."""
        if self._ignore_index is None:
            return labels.numel()
        return int((labels != self._ignore_index).sum())

    def mean(self, loss: Tensor) -> Tensor:
        """The loss of the whole batch, from the losses of the ranks' shares."""
        if self._reducer is None:
            return loss
        mean = summed(loss.item() * _weight if _weight else 0.0) / self.size
        return Tensor.of(mean.astype(loss.array.dtype))

    def close(self) -> None:
        """Leaves the gradients alone from here on."""
        global _weight
        _weight = 1.0
        if self._reducer is not None:
            self._reducer.close()
