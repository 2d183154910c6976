"""The schedule that reacts to a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...tensor import Tensor
from ..optimizer import Optimizer
from .base import LRScheduler, checked, per_group, set_value, values_of, warn_of_epoch


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
        min_lr: float | Sequence[float] = 0,
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
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = per_group("min_lr", min_lr, optimizer)
        self.eps = eps
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.last_epoch = 0
        self._last_lr = values_of(optimizer, "lr")
        self._reset()

    def _reset(self) -> None:
        """Forget the best metric and the epochs counted since."""
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    def step(self, metrics: float | Tensor, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take the metric of an epoch and reduce the rates if it stalls.

        Args:
            metrics: a number or a tensor of one element.
            epoch: deprecated: the number of the epoch.
        """
        current = float(metrics)
        if epoch is not None:
            warn_of_epoch()
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = values_of(self.optimizer, "lr")

    @property
    def in_cooldown(self) -> bool:
        """Whether the last reduction was at most ``cooldown`` epochs ago."""
        return self.cooldown_counter > 0

    def _is_better(self, a: float, best: float) -> bool:
        if self.mode == "min":
            limit = best * (1.0 - self.threshold) if self._is_relative else best - self.threshold
            return a < limit
        limit = best * (self.threshold + 1.0) if self._is_relative else best + self.threshold
        return a > limit

    @property
    def _is_relative(self) -> bool:
        return self.threshold_mode == "rel"

    def _reduce_lr(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):  # groups were added
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"ReduceLROnPlateau has {len(self.min_lrs)} min_lrs, but the optimizer now has "
                    f"{len(groups)} param groups: set `min_lrs` to a list of that length"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, min_lr in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            lr = max(old * self.factor, min_lr)
            if old - lr > self.eps:
                set_value(group, "lr", lr)
