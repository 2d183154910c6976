"""Schedules given by functions."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, Rate, checked, per_group, values_of

Function = Callable[[int], float]


class LambdaLR(LRScheduler):
    """The initial rate times a function of the epoch.

    Args:
        lr_lambda: ``f(epoch)``, or a list of them, one for each parameter group.

    Raises:
        ValueError: if the list's length is not the number of groups.

    ``state_dict`` does not contain functions; of a callable object it contains the attributes.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Function | Sequence[Function],
        last_epoch: int = -1,
    ) -> None:
        self.lr_lambdas = per_group("lr_lambda", lr_lambda, checked(optimizer))
        super().__init__(optimizer, last_epoch)

    def next_lrs(self) -> list[Rate]:
        return [
            base_lr * function(self.last_epoch)
            for function, base_lr in zip(self.lr_lambdas, self.base_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        state["lr_lambdas"] = [attributes_of(function) for function in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "lr_lambdas": self.lr_lambdas})
        for function, attributes in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if attributes is not None:
                function.__dict__.update(attributes)


class MultiplicativeLR(LambdaLR):
    """Multiply the rates by a function of the epoch, at every step.

    Arguments, errors and ``state_dict`` as :class:`LambdaLR`.

    Raises:
        TypeError: for anything but functions.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Function | Sequence[Function],
        last_epoch: int = -1,
    ) -> None:
        for function in per_group("lr_lambda", lr_lambda, checked(optimizer)):
            if not callable(function):
                raise TypeError(
                    f"lr_lambda should be a function, but got {type(function).__name__}"
                )
        super().__init__(optimizer, lr_lambda, last_epoch)

    def next_lrs(self) -> list[Rate]:
        if self._is_initial:
            return values_of(self.optimizer, "lr")
        return [
            group["lr"] * function(self.last_epoch)
            for function, group in zip(self.lr_lambdas, self.optimizer.param_groups, strict=True)
        ]


def attributes_of(function: Any) -> dict[str, Any] | None:
    """What a ``state_dict`` keeps of a callable object; None for a function."""
    return None if isinstance(function, types.FunctionType) else dict(function.__dict__)
