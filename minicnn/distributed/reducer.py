"""Averages the gradients of all ranks while ``backward`` goes on.

Gradients are complete in about the reverse order of the parameters. They travel in buckets, so that
messages are long; as soon as a bucket is full, its mean over the ranks is begun, and ``backward``
goes on with the layers before (Li et al., 2020, "PyTorch Distributed").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..autograd import call_after_backward
from ..creation import zeros_like
from ..devices import to_device
from ..tensor import Tensor
from ..typing import Array
from .joined import Joined, in_groups
from .process_group import ProcessGroup
from .reduce_op import ReduceOp
from .work import Work

__all__ = ["Reducer"]


class _Bucket:
    """Gradients that travel together.

    Args:
        numbers: of the parameters, in the order of the reducer.
        parameters: whose gradients they are; of one dtype and device.
    """

    def __init__(self, numbers: Sequence[int], parameters: Sequence[Tensor]) -> None:
        self.numbers = numbers
        self.missing = len(numbers)  # gradients that are not complete yet
        self._parameters = parameters
        self._joined = Joined(parameters)
        self._travelling: tuple[Array, Work] | None = None

    def begin(self, group: ProcessGroup) -> None:
        """Begins to average over the ranks."""
        gradients = self._joined.read([parameter.grad for parameter in self._parameters])
        there = to_device(gradients, group.backend.device_for(gradients))
        self._travelling = there, group.backend.all_reduce(there, ReduceOp.AVG)

    def end(self, is_used: Sequence[bool]) -> None:
        """Waits for the averages and writes them to the gradients of the parameters in use."""
        assert self._travelling is not None
        averages, work = self._travelling
        self._travelling = None
        work.wait()
        used = [p if is_used[n] else None for n, p in zip(self.numbers, self._parameters)]
        for parameter in used:
            if parameter is not None and parameter.grad is None:
                parameter.grad = zeros_like(parameter)
        self._joined.write(averages, [None if p is None else p.grad for p in used])


class Reducer:
    """Averages the gradients of parameters over the ranks of a group, in every ``backward``.

    Args:
        parameters: by name; in the same order on all ranks.
        group: the ranks.
        bucket_bytes: gradients up to this size travel together; a larger one travels alone.
        allow_unused: whether parameters may get no gradient. Those that get none on any rank keep
            their ``grad``; the ranks tell each other.
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        group: ProcessGroup,
        bucket_bytes: float,
        allow_unused: bool,
    ) -> None:
        self._group = group
        self._allow_unused = allow_unused
        self._names = list(parameters)[::-1]
        backwards = list(parameters.values())[::-1]
        self._buckets = [
            _Bucket(numbers, [backwards[n] for n in numbers])
            for numbers in in_groups(backwards, bucket_bytes)
        ]
        self._bucket_of = [bucket for bucket in self._buckets for _ in bucket.numbers]
        self._is_active = False
        self._reset()
        self._handles = [
            parameter.register_post_accumulate_grad_hook(self._hook(number))
            for number, parameter in enumerate(backwards)
        ]

    def expect(self, active: bool) -> None:
        """Says whether the next ``backward`` averages gradients, or only adds to each rank's own."""
        self._is_active = active
        self._reset()

    def close(self) -> None:
        """Leaves the parameters alone from here on."""
        for handle in self._handles:
            handle.remove()

    def _reset(self) -> None:
        self._is_complete = [False] * len(self._names)
        self._begun = 0  # buckets that travel, or have arrived
        self._is_watching = False
        for bucket in self._buckets:
            bucket.missing = len(bucket.numbers)

    def _hook(self, number: int) -> Callable[[Tensor], None]:
        return lambda parameter: self._note(number)

    def _note(self, number: int) -> None:
        """The gradient of a parameter is complete."""
        if not self._is_active:
            return
        if self._is_complete[number]:
            raise RuntimeError(
                f"the gradient of {self._names[number]!r} was complete, and got more: a parameter "
                "of DistributedDataParallel takes part in one backward for each forward"
            )
        if not self._is_watching:
            self._is_watching = True
            call_after_backward(self._finish)
        self._is_complete[number] = True
        self._bucket_of[number].missing -= 1
        # in the same order on all ranks, even if gradients are complete in another one
        while self._begun < len(self._buckets) and not self._buckets[self._begun].missing:
            self._begin_next()

    def _begin_next(self) -> None:
        self._buckets[self._begun].begin(self._group)
        self._begun += 1

    def _finish(self) -> None:
        """Waits for the averages, at the end of ``backward``."""
        if not self._allow_unused:
            self._check_all_are_complete()
        while self._begun < len(self._buckets):
            self._begin_next()
        is_used = self._used_anywhere() if self._allow_unused else self._is_complete
        for bucket in self._buckets:
            bucket.end(is_used)
        self._reset()

    def _check_all_are_complete(self) -> None:
        missing = [name for name, there in zip(self._names, self._is_complete) if not there]
        if missing:
            raise RuntimeError(
                f"DistributedDataParallel expects a gradient for every parameter, but on rank "
                f"{self._group.rank()} backward gave none to {', '.join(missing[::-1])}: leave out "
                "what the loss does not depend on, or pass find_unused_parameters=True"
            )

    def _used_anywhere(self) -> list[bool]:
        """Which parameters got a gradient on at least one rank."""
        used = np.array(self._is_complete, np.uint8)
        self._group.backend.all_reduce(used, ReduceOp.MAX).wait()
        return used.astype(bool).tolist()
