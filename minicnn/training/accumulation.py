"""One step of the optimizer for several batches, whose gradients are added up."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..nn import Module

__all__ = ["Part", "accumulated"]

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Part(Generic[Batch]):
    """A batch of a step.

    Attributes:
        batch: from the loader.
        share: of the step's samples that are in it; those of a step add up to 1.
        is_last: whether the optimizer's step is due after it.
    """

    batch: Batch
    share: float
    is_last: bool

    def sync(self, net: Module) -> AbstractContextManager[None]:
        """The context for this part's forward and backward pass.

        For a network in ``DistributedDataParallel`` it is ``net.no_sync()`` in all parts but the last,
        so that processes exchange gradients once in a step; otherwise it does nothing.
        """
        no_sync = getattr(net, "no_sync", None)
        return contextlib.nullcontext() if self.is_last or no_sync is None else no_sync()


def accumulated(
    loader: Iterable[Batch], batches: int, count: Callable[[Batch], int] | None = None
) -> Iterator[Part[Batch]]:
    """The batches of a loader with their shares of a step, where memory is too small for a larger batch.

    ::

        optimizer.zero_grad()
        for part in training.accumulated(loader, batches=4):
            images, labels = part.batch
            with part.sync(net):
                loss = part.share * F.cross_entropy(net(images), labels)
                loss.backward()
            if part.is_last:
                optimizer.step()
                optimizer.zero_grad()

    If the loss is a mean over the samples, the gradient is that of the mean over all of the step,
    whatever the sizes of its batches; the last step of an epoch may have fewer. It is not the
    gradient of one large batch where a sample's loss depends on the others: batch norm takes the
    statistics of each batch, and updates the running ones after each. And a loss with weights of
    classes or ``ignore_index`` is a weighted mean, whose shares are not those of the samples: divide
    its ``reduction="sum"`` by a number of your own instead.

    Args:
        loader: gives batches. Those of one step are loaded before its first part is given.
        batches: of a step, at least 1.
        count: returns the number of samples of a batch; by default the length of its first item.

    Raises:
        ValueError: if ``batches`` is less than 1.
    """
    if batches < 1:
        raise ValueError(f"batches must be at least 1, got {batches}")
    return _parts(iter(loader), batches, count or (lambda batch: len(batch[0])))  # type: ignore[index]


def _parts(
    loaded: Iterator[Batch], batches: int, count: Callable[[Batch], int]
) -> Iterator[Part[Batch]]:
    while step := list(itertools.islice(loaded, batches)):
        counts = [count(batch) for batch in step]
        for number, batch in enumerate(step):
            yield Part(batch, counts[number] / sum(counts), number == len(step) - 1)
