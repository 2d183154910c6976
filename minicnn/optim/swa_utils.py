"""Averages of a network's weights over the steps of training, as ``torch.optim.swa_utils``.

Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..dtype import DType
from ..nn.module import Module
from ..nn.norm import _BatchNorm
from ..tensor import Tensor
from .lr_scheduler.base import LRScheduler, Rate, per_group
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

AvgFn = Callable[[Tensor, Tensor, Any], Tensor]
MultiAvgFn = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


class AveragedModel(Module):
    """A copy of a network whose parameters are the average of those that it is shown.

    An exponential moving average (EMA) for a loop of your own, with batch norm's statistics::

        ema = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.999), use_buffers=True)
        for images, labels in loader:
            …
            optimizer.step()
            ema.update_parameters(net)
        accuracy = evaluate(ema.eval())  # or ema.module, which is a network like net

    Args:
        model: the network; it is copied.
        device: where the copy lives; where the network is if None.
        avg_fn: ``f(averaged, current, number of averaged)`` returns the new average of a tensor. The
            mean of all (:func:`get_swa_avg_fn`) if neither this nor the next is given.
        multi_avg_fn: the same for lists of tensors, of which it changes the first in place.
        use_buffers: whether buffers are averaged, too; otherwise they are copied.

    Attributes:
        module: the copy.
        n_averaged: how often :meth:`update_parameters` was called, a tensor.

    Raises:
        AssertionError: for both ``avg_fn`` and ``multi_avg_fn``.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: AvgFn | None = None,
        multi_avg_fn: MultiAvgFn | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("avg_fn and multi_avg_fn exclude each other, got both")
        self.module = deepcopy(model)
        n_averaged = Tensor.of(np.zeros((), np.int64))
        if device is not None:
            self.module = self.module.to(device)
            n_averaged = n_averaged.to(device)
        self.register_buffer("n_averaged", n_averaged)
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> object:
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the parameters of ``model`` into the average; the first ones are copied."""
        averaged, current = self._tensors(self.module), self._tensors(model)
        current = [c.detach().to(a.device) for a, c in zip(averaged, current, strict=False)]
        if self.n_averaged == 0:
            for a, c in zip(averaged, current, strict=False):
                a.copy_(c)
        elif self.multi_avg_fn is not None:
            for group in _by_device_and_dtype(averaged, current):
                self.multi_avg_fn(*group, self.n_averaged.to(group[0][0].device))
        else:
            average = self.avg_fn or get_swa_avg_fn()
            for a, c in zip(averaged, current, strict=False):
                a.copy_(average(a, c, self.n_averaged.to(a.device)))
        if not self.use_buffers:
            for a, c in zip(self.module.buffers(), model.buffers(), strict=True):
                a.copy_(c.detach().to(a.device))
        self.n_averaged += 1

    def _tensors(self, module: Module) -> list[Tensor]:
        """What is averaged: the parameters, and the buffers if they are."""
        tensors = chain(module.parameters(), module.buffers() if self.use_buffers else ())
        return [tensor.detach() for tensor in tensors]


def _by_device_and_dtype(
    averaged: list[Tensor], current: list[Tensor]
) -> Iterable[tuple[list[Tensor], list[Tensor]]]:
    """The two lists, cut into those of the same device and dtype."""
    groups: dict[tuple[Any, DType], tuple[list[Tensor], list[Tensor]]] = {}
    for a, c in zip(averaged, current, strict=False):
        group = groups.setdefault((a.device, a.dtype), ([], []))
        group[0].append(a)
        group[1].append(c)
    return groups.values()


def get_swa_avg_fn() -> AvgFn:
    """The mean of all: ``averaged + (current - averaged) / (number + 1)``."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> AvgFn:
    """The exponential moving average: ``decay * averaged + (1 - decay) * current``.

    Raises:
        ValueError: for a decay outside [0, 1].
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_multi_avg_fn() -> MultiAvgFn:
    """:func:`get_swa_avg_fn` for lists of tensors, in place."""

    @no_grad()
    def swa_update(
        averaged_param_list: Sequence[Tensor],
        current_param_list: Sequence[Tensor],
        num_averaged: Any,
    ) -> None:
        share = float(1 / (num_averaged + 1))
        for averaged, current in zip(averaged_param_list, current_param_list, strict=True):
            _lerp(averaged, current, share)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAvgFn:
    """:func:`get_ema_avg_fn` for lists of tensors, in place.

    Raises:
        ValueError: for a decay outside [0, 1].
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(
        ema_param_list: Sequence[Tensor], current_param_list: Sequence[Tensor], num_averaged: Any
    ) -> None:
        for averaged, current in zip(ema_param_list, current_param_list, strict=True):
            _lerp(averaged, current, 1 - decay)

    return ema_update


def _lerp(averaged: Tensor, current: Tensor, share: float) -> None:
    """Move ``averaged`` to ``current`` by a share of the way, in place."""
    if not averaged.is_floating_point():
        averaged.copy_(averaged * (1 - share) + current * share)
    elif share < 0.5:
        averaged.add_((current - averaged) * share)
    else:
        averaged.copy_(current - (current - averaged) * (1 - share))


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"decay must be in [0, 1], got {decay}")


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all BatchNorm layers from the batches of a loader.

    Args:
        loader: gives inputs, or lists and tuples that begin with the input.
        model: is called with each input, in training mode.
        device: where inputs are moved to, if not None.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    was_training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
    for batch in loader:
        images = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(images if device is None else images.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Go from the current rates to ``swa_lr`` in ``anneal_epochs`` epochs, and stay there.

    Args:
        swa_lr: the rate in the end, or a list with one for each parameter group.
        anneal_epochs: number of epochs until then; 0 goes there at once.
        anneal_strategy: 'cos' or 'linear'.

    Raises:
        ValueError: for an unknown strategy, a negative number of epochs, or a list of wrong length.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        lrs = per_group("swa_lr", swa_lr, optimizer)
        for group, lr in zip(optimizer.param_groups, lrs, strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be 0 or a positive integer, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def next_lrs(self) -> list[Rate]:
        # `_step_count` counts the constructor's step, which is epoch 0.
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._done(step - 1), self._done(step)
        lrs = []
        for group in self.optimizer.param_groups:
            lr, swa_lr = group["lr"], group["swa_lr"]
            first = swa_lr if before == 1 else (lr - before * swa_lr) / (1 - before)
            lrs.append(swa_lr * now + first * (1 - now))
        return lrs

    def _done(self, step: int) -> float:
        """The share of ``swa_lr`` in the rates of a step."""
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2
