"""Running steps on several threads, which wait for each other only where they must."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

from ..kernels.cpu.planned import Step
from ..kernels.cpu.runtime.threads import for_each_slice

__all__ = ["Program"]

Calls = tuple[Callable[[], Any], ...]

_PATIENCE = 1e-4  # seconds, somewhat longer than waking a thread takes
_give_way: Callable[[], Any] = getattr(os, "sched_yield", partial(time.sleep, 0))


class Program:
    """Steps, of which each thread runs its own parts.

    Args:
        steps: each with a part for every thread, or with fewer.
        threads: how many run them.
        waits: for each step, whether all threads wait for each other before it; by default never.
    """

    def __init__(
        self, steps: Sequence[Step], threads: int, waits: Sequence[bool] | None = None
    ) -> None:
        self.steps = steps
        self.threads = threads
        stretches: list[list[Step]] = [[]]  # from one wait to the next
        for step, wait in zip(steps, waits or [False] * len(steps), strict=True):
            if wait and stretches[-1]:
                stretches.append([])
            stretches[-1].append(step)
        self.calls: list[Calls] = [  # of each stretch and thread
            _calls(stretch, slice(i, i + 1) if threads > 1 else slice(None))
            for stretch in stretches
            for i in range(threads)
        ]

    def __call__(self) -> None:
        """Runs all steps."""
        if self.threads == 1:
            for call in chain(*self.calls):
                call()
        else:
            for_each_slice(self.threads, _Run(self.calls, self.threads).take_part, per_thread=1)


def _calls(steps: Sequence[Step], threads: slice) -> Calls:
    return tuple(call for step in steps for part in step.parts[threads] for call in part.calls)


class _Run:
    """One run of a program, whose threads need not run at the same time.

    A thread that is missing, because another program has it or because there are fewer threads than
    there were, would be waited for in vain. So one that has waited for some time takes over what
    nobody has begun with.
    """

    def __init__(self, calls: list[Calls], threads: int) -> None:
        self.calls, self.threads = calls, threads
        self.untaken = dict(enumerate(calls))
        self.ended = bytearray(len(calls))
        self.failed = False

    def take_part(self, start: int, stop: int) -> None:
        """Runs the calls of these threads, and of those that do not come."""
        own = range(start, stop)
        mine = list(own)
        try:
            for first in range(0, len(self.calls), self.threads):
                # another thread may have come, which runs its calls itself
                mine = [i for i in mine if self._run(first + i) or i in own]
                mine += self._wait(first)
                if self.failed:
                    return
        except BaseException:
            self.failed = True  # nobody should wait for this thread
            raise

    def _run(self, i: int) -> bool:
        """Runs the calls of a stretch and thread, unless somebody has begun with them."""
        calls = self.untaken.pop(i, None)
        if calls is None:
            return False
        for call in calls:
            call()
        self.ended[i] = True
        return True

    def _wait(self, first: int) -> list[int]:
        """Waits for the end of a stretch; returns the threads whose calls it had to run meanwhile.

        It does not sleep, since waking a thread takes longer than most steps.
        """
        taken_over: list[int] = []
        last, until = first + self.threads, 0.0
        while not self.failed and (missing := self.ended.find(0, first, last)) >= 0:
            now = time.perf_counter()
            until = until or now + _PATIENCE
            if now < until:
                _give_way()
            elif self._run(missing):
                taken_over.append(missing - first)
            else:
                _give_way()
        return taken_over
