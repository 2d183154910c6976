"""Schedules that fall along a cosine after a rise or a restart."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .base import LRScheduler, Rate, while_set
from .cycle import cosine


class CosineAnnealingWarmRestarts(LRScheduler):
    """Fall to ``eta_min`` along half a cosine, again and again.

    Args:
        T_0: number of epochs until the first restart.
        T_mult: factor by which each period is longer than the one before.
        eta_min: lowest rate.

    Raises:
        ValueError: unless ``T_0`` and ``T_mult`` are positive integers and ``eta_min`` is a number.

    As ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts``; Loshchilov & Hutter 2017, "SGDR:
    Stochastic Gradient Descent with Warm Restarts".
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(  # noqa: TRY004 (as torch)
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0  # length of this period
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch  # epochs since the last restart
        super().__init__(optimizer, last_epoch)

    def next_lrs(self) -> list[Rate]:
        height = 1 + math.cos(math.pi * self.T_cur / self.T_i)
        return [self.eta_min + (lr - self.eta_min) * height / 2 for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the rates of the next epoch, or of ``epoch``, which may be between two whole ones.

        Raises:
            ValueError: for a negative epoch.
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur = self.T_cur % self.T_i
                self.T_i = self.T_i * self.T_mult
        else:
            self._go_to(epoch)
        self.last_epoch = math.floor(epoch)
        with while_set(self, "_get_lr_called_within_step"):
            lrs = self.get_lr()
        self._set_lrs(lrs)

    def _go_to(self, epoch: float) -> None:
        """Set period and time since the restart."""
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            growth = self.T_mult - 1
            restarts = int(math.log(epoch / self.T_0 * growth + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**restarts - 1) / growth
            self.T_i = self.T_0 * self.T_mult**restarts


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

    def next_lrs(self) -> list[Rate]:
        step = min(self.last_epoch, self.total_steps)
        if step < self.warmup_steps:
            return [lr * (step + 1) / (self.warmup_steps + 1) for lr in self.base_lrs]
        done = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return [cosine(lr, self.min_lr, done) for lr in self.base_lrs]
