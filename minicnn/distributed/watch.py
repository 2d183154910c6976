"""Ends all ranks if an operation on a GPU never ends, and says which ranks it waits for.

The program does not wait for the GPU, so it cannot notice that another rank is missing; and what
it computes after an operation that was given up would be wrong. So a thread looks after the
operations. When one takes too long, the ranks tell each other where they are, and all end.
"""

from __future__ import annotations

import collections
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from mpi4py import MPI

from .failure import end_all

__all__ = ["Watch"]

_PERIOD = 0.1  # seconds between two looks
_TIME_TO_ANSWER = 2.0  # seconds
_TEXT = 160  # bytes of a message

IsDone = Callable[[], bool]


class Watch:
    """Looks after the operations of one rank of a group.

    Args:
        communicator: of mpi4py; nobody else uses it.
        timeout: seconds that an operation may take.
        who: the name of a rank, for messages.
        check: raises a RuntimeError if an operation failed.
    """

    def __init__(
        self,
        communicator: Any,
        timeout: float,
        who: Callable[[int], str],
        check: Callable[[], None],
    ) -> None:
        self._communicator = communicator
        self._timeout = timeout
        self._who = who
        self._check = check
        self._begun = 0
        self._idle = "before all operations"
        # number, call, when it began, and whether it is over
        self._running: collections.deque[tuple[int, str, float, IsDone]] = collections.deque()
        self._told: list[Any] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="minicnn.watch", daemon=True)
        self._thread.start()

    def begin(self, call: str, is_done: IsDone) -> None:
        """Notes an operation.

        Args:
            call: what it is; the same on all ranks.
            is_done: whether it is over; asked in another thread.
        """
        self._running.append((self._begun, call, time.monotonic(), is_done))
        self._begun, self._idle = self._begun + 1, f"after {call}"

    def leave(self) -> None:
        """Notes that the rank begins no more operations."""
        self._idle = "at the end of the group"

    def close(self, all_do: bool) -> None:
        """Ends.

        Args:
            all_do: whether all ranks end.
        """
        self._closing.set()
        self._thread.join()
        if all_do:
            self._communicator.Free()

    def _run(self) -> None:
        while not self._closing.wait(_PERIOD):
            problem = self._problem()
            if problem:
                self._end(problem)
            if not self._told and self._communicator.Iprobe():
                self._tell()

    def _problem(self) -> str:
        """Why all have to end; empty if all is well."""
        try:
            self._check()
            while self._running and self._running[0][3]():
                self._running.popleft()
        except RuntimeError as error:
            return f"failed {self._place()[1]} on its GPU: {error}"
        if self._running:
            _, call, begin, _ = self._running[0]
            if time.monotonic() - begin > self._timeout:
                return f"has waited {self._timeout:g} s in {call} on its GPU"
        return ""

    def _place(self) -> tuple[int, str]:
        """The number of the operation that this rank is in, or that comes next, and a text."""
        if self._running:
            number, call, *_ = self._running[0]
            return number, f"in {call}"
        return self._begun, self._idle

    def _tell(self) -> None:
        """Tells all other ranks where this one is."""
        number, place = self._place()
        text = f"{number} {self._begun} {place}".encode()[:_TEXT].ljust(_TEXT, b"\0")
        for rank in range(self._communicator.Get_size()):
            if rank != self._communicator.Get_rank():
                self._told.append(self._communicator.Isend(text, rank))

    def _answers(self) -> dict[int, tuple[int, int, str]]:
        """Where the other ranks are, by rank; those that do not answer are missing."""
        answers: dict[int, tuple[int, int, str]] = {}
        end = time.monotonic() + _TIME_TO_ANSWER
        while len(answers) < self._communicator.Get_size() - 1 and time.monotonic() < end:
            if not self._communicator.Iprobe():
                time.sleep(_PERIOD / 10)
                continue
            received, text = MPI.Status(), np.empty(_TEXT, np.uint8)
            self._communicator.Recv(text, status=received)
            number, begun, place = bytes(text).rstrip(b"\0").decode(errors="replace").split(" ", 2)
            answers[received.Get_source()] = int(number), int(begun), place
        return answers

    def _end(self, problem: str) -> None:
        if not self._told:
            self._tell()
        number, place = self._place()
        answers = self._answers()
        own = self._communicator.Get_rank()
        said = [f"{self._who(own)} {problem}"]
        for rank in range(self._communicator.Get_size()):
            if rank == own:
                continue
            if rank not in answers:
                said.append(f"{self._who(rank)} does not answer")
                continue
            theirs, begun, there = answers[rank]
            if begun <= number:
                said.append(f"{self._who(rank)} has not begun it: it is {there}")
            elif theirs == number and there != place:
                said.append(f"{self._who(rank)} is {there}")
        print("; ".join(said), file=sys.stderr)
        end_all()
