"""The process that makes and times the calls of a benchmark; ``turns.py`` starts it.

    python benchmarks/worker.py SCRIPT CHECKOUT

Requests come pickled through standard input, answers leave pickled through standard output. A
request is the name of a method of :class:`Server` and its arguments; an answer is (True, result) or
(False, traceback).
"""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from common import environment

WARM_UP_SECONDS = 0.1  # of calls that are not counted, at the beginning of each block
STILL_SECONDS, STILL_SHARE = 0.02, 0.05  # no thread spins if so long they use less of a CPU
SPIN_LIMIT_SECONDS = 5.0


class Server:
    """Holds the calls of one framework and runs those that it is asked for."""

    def __init__(self, script: ModuleType) -> None:
        self.script = script
        self.calls: dict[str, Callable[..., Any]] = {}

    def make(self, function: str, *args: Any) -> list[str]:
        """Replace the calls by those that a function of the script returns; returns their names."""
        self.calls = {}  # frees the memory of the old ones before the new ones need theirs
        self.calls = getattr(self.script, function)(*args)
        return list(self.calls)

    def call(self, name: str, *args: Any) -> Any:
        """The result of one call."""
        return self.calls[name](*args)

    def block(
        self, names: Sequence[str], rounds: int, seconds: float, repeats: int
    ) -> dict[str, list[float]]:
        """Time rounds of calls, one after the other, after some that are not counted.

        Args:
            names: the calls of a round.
            rounds: how many at least.
            seconds: further rounds are made until this time is over.
            repeats: how often each call is repeated between two readings of the clock.

        Returns:
            The seconds of one call for each name and round.
        """
        self._rounds(names, 1, WARM_UP_SECONDS, repeats)
        return self._rounds(names, rounds, seconds, repeats)

    def environment(self) -> dict[str, Any]:
        """The machine and the software of this process."""
        return environment()

    def _rounds(
        self, names: Sequence[str], rounds: int, seconds: float, repeats: int
    ) -> dict[str, list[float]]:
        synchronize = self.calls.get("synchronize", lambda: None)  # waits for a GPU
        found: dict[str, list[float]] = {name: [] for name in names}
        began, made = time.perf_counter(), 0
        while made < rounds or time.perf_counter() - began < seconds:
            for name in names:
                call = self.calls[name]
                synchronize()
                start = time.perf_counter()
                for _ in range(repeats):
                    call()
                synchronize()
                found[name].append((time.perf_counter() - start) / repeats)
            made += 1
        return found


def wait_until_still() -> None:
    """Sleep until no thread of this process spins, because that would slow the other framework.

    After their last task, threads keep spinning for a while in case another one comes: OpenBLAS's
    (NumPy) for 0.1 s, libgomp's (PyTorch) for about 0.01 s, Intel's OpenMP threads for 0.2 s. The
    CPU time of the process shows when they have all stopped.

    Raises:
        RuntimeError: if they go on for seconds, as with ``OMP_WAIT_POLICY=active``.
    """
    deadline = time.perf_counter() + SPIN_LIMIT_SECONDS
    while time.perf_counter() < deadline:
        before = time.process_time()
        time.sleep(STILL_SECONDS)
        if time.process_time() - before < STILL_SHARE * STILL_SECONDS:
            return
    raise RuntimeError(
        f"threads still spin {SPIN_LIMIT_SECONDS:.0f} s after the last call: unset OMP_WAIT_POLICY, "
        "GOMP_SPINCOUNT, KMP_BLOCKTIME and OPENBLAS_THREAD_TIMEOUT"
    )


def serve(script: Path, checkout: Path) -> None:
    """Answer requests until standard input ends.

    Args:
        script: the file that makes the calls.
        checkout: the folder to import minicnn from.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for turns.py, which ends this process
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing printed gets among the answers
    sys.stdout = sys.stderr
    sys.path[:0] = [str(script.parent), str(checkout)]
    server = Server(importlib.import_module(script.stem))
    while True:
        try:
            method, args = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = True, getattr(server, method)(*args)
            wait_until_still()
        except Exception:  # noqa: BLE001  the other process raises it
            answer = False, traceback.format_exc()
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    serve(*map(Path, sys.argv[1:]))
