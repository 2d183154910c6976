"""Schedules that first rise and then fall, over a known number of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, checked, per_group


class CosineWithWarmup(LRScheduler):
    """Rise linearly for ``warmup_steps``, then fall to ``min_lr`` along half a cosine.

    Args:
        warmup_steps: number of steps before the initial rate is reached; step t uses
            ``(t + 1) / (warmup_steps + 1)`` times that rate.
        total_steps: the step at which ``min_lr`` is reached; the rate stays there.

    Raises:
        ValueError: unless ``0 <= warmup_steps < total_steps``.

    In torch this is a ``SequentialLR`` of ``LinearLR(start_factor=1 / (warmup_steps + 1),
    total_iters=warmup_steps)`` and ``CosineAnnealingLR(total_steps - warmup_steps, min_lr)``, except
    that there the rate rises again after ``total_steps``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps: int,
        total_steps: int,
        min_lr: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                "CosineWithWarmup expects 0 <= warmup_steps < total_steps, "
                f"got warmup_steps {warmup_steps} and total_steps {total_steps}"
            )
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.min_lr = min_lr
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = min(self.last_epoch, self.total_steps)
        if step < self.warmup_steps:
            return [lr * (step + 1) / (self.warmup_steps + 1) for lr in self.base_lrs]
        done = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return [_cosine(lr, self.min_lr, done) for lr in self.base_lrs]


class OneCycleLR(LRScheduler):
    """Rise to ``max_lr``, then fall far below the first rate; momentum moves the other way.

    Args:
        max_lr: the highest rate, or a list with one for each parameter group.
        total_steps: length of the cycle; or give ``epochs`` and ``steps_per_epoch``.
        pct_start: fraction of the cycle in which the rate rises.
        anneal_strategy: 'cos' or 'linear'.
        cycle_momentum: whether to move momentum (Adam: beta1) from ``max_momentum`` to
            ``base_momentum`` and back.
        div_factor: the first rate is ``max_lr / div_factor``.
        final_div_factor: the last rate is the first one divided by this.
        three_phase: whether to fall to the first rate as fast as it rose, and then to the last.

    Raises:
        ValueError: for a length or ``pct_start`` out of range, an unknown strategy,
            ``cycle_momentum`` with an optimizer without momentum, or a step after ``total_steps``.

    As ``torch.optim.lr_scheduler.OneCycleLR``; Smith & Topin 2018, "Super-Convergence".
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        checked(optimizer)
        self.total_steps = _cycle_length(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR expects pct_start between 0 and 1, got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.pct_start = pct_start
        self.three_phase = three_phase

        if last_epoch == -1:
            max_lrs = per_group("max_lr", max_lr, optimizer)
            for group, lr in zip(optimizer.param_groups, max_lrs, strict=True):
                first = lr / div_factor
                group.update(initial_lr=first, max_lr=lr, min_lr=first / final_div_factor)
        if cycle_momentum:
            if not {"momentum", "betas"} & optimizer.defaults.keys():
                raise ValueError(
                    "optimizer must support momentum or beta1 with `cycle_momentum` option enabled,"
                    f" got {type(optimizer).__name__}"
                )
            if last_epoch == -1:
                highest = per_group("max_momentum", max_momentum, optimizer)
                lowest = per_group("base_momentum", base_momentum, optimizer)
                for group, high, low in zip(optimizer.param_groups, highest, lowest, strict=True):
                    group.update(max_momentum=high, base_momentum=low)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. "
                f"The specified number of total steps is {self.total_steps}"
            )
        begin, end, done = self._phase()
        keys = ("initial_lr", "max_lr", "initial_lr", "min_lr")
        if not self.three_phase:
            keys = ("initial_lr", "max_lr", "min_lr", "min_lr")
        momentum_keys = ("max_momentum", "base_momentum", "max_momentum", "max_momentum")
        anneal = _cosine if self.anneal_strategy == "cos" else _line
        for group in self.optimizer.param_groups if self.cycle_momentum else ():
            momentum = anneal(group[momentum_keys[begin]], group[momentum_keys[end]], done)
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum
        return [
            anneal(group[keys[begin]], group[keys[end]], done)
            for group in self.optimizer.param_groups
        ]

    def _phase(self) -> tuple[int, int, float]:
        """Indices of the turning points before and after now, and the progress between them."""
        turns = [0.0, self.pct_start * self.total_steps - 1]
        if self.three_phase:
            turns.append(2 * self.pct_start * self.total_steps - 2)
        turns.append(self.total_steps - 1)
        end = 1
        while self.last_epoch > turns[end] and end < len(turns) - 1:
            end += 1
        length = turns[end] - turns[end - 1]
        done = (self.last_epoch - turns[end - 1]) / length if length else 1.0
        return end - 1, end, done


def _cycle_length(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    """The number of steps in a cycle, given directly or by the other two arguments."""
    if total_steps is not None:
        return _positive("total_steps", total_steps)
    if epochs is None or steps_per_epoch is None:
        raise ValueError("OneCycleLR expects either total_steps or both epochs and steps_per_epoch")
    return _positive("epochs", epochs) * _positive("steps_per_epoch", steps_per_epoch)


def _positive(name: str, value: Any) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value


def _line(start: float, end: float, done: float) -> float:
    return start + (end - start) * done


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * done))
