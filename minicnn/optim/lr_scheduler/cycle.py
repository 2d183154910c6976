"""Schedules in which momentum falls while the learning rate rises."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, Rate, checked, per_group, set_value
from .functions import attributes_of

Momentum = float | Sequence[float]


class _MomentumCycle(LRScheduler):
    """A schedule that also moves momentum, or the first beta, between two values of each group.

    Unlike torch's, for :class:`minicnn.optim.Combined`, too: each group has one or the other.
    """

    cycle_momentum: bool

    def _begin_momentum(self, lowest: Momentum, highest: Momentum, last_epoch: int) -> None:
        optimizer = self.optimizer
        if not all({"momentum", "betas"} & group.keys() for group in optimizer.param_groups):
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled, "
                f"got {type(optimizer).__name__}"
            )
        # not read here: torch's states have it
        self.use_beta1 = any("betas" in group for group in optimizer.param_groups)
        self.base_momentums = per_group("base_momentum", lowest, optimizer)
        self.max_momentums = per_group("max_momentum", highest, optimizer)
        if last_epoch != -1:
            return
        bounds = zip(self.base_momentums, self.max_momentums, strict=True)
        for group, (low, high) in zip(optimizer.param_groups, bounds, strict=True):
            self._set_momentum(group, high)
            group.update(max_momentum=high, base_momentum=low)

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if "betas" in group:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_MomentumCycle):
    """Go from ``base_lr`` to ``max_lr`` and back, again and again; momentum moves the other way.

    Args:
        base_lr, max_lr: lowest and highest rate, or lists with one for each parameter group.
        step_size_up, step_size_down: number of steps of the rise, and of the fall (the same if None).
        mode: "triangular", "triangular2" (each cycle is half as high as the one before), or
            "exp_range" (the height is multiplied by ``gamma`` in each step).
        gamma: see ``mode``.
        scale_fn: gives the factor of the height instead of ``mode``.
        scale_mode: what ``scale_fn`` is given: the number of the "cycle", from 1, or "iterations".
        cycle_momentum: whether to move momentum (Adam: beta1) from ``max_momentum`` to
            ``base_momentum`` and back.

    Raises:
        ValueError: for an unknown mode, a list of wrong length, or ``cycle_momentum`` with an
            optimizer without momentum.

    As ``torch.optim.lr_scheduler.CyclicLR``; Smith 2017, "Cyclical Learning Rates for Training Neural
    Networks".
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = checked(optimizer)
        base_lrs = per_group("base_lr", base_lr, optimizer)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_value(group, "lr", lr)
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = float(step_size_up) / self.total_size
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f"mode is invalid and scale_fn is None: got mode {mode!r}")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The factor of a cycle's height, given what ``scale_mode`` says."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        factor: float = 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x
        return factor

    def next_lrs(self) -> list[Rate]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        rises = x <= self.step_ratio
        done = x / self.step_ratio if rises else (x - 1) / (self.step_ratio - 1)
        scale = partial(self.scale_fn, cycle if self.scale_mode == "cycle" else self.last_epoch)
        lrs = [
            low + (high - low) * done * scale()
            for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds, strict=True):
                self._set_momentum(group, high - (high - low) * done * scale())
        return lrs

    def state_dict(self) -> dict[str, Any]:
        """Every attribute except the optimizer; of a callable ``scale_fn`` the attributes."""
        function = self._scale_fn_custom
        return super().state_dict() | {
            "_scale_fn_custom": None if function is None else attributes_of(function)
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "_scale_fn_custom": self._scale_fn_custom})
        if state_dict["_scale_fn_custom"] is not None:
            vars(self._scale_fn_custom).update(state_dict["_scale_fn_custom"])


class OneCycleLR(_MomentumCycle):
    """Rise to ``max_lr``, then fall far below the first rate; momentum moves the other way.

    Args:
        max_lr: the highest rate, or a list with one for each parameter group.
        total_steps: length of the cycle; or give ``epochs`` and ``steps_per_epoch``.
        pct_start: fraction of the cycle in which the rate rises, a float.
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
        self.optimizer = checked(optimizer)
        self.total_steps = _cycle_length(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(
                f"OneCycleLR expects a float pct_start between 0 and 1, got {pct_start}"
            )
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(pct_start, self.total_steps, three_phase)
        max_lrs = per_group("max_lr", max_lr, optimizer)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, max_lrs, strict=True):
                first = lr / div_factor
                group.update(initial_lr=first, max_lr=lr, min_lr=first / final_div_factor)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(base_momentum, max_momentum, last_epoch)
            del self.base_momentums, self.max_momentums  # the groups have them
        super().__init__(optimizer, last_epoch)

    def next_lrs(self) -> list[Rate]:
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. "
                f"The specified number of total steps is {self.total_steps}"
            )
        phase, done = self._phase()
        anneal = cosine if self._anneal_func_type == "cos" else _line
        lrs = []
        for group in self.optimizer.param_groups:
            lrs.append(anneal(group[phase["start_lr"]], group[phase["end_lr"]], done))
            if self.cycle_momentum:
                start, end = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, anneal(start, end, done))
        return lrs

    def _phase(self) -> tuple[dict[str, Any], float]:
        """The phase of this step, and the fraction of it that is over."""
        start = 0.0
        for phase in self._schedule_phases:
            end = phase["end_step"]
            if self.last_epoch <= end or phase is self._schedule_phases[-1]:
                break
            start = end
        return phase, (self.last_epoch - start) / (end - start) if end != start else 1.0


def _phases(pct_start: float, total_steps: int, three_phase: bool) -> list[dict[str, Any]]:
    """Where the phases of one cycle end, and between which options of the groups they go."""

    def phase(end: float, lrs: tuple[str, str], momenta: tuple[str, str]) -> dict[str, Any]:
        return {
            "end_step": end,
            "start_lr": f"{lrs[0]}_lr",
            "end_lr": f"{lrs[1]}_lr",
            "start_momentum": f"{momenta[0]}_momentum",
            "end_momentum": f"{momenta[1]}_momentum",
        }

    rise = phase(float(pct_start * total_steps) - 1, ("initial", "max"), ("max", "base"))
    if not three_phase:
        return [rise, phase(total_steps - 1, ("max", "min"), ("base", "max"))]
    fall = phase(float(2 * pct_start * total_steps) - 2, ("max", "initial"), ("base", "max"))
    return [rise, fall, phase(total_steps - 1, ("initial", "min"), ("max", "max"))]


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
    return (end - start) * done + start


def cosine(start: float, end: float, done: float) -> float:
    """The way from ``start`` (done = 0) to ``end`` (done = 1) along half a cosine."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)
