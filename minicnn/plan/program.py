"""Running steps on several threads, which wait for each other only where they must."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..kernels.cpu.planned import Step
from ..kernels.cpu.runtime.threads import for_each_slice

__all__ = ["Program"]

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
        self.arrived = [0.0] * threads  # barriers that each thread has come to
        waits = waits or [False] * len(steps)
        self.calls = [self._calls(i, waits) for i in range(threads)]

    def _calls(self, thread: int, waits: Sequence[bool]) -> list[Callable[[], Any]]:
        """What a thread calls."""
        calls: list[Callable[[], Any]] = []
        for step, wait in zip(self.steps, waits, strict=True):
            if wait:
                calls.append(self._wait_as(thread))
            parts = step.parts if self.threads == 1 else step.parts[thread : thread + 1]
            for part in parts:
                calls += part.calls
        return calls

    def _wait_as(self, thread: int) -> Callable[[], None]:
        """Waits until all threads have come to the same barrier.

        It does not sleep, since waking a thread takes longer than most steps.
        """
        arrived = self.arrived
        others = [i for i in range(self.threads) if i != thread]

        def wait() -> None:
            here = arrived[thread] = arrived[thread] + 1
            for i in others:
                while arrived[i] < here:
                    _give_way()

        return wait

    def __call__(self) -> None:
        """Runs all steps."""
        if self.threads == 1:
            for call in self.calls[0]:
                call()
            return
        self.arrived[:] = [0.0] * self.threads
        for_each_slice(self.threads, self._run)

    def _run(self, start: int, stop: int) -> None:
        if stop - start > 1:  # one thread has to do the work of several
            for step in self.steps:
                step()
            return
        try:
            for call in self.calls[start]:
                call()
        finally:
            self.arrived[start] = math.inf  # after an error nobody should wait for this thread
