"""The base class of all schedules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from ...tensor import Tensor
from ...warn import warn
from ..optimizer import Optimizer

# a learning rate: a tensor if the optimizer was given one
Rate: TypeAlias = Any


class LRScheduler:
    """Base class; a schedule implements :meth:`get_lr`.

    Args:
        optimizer: the schedule sets its learning rates. The first schedule stores the current ones
            as each group's ``initial_lr``.
        last_epoch: -1 to start from the beginning; to continue a run, the epoch it ended with, after
            loading the optimizer's state.

    Attributes:
        base_lrs: the initial learning rate of each group.
        last_epoch: the number of steps so far, 0 after construction.

    Raises:
        TypeError: if ``optimizer`` is not an optimizer.
        KeyError: if ``last_epoch`` is given and a group has no ``initial_lr``.

    As ``torch.optim.lr_scheduler.LRScheduler``. A schedule may define ``_get_closed_form_lr()``, which
    gives the rates of ``last_epoch`` independent of the current ones, for ``step(epoch)``.
    """

    _is_initial = False  # in the constructor's step, which must not multiply a resumed rate
    _get_lr_called_within_step = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked(optimizer)
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _own(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] when resuming "
                    f"with last_epoch {last_epoch}: load the optimizer's state first"
                )
        self.base_lrs = values_of(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        with while_set(self, "_is_initial"):
            self.step()

    def get_lr(self) -> list[Rate]:
        """The learning rate of each group for ``self.last_epoch``; called by :meth:`step`.

        Schedules of this package implement :meth:`next_lrs`, which this calls.
        """
        if not self._get_lr_called_within_step:
            warn(
                "To get the last learning rate computed by the scheduler, "
                "please use `get_last_lr()`.",
                UserWarning,
            )
        return self.next_lrs()

    def next_lrs(self) -> list[Rate]:
        """The learning rate of each group for ``self.last_epoch``, given the current rates."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_lr()")

    def get_last_lr(self) -> list[Rate]:
        """The learning rate of each group that this schedule set last."""
        return self._last_lr

    def step(self, epoch: float | None = None) -> None:
        """Set the learning rates of the next epoch; warns if the optimizer made no step yet.

        Args:
            epoch: deprecated: the epoch to go to.
        """
        if self._step_count == 1 and not self.optimizer.step_called:
            warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: call "
                "`optimizer.step()` first, otherwise the schedule's first value is skipped.",
                UserWarning,
            )
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch()
        self._update_lr(epoch)

    def _update_lr(self, epoch: float | None = None) -> None:
        """Go to the next epoch or to the given one, and set the rates."""
        with while_set(self, "_get_lr_called_within_step"):
            self.last_epoch = self.last_epoch + 1 if epoch is None else epoch  # type: ignore[assignment]
            closed_form = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
            lrs = closed_form() if closed_form else self.get_lr()
        self._set_lrs(lrs)

    def _set_lrs(self, lrs: list[Rate]) -> None:
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            set_value(group, "lr", lr)
        self._last_lr = values_of(self.optimizer, "lr")

    def state_dict(self) -> dict[str, Any]:
        """Every attribute except the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the result of :meth:`state_dict`; the optimizer's state is loaded separately."""
        self.__dict__.update(state_dict)


class _LRScheduler(LRScheduler):
    """The old name of :class:`LRScheduler`."""


@contextmanager
def while_set(schedule: LRScheduler, flag: str) -> Iterator[None]:
    """Inside, an attribute of a schedule is True."""
    setattr(schedule, flag, True)
    try:
        yield
    finally:
        setattr(schedule, flag, False)


def warn_of_epoch() -> None:
    """Warn that ``step(epoch)`` is deprecated."""
    warn(
        "The epoch parameter in `scheduler.step()` is deprecated: leave it out, the schedule counts",
        UserWarning,
    )


def _own(value: Any) -> Any:
    """A value that nobody else changes: a copy of a tensor."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def values_of(optimizer: Optimizer, key: str) -> list[Any]:
    """An option of each parameter group."""
    return [_own(group[key]) for group in optimizer.param_groups]


def set_value(group: dict[str, Any], key: str, value: Any) -> None:
    """Changes an option of a parameter group; a tensor stays the same object."""
    if isinstance(group[key], Tensor):
        group[key].fill_(value.squeeze() if isinstance(value, Tensor) else value)
    else:
        group[key] = value


def checked(optimizer: object) -> Optimizer:
    """``optimizer``; raises a TypeError if it is not one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """One value per parameter group: ``value`` repeated, or itself if it is a list that long."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [_own(value) for _ in range(count)]
    if len(value) != count:
        raise ValueError(f"expected {count} values for {name}, got {len(value)}")
    return [_own(each) for each in value]
