"""Finds a learning rate by a short trial run in which it grows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import random
from ..autograd import no_grad
from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor
from ..typing import DeviceLike

__all__ = ["LearningRates", "find_learning_rate"]

_MEMORY = 0.9  # weight of the losses before, in the moving average that notices a divergence
_DIVERGED = 4.0  # times the smallest average: the sweep ends there


@dataclass(frozen=True)
class LearningRates:
    """The result of :func:`find_learning_rate`.

    Attributes:
        rates: the learning rate of each step; each is the one before times the same number.
        losses: the loss of each step.
    """

    rates: list[float]
    losses: list[float]

    @property
    def smoothed(self) -> list[float]:
        """The mean of each loss and its neighbours, a tenth of all. It does not lag behind."""
        window = np.ones(2 * (len(self.losses) // 20) + 1)
        sums = np.convolve(self.losses, window, "same")
        return (sums / np.convolve(np.ones(len(self.losses)), window, "same")).tolist()

    @property
    def suggestion(self) -> float:
        """The rate in the middle of the fifth of the sweep in which the smoothed loss fell most."""
        width = max(len(self.rates) // 5, 1)
        losses = np.array(self.smoothed)
        first = int(np.argmax(losses[:-width] - losses[width:]))
        return math.sqrt(self.rates[first] * self.rates[first + width])


def find_learning_rate(
    net: Module,
    optimizer: Optimizer,
    loss_function: Callable[[Any, Any], Tensor],
    loader: Iterable[Any],
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
    device: DeviceLike | None = None,
) -> LearningRates:
    """Trains for some steps while the learning rate grows exponentially, and watches the loss.

    A good learning rate is near the suggestion, where the loss falls fastest, and well below the rate
    at which it grows again. Look at the curve, too (:func:`minicnn.viz.plot_learning_rates`).
    Afterwards network, optimizer, gradients and random numbers, the library's and those of the loader's
    own generator, are as they were.

    Args:
        net: is trained in the mode it is in.
        optimizer: of its parameters. Groups with different rates keep their proportions, and
            ``rates`` are those of the fastest, as ``lr`` of :func:`minicnn.optim.parameter_groups` is.
        loss_function: called with the network's output and the labels, returns a scalar.
        loader: gives pairs of inputs and labels; it is run through again if it is too short.
        start, end: the first and the last rate.
        steps: of the sweep, which ends earlier when the loss is not finite, or its moving average
            four times the smallest one.
        device: where inputs and labels are moved to, if not None.

    Raises:
        ValueError: unless 0 < start < end and there are two steps or more; if the loader is empty, the
            loss is not finite at first, or it diverges before the second step.

    Source: Smith 2015, Cyclical Learning Rates for Training Neural Networks; the end as in the
    library fastai.
    """
    if not 0 < start < end or steps < 2:
        raise ValueError(
            f"find_learning_rate expects 0 < start < end and at least 2 steps, got {start}, {end}, {steps}"
        )
    proportions = [float(group["lr"]) for group in optimizer.param_groups]
    fastest = max(proportions)
    proportions = [rate / fastest if fastest else 1.0 for rate in proportions]
    rates: list[float] = []
    losses: list[float] = []
    total, smallest = 0.0, math.inf
    with _restored(net, optimizer), random.fork_rng(), _kept(getattr(loader, "generator", None)):
        batches = _endless(loader)
        for step, rate in enumerate(np.geomspace(start, end, steps).tolist()):
            for group, proportion in zip(optimizer.param_groups, proportions, strict=True):
                group["lr"] = rate * proportion
            loss = _trained(net, optimizer, loss_function, next(batches), device)
            total = _MEMORY * total + (1 - _MEMORY) * loss
            average = total / (1 - _MEMORY ** (step + 1))  # the weights so far do not add up to 1
            if not rates and not math.isfinite(loss):
                raise ValueError(
                    f"the loss is {loss} before the first step: no learning rate helps"
                )
            if not math.isfinite(average) or average > _DIVERGED * smallest:
                break
            smallest = min(smallest, average)
            rates.append(rate)
            losses.append(loss)
    if len(rates) < 2:
        raise ValueError(f"the loss diverged at the first learning rates: start below {start}")
    return LearningRates(rates, losses)


@contextmanager
def _kept(generator: random.Generator | None) -> Iterator[None]:
    """Afterwards, the generator gives the numbers that it would have given."""
    if generator is None:
        yield
        return
    state = generator.get_state()
    try:
        yield
    finally:
        generator.set_state(state)


def _trained(
    net: Module,
    optimizer: Optimizer,
    loss_function: Callable[[Any, Any], Tensor],
    batch: Any,
    device: DeviceLike | None,
) -> float:
    """The loss of a step."""
    inputs, labels = batch if device is None else (part.to(device) for part in batch)
    optimizer.zero_grad()
    loss = loss_function(net(inputs), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def _endless(loader: Iterable[Any]) -> Iterator[Any]:
    while True:
        batch = None
        for batch in loader:
            yield batch
        if batch is None:
            raise ValueError("find_learning_rate needs a loader with batches, got an empty one")


@contextmanager
def _restored(net: Module, optimizer: Optimizer) -> Iterator[None]:
    """Afterwards, the network's parameters, gradients and buffers are as before, and so is the optimizer."""
    tensors = [*net.parameters(), *net.buffers()]
    before = [(tensor.detach().clone(), tensor.grad) for tensor in tensors]
    groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    state = deepcopy(optimizer.state_dict())
    try:
        for tensor in tensors:
            tensor.grad = None  # new gradients are not added to those that are kept
        yield
    finally:
        optimizer.load_state_dict(state)
        for group, options in zip(optimizer.param_groups, groups, strict=True):
            group.update(options)
        with no_grad():
            for tensor, (values, grad) in zip(tensors, before, strict=True):
                tensor.copy_(values)
                tensor.grad = grad
