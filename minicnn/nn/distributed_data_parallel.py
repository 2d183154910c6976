"""One network on many processes, each with its share of the batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from ..autograd import is_grad_enabled
from ..devices import memory_order
from ..distributed import broadcast_object_list
from ..distributed.joined import BUCKET_BYTES, broadcast_tensors
from ..distributed.process_group import ProcessGroup, the_group
from ..distributed.reducer import Reducer
from .module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Averages the gradients of all processes, so that their copies of a network stay equal.

    ::

        distributed.init_process_group()
        net = nn.parallel.DistributedDataParallel(net)
        loss = criterion(net(own_images), own_labels)
        loss.backward()  # gradients are now the same everywhere
        optimizer.step()

    Parameters and buffers become those of rank 0 first. In ``backward``, gradients travel in
    buckets while those of earlier layers are computed. They are added in the order of the ranks, on
    GPUs in NCCL's: a run repeats bit for bit, and all processes have the same numbers. Clipping and
    GradScaler come after the averages and so decide the same everywhere, without asking each other.

    The mean over ranks of losses that are means is the mean over the whole batch if all ranks have
    equally many samples. Otherwise multiply a rank's loss by its samples * ranks / all samples.

    Processes that call ``manual_seed`` with one number drop out the same neurons; call
    ``manual_seed(seed + get_rank())`` after the network is made, and they do not, but repeat.

    Args:
        module: the network; every process makes the same one.
        device_ids, output_device, dim: accepted for torch's scripts; it runs where it is.
        broadcast_buffers: whether buffers, such as running means, become those of rank 0 before
            each forward pass in training, and before the first one after that.
        init_sync: whether parameters and buffers become those of rank 0 here.
        process_group: the processes, all when left out.
        bucket_cap_mb: MiB of gradients that travel together, 25 when left out.
        find_unused_parameters: whether parameters may get no gradient in ``backward``. Those that
            get none on any rank keep their ``grad``.
        check_reduction, gradient_as_bucket_view, static_graph: accepted for torch's scripts.

    Raises:
        RuntimeError: if no parameter requires a gradient, or the network is another one than rank
            0's; in ``backward``, naming the parameters, if some get no gradient; see
            ``find_unused_parameters``. torch raises the last one in the forward pass that follows.

    As ``torch.nn.parallel.DistributedDataParallel`` (Li et al., 2020, "PyTorch Distributed").
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        init_sync: bool = True,
        process_group: ProcessGroup | None = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids, self.output_device, self.dim = device_ids, output_device, dim
        self.process_group = the_group(process_group)
        self.broadcast_buffers = broadcast_buffers
        self.find_unused_parameters = find_unused_parameters
        self.require_backward_grad_sync = True
        self._buffers_differ = False
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel expects a parameter that requires a gradient, got none"
            )
        _check_same(module, self.process_group)
        if init_sync:
            broadcast_tensors([*module.parameters(), *module.buffers()], self.process_group)
        self.bucket_bytes = BUCKET_BYTES if bucket_cap_mb is None else bucket_cap_mb * 2**20
        self._attach()

    def _attach(self) -> None:
        trained = {name: p for name, p in self.module.named_parameters() if p.requires_grad}
        self.reducer = Reducer(
            trained, self.process_group, self.bucket_bytes, self.find_unused_parameters
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without the processes: a copy, or what a pickle becomes, belongs to all of them."""
        state = self.__dict__.copy()
        del state["process_group"], state["reducer"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.process_group = the_group()
        self._attach()

    def forward(self, *inputs: Any, **kwargs: Any) -> object:
        if self._buffers_differ:
            broadcast_tensors(list(self.module.buffers()), self.process_group)
            self._buffers_differ = False
        if is_grad_enabled():
            self.reducer.expect(self.require_backward_grad_sync)
        output = self.module(*inputs, **kwargs)
        if self.broadcast_buffers and self.training and self.require_backward_grad_sync:
            self._buffers_differ = True
        return output

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Inside, gradients are added up on each process; the next ``backward`` outside averages them.

        The forward pass must be inside, too.
        """
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before


def _check_same(module: Module, group: ProcessGroup) -> None:
    """Raises a RuntimeError if the network is another one than that of the group's first rank."""
    own = [
        [name, str(tensor.array.dtype), list(tensor.shape), memory_order(tensor.array)]
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
    ]
    first = group.ranks[0]
    received = [own]
    broadcast_object_list(received, first, group)
    theirs = received[0]
    if own == theirs:
        return
    differences = (pair for pair in zip(own, theirs) if pair[0] != pair[1])
    ours, other = next(differences, (f"{len(own)} tensors", f"{len(theirs)} tensors"))
    raise RuntimeError(
        "DistributedDataParallel expects the same network on all ranks, but "
        f"rank {group.ranks[group.rank()]} has {_named(ours)} where rank {first} has {_named(other)}"
    )


def _named(tensor: Any) -> str:
    if isinstance(tensor, str):
        return tensor
    name, dtype, shape, _ = tensor
    return f"{name!r} ({dtype}, shape {tuple(shape)})"
