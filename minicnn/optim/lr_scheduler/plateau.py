"""The schedule that reacts to a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...tensor import Tensor
from ..optimizer import Optimizer
from .base import LRScheduler, checked, lr_of, per_group, set_lr


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rates by ``factor`` when a metric has not improved for ``patience`` epochs.

    Args:
        mode: 'min' if the metric should fall, 'max' if it should rise.
        factor: the factor of a reduction, below 1.
        patience: number of epochs without improvement that are tolerated.
        threshold: the smallest change that counts as an improvement: relative to the best value
            (``threshold_mode`` 'rel'), or absolute ('abs').
        cooldown: number of epochs after a reduction that are not counted.
        min_lr: lowest rate, or a list with one for each parameter group.
        eps: smaller changes of the rate are skipped.

    Raises:
        ValueError: for ``factor`` of 1 or more, an unknown mode, or a list of wrong length.

    As ``torch.optim.lr_scheduler.ReduceLROnPlateau``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        # Not the base class's constructor: this one sets no rate before the first metric.
        self.optimizer = checked(optimizer)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau expects factor < 1, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}")
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = per_group("min_lr", min_lr, optimizer)
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = [lr_of(group) for group in optimizer.param_groups]

    def step(self, metrics: float | Tensor) -> None:  # type: ignore[override]
        """Take the metric of an epoch (a number or 0-d tensor) and reduce the rates if it stalls."""
        self.last_epoch += 1
        metric = float(metrics)
        if self._is_better(metric):
            self.best = metric
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = [lr_of(group) for group in self.optimizer.param_groups]

    def _is_better(self, metric: float) -> bool:
        sign = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "rel":
            return sign * metric > sign * self.best * (1.0 + sign * self.threshold)
        return sign * metric > sign * self.best + self.threshold

    def _reduce(self) -> None:
        for group, min_lr in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            old = lr_of(group)
            lr = max(old * self.factor, min_lr)
            if old - lr > self.eps:
                set_lr(group, lr)
