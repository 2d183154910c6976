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
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import cuda, distributed, launch, random
from ..creation import full_like
from ..data import DataLoader, DistributedBatchSampler, IterableDataset
from ..devices import Device
from ..distributed.joined import BUCKET_BYTES, broadcast_tensors
from ..distributed.process_group import the_group
from ..distributed.reducer import Reducer
from ..kernels.cpu.runtime.threads import set_num_threads
from ..nn import Module, SyncBatchNorm
from ..tensor import Tensor
from ..typing import DeviceLike
from ..warn import warn
from .interrupt import StopRequest

__all__ = [
    "SharedSteps",
    "backward",
    "begin",
    "check_same",
    "first_rank_first",
    "is_first",
    "share",
    "share_skipped",
    "summed",
]

_weight = 1.0  # of this rank's loss; the mean of all ranks' is 1


def begin(device: DeviceLike) -> None:
    """Connects the ranks, if the script was started by ``mpiexec``; all but the first become silent.

    Ranks of one host share its cores and GPUs.

    Args:
        device: where they train.
    """
    if not launch.is_launched():
        return
    on_gpus = Device(device).type == "cuda"
    if not distributed.is_initialized():
        on_nccl = on_gpus and distributed.is_nccl_available()
        distributed.init_process_group("nccl" if on_nccl else "mpi")
    if distributed.get_world_size() == 1:
        return
    hosts = _of_all(platform.node())
    _share_cores()
    if on_gpus and distributed.get_backend() != "nccl":
        earlier = hosts[: distributed.get_rank()].count(platform.node())
        cuda.set_device(earlier % cuda.device_count())
    if is_first():
        where = ", ".join(f"{hosts.count(host)} on {host}" for host in dict.fromkeys(hosts))
        print(
            f"{len(hosts)} processes ({where}) share each batch: --batch-size counts the pictures of all",
            flush=True,
        )
    else:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _share_cores() -> None:
    """Gives this rank its part of the cores that several may run on."""
    try:  # fewer than all, where mpiexec binds ranks to cores
        cores = sorted(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        cores = list(range(os.cpu_count() or 1))
    sharing = _of_all([platform.node(), cores]).count([platform.node(), cores])
    if "OMP_NUM_THREADS" not in os.environ:
        set_num_threads(max(1, len(cores) // sharing))


def _of_all(value: Any) -> list[Any]:
    """What each rank has, by its number; tuples become lists."""
    values = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


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
    """Gives each rank its share of the loaders' batches, and all the seeds and weights of the first.

    Batch norm takes the statistics of the whole batch. Ranks of one host share the workers, too.

    Raises:
        TypeError: for a dataset without indices.
    """
    if distributed.get_world_size() == 1:
        return
    neighbours = _of_all(platform.node()).count(platform.node())
    seeds = _of_all([loader.seed for loader in loaders])[0]
    for loader, seed in zip(loaders, seeds):
        if isinstance(loader.dataset, IterableDataset):
            raise TypeError(
                "several processes share datasets that have indices, got the IterableDataset "
                f"{type(loader.dataset).__name__}"
            )
        loader.seed = seed
        loader.batch_sampler = DistributedBatchSampler(loader.batch_sampler)  # type: ignore[arg-type]
        loader.num_workers = -(-loader.num_workers // neighbours)
    SyncBatchNorm.convert_sync_batchnorm(net)
    broadcast_tensors([*net.parameters(), *net.buffers()], the_group())


def check_same(found: Mapping[str, Any]) -> None:
    """Makes sure that all ranks begin with the same.

    Args:
        found: what this rank has, by name.

    Raises:
        ValueError: on all ranks, if one of them has something else; it names the rank and the value.
    """
    if distributed.get_world_size() == 1:
        return
    hosts, values = _of_all(platform.node()), _of_all(found)
    for rank, (host, others) in enumerate(zip(hosts, values)):
        for name in {**values[0], **others}:
            ours, theirs = values[0].get(name), others.get(name)
            if ours != theirs:
                raise ValueError(
                    f"all processes must have the same {name}: rank 0 on {hosts[0]} has {ours}, "
                    f"rank {rank} on {host} has {theirs}"
                )


def share_skipped(loaders: Sequence[DataLoader]) -> None:
    """Tells all ranks which samples each could not read; the first rank warns of the others'."""
    if distributed.get_world_size() == 1:
        return
    for number, skipped in enumerate(_of_all([list(loader.skipped.items()) for loader in loaders])):
        for loader, samples in zip(loaders, skipped):
            for index, reason in samples:
                if index in loader.skipped:
                    continue
                loader.skipped[index] = reason
                if is_first():
                    warn(f"rank {number} left out sample {index}: {reason}")


def backward(loss: Tensor) -> None:
    """``loss.backward()`` in a step of :func:`fit`, where the loss is a mean over the batch.

    Ranks may have different numbers of samples, so the loss of a share does not count as much as
    another.
    """
    loss.backward(full_like(loss, _weight))


def _empty_share(batch: Sequence[Tensor] | None) -> list[Tensor]:
    """Such a batch without any samples, also on a rank that has no batch if another one has."""
    kinds = None if batch is None else [(x.array.dtype.name, x.shape[1:]) for x in batch]
    known: Any = next(filter(None, _of_all(kinds)), ())
    return [Tensor.of(np.zeros((0, *shape), dtype)) for dtype, shape in known]


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
            The number of batches that are then done, this rank's share of the batch, which may be
            empty, and the number of samples of all ranks.

        Raises:
            KeyboardInterrupt: on all ranks, if one is asked to stop.
        """
        global _weight
        if self._reducer is None:
            for batch in batches:
                yield loader.batch, batch, len(batch[0])
            return
        begin, waiting = loader.batch, next(batches, None)
        nothing = _empty_share(waiting)
        if not nothing:  # all that is left is broken
            return
        for done in range(begin + 1, len(loader) + 1):
            given = waiting is not None and loader.batch == done
            share: Any = waiting if given else nothing
            counting = self._counting(share[-1])
            samples, labels, stops = summed([len(share[0]), counting, self._stop.requested])
            if stops:
                share_skipped([loader])
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

    def stop_if_asked(self) -> None:
        """Stops all ranks, if one is asked to.

        Raises:
            KeyboardInterrupt: on all of them.
        """
        if self._reducer is not None and summed(self._stop.requested):
            raise KeyboardInterrupt

    def close(self) -> None:
        """Leaves the gradients alone from here on."""
        global _weight
        _weight = 1.0
        if self._reducer is not None:
            self._reducer.close()
