"""The base class of all schedules."""

from __future__ import annotations

import warnings
from typing import Any

from ...tensor import Tensor
from ..optimizer import Optimizer


class LRScheduler:
    """Base class; a schedule implements :meth:`get_lr`.

    Args:
        optimizer: the schedule sets its learning rates. The first schedule stores the current ones
            as each group's ``initial_lr``.
        last_epoch: -1 to start from the beginning; to continue a run, the epoch it ended with, after
            loading the optimizer's state.

    Raises:
        TypeError: if ``optimizer`` is not an optimizer.
        KeyError: if ``last_epoch`` is given and a group has no ``initial_lr``.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked(optimizer)
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", lr_of(group))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] when resuming "
                    f"with last_epoch {last_epoch}: load the optimizer's state first"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self.step()

    def get_lr(self) -> list[float]:
        """The learning rate of each group for ``self.last_epoch``; called by :meth:`step`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_lr()")

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group that this schedule set last."""
        return self._last_lr

    def step(self) -> None:
        """Set the learning rates of the next epoch; warns if the optimizer made no step yet."""
        # An optimizer that overrides step() may not set step_called.
        records_steps = type(self.optimizer).step is Optimizer.step
        if self._step_count == 1 and records_steps and not self.optimizer.step_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: call "
                "`optimizer.step()` first, otherwise the schedule's first value is skipped.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        self.last_epoch += 1
        lrs = self.get_lr()
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            set_lr(group, lr)
        self._last_lr = lrs

    def state_dict(self) -> dict[str, Any]:
        """Every attribute except the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the result of :meth:`state_dict`; the optimizer's state is loaded separately."""
        self.__dict__.update(state_dict)


def lr_of(group: dict[str, Any]) -> float:
    """The learning rate of a parameter group, as a number."""
    lr: float | Tensor = group["lr"]
    return lr.item() if isinstance(lr, Tensor) else lr


def set_lr(group: dict[str, Any], lr: float) -> None:
    """Changes the learning rate of a parameter group; a tensor stays the same object."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(lr)
    else:
        group["lr"] = lr


def checked(optimizer: object) -> Optimizer:
    """``optimizer``; raises a TypeError if it is not one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """One value per parameter group: ``value`` repeated, or itself if it is a list that long."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"expected {count} values for {name}, got {len(value)}")
    return list(value)
