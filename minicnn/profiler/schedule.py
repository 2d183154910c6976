"""When a profile records: a plan that counts steps, in torch's terms."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class ProfilerActivity(Enum):
    """What torch's profiler can be asked to watch; here it is always all of it."""

    CPU = "cpu"
    CUDA = "cuda"


class ProfilerAction(Enum):
    """What a profile does during a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0
) -> Callable[[int], ProfilerAction]:
    """A plan for ``profile(schedule=…)``: of each cycle, only the last steps are recorded.

    Args:
        wait, warmup: steps at the start of a cycle without recording.
        active: the steps that are recorded after them.
        repeat: the number of cycles; 0 goes on to the end.
        skip_first: steps before the first cycle.

    As ``torch.profiler.schedule``.
    """
    cycle = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        count, place = divmod(step - skip_first, cycle)
        if step < skip_first or (repeat > 0 and count >= repeat) or place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action
