"""Schedules that fall (or rise) from the initial rate."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from ..optimizer import Optimizer
from .base import LRScheduler, Rate, values_of


class _FactorLR(LRScheduler):
    """A schedule that multiplies the current rates, so that several can share one optimizer."""

    def factor_at(self, epoch: int) -> float:
        """What the rates are multiplied by at ``epoch``."""
        raise NotImplementedError

    def whole_factor_at(self, epoch: int) -> float:
        """The product of all factors until ``epoch``."""
        raise NotImplementedError

    def next_lrs(self) -> list[Rate]:
        factor = self.factor_at(self.last_epoch)
        return [lr * factor for lr in values_of(self.optimizer, "lr")]

    def _get_closed_form_lr(self) -> list[Rate]:
        factor = self.whole_factor_at(self.last_epoch)
        return [lr * factor for lr in self.base_lrs]


class StepLR(_FactorLR):
    """Multiply the rates by ``gamma`` every ``step_size`` epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        return self.gamma if epoch != 0 and epoch % self.step_size == 0 else 1.0

    def whole_factor_at(self, epoch: int) -> float:
        return self.gamma ** (epoch // self.step_size)


class MultiStepLR(_FactorLR):
    """Multiply the rates by ``gamma`` at each epoch in ``milestones``, once per occurrence."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        return self.gamma ** self.milestones.get(epoch, 0)

    def whole_factor_at(self, epoch: int) -> float:
        return self.gamma ** bisect_right(sorted(self.milestones.elements()), epoch)


class ConstantLR(_FactorLR):
    """Use ``factor`` times the rate for the first ``total_iters`` epochs.

    Raises:
        ValueError: if ``factor`` is not in [0, 1].
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR expects factor in [0, 1], got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        if epoch == 0:
            return self.factor
        return 1.0 / self.factor if epoch == self.total_iters else 1.0

    def whole_factor_at(self, epoch: int) -> float:
        return self.factor + (epoch >= self.total_iters) * (1 - self.factor)


class LinearLR(_FactorLR):
    """Go linearly from ``start_factor`` to ``end_factor`` times the rate, in ``total_iters`` epochs.

    Raises:
        ValueError: if ``start_factor`` is not in (0, 1] or ``end_factor`` not in [0, 1].
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR expects start_factor in (0, 1], got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR expects end_factor in [0, 1], got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        if epoch == 0:
            return self.start_factor
        if self._is_initial or epoch > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (epoch - 1) * rise)

    def whole_factor_at(self, epoch: int) -> float:
        rise = self.end_factor - self.start_factor
        return self.start_factor + rise * min(self.total_iters, epoch) / self.total_iters


class ExponentialLR(_FactorLR):
    """Multiply the rates by ``gamma`` every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        return 1.0 if self._is_initial else self.gamma

    def whole_factor_at(self, epoch: int) -> float:
        return self.gamma**epoch


class PolynomialLR(_FactorLR):
    """Fall to zero in ``total_iters`` epochs, as ``(1 - epoch / total_iters) ** power``."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        if self._is_initial or epoch > self.total_iters:
            return 1.0
        before, now = (1.0 - each / self.total_iters for each in (epoch - 1, epoch))
        return (now / before) ** self.power

    def whole_factor_at(self, epoch: int) -> float:
        return (1.0 - min(self.total_iters, epoch) / self.total_iters) ** self.power


class CosineAnnealingLR(LRScheduler):
    """Fall to ``eta_min`` along half a cosine in ``T_max`` epochs, then rise again.

    Loshchilov & Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts", without the
    restarts.
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def next_lrs(self) -> list[Rate]:
        lrs, epoch = values_of(self.optimizer, "lr"), self.last_epoch
        if self._is_initial:
            return lrs
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # at the bottom, the factor is 0 / 0
            rise = 1 - math.cos(math.pi / self.T_max)
            return [
                lr + (base_lr - self.eta_min) * rise / 2
                for base_lr, lr in zip(self.base_lrs, lrs, strict=True)
            ]
        now, before = (1 + math.cos(math.pi * e / self.T_max) for e in (epoch, epoch - 1))
        return [now / before * (lr - self.eta_min) + self.eta_min for lr in lrs]

    def _get_closed_form_lr(self) -> list[Rate]:
        height = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        return [self.eta_min + (lr - self.eta_min) * height / 2 for lr in self.base_lrs]
