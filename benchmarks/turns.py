"""Each framework in a process of its own; they take turns in blocks of calls, the others asleep.

In one process the threads of one framework spin while the other works, and slow it. Here a process
answers only when its threads sleep (``worker.py``), and the next block begins after the answer.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["CHECKOUT", "Worker", "medians", "processes", "start", "take_turns"]

CHECKOUT = Path(__file__).resolve().parents[1]  # the one that this file belongs to
sys.path.insert(1, str(CHECKOUT))  # its minicnn is measured, whichever is installed


class Worker:
    """A process that imports a script and makes its calls when told to.

    Args:
        name: what error messages call it.
        script: the file whose functions make calls. It may import a framework only inside them.
        checkout: the folder that ``import minicnn`` finds it in.
    """

    def __init__(self, name: str, script: str | Path, checkout: Path = CHECKOUT) -> None:
        self.name = name
        environment = dict(os.environ)
        environment.pop("OPENBLAS_CORETYPE", None)  # makes OpenBLAS use kernels for another CPU
        program = Path(__file__).with_name("worker.py")
        self._process = subprocess.Popen(
            [sys.executable, program, Path(script).resolve(), checkout],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def make(self, function: str, *args: Any) -> list[str]:
        """Give it the calls that a function of the script returns by name; returns the names."""
        return self._ask("make", function, *args)

    def call(self, name: str, *args: Any) -> Any:
        """The result of one of its calls."""
        return self._ask("call", name, *args)

    def block(
        self, names: Sequence[str], rounds: int = 1, seconds: float = 0, repeats: int = 1
    ) -> dict[str, list[float]]:
        """The seconds of calls in rounds, as ``worker.Server.block`` measures them."""
        return self._ask("block", names, rounds, seconds, repeats)

    def environment(self) -> dict[str, Any]:
        """The machine and the software, as this process finds them."""
        return self._ask("environment")

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.communicate()  # closes the pipes and waits for the end

    def _ask(self, method: str, *args: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        try:
            pickle.dump((method, args), self._process.stdin)
            self._process.stdin.flush()
            succeeded, answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError):
            sys.exit(f"{self.name}: {_ending(self._process.wait())}")
        if not succeeded:
            raise RuntimeError(f"in the process of {self.name}:\n{answer}")
        return answer


def _ending(status: int) -> str:
    """How a process ended, for people."""
    if status == -signal.SIGKILL:
        return "the process was killed; perhaps the memory was full"
    if status < 0:
        return f"the process was ended by {signal.Signals(-status).name}"
    return f"the process ended with status {status}"


@contextlib.contextmanager
def start(script: str | Path, checkouts: Mapping[str, Path]) -> Iterator[dict[str, Worker]]:
    """A :class:`Worker` for each name, with the checkout that its minicnn is in."""
    with contextlib.ExitStack() as stack:
        workers = {name: Worker(name, script, checkout) for name, checkout in checkouts.items()}
        for worker in workers.values():
            stack.callback(worker.close)
        yield workers


def take_turns(
    workers: Mapping[str, Worker], turn: Callable[[Worker], Mapping[str, float]], blocks: int
) -> dict[str, dict[str, list[float]]]:
    """Give each worker a turn, ``blocks`` times.

    Args:
        workers: by name.
        turn: runs a block of a worker and returns the median seconds of its calls.
        blocks: turns of each worker.

    Returns:
        For each worker and call, the seconds of all its blocks.
    """
    found: dict[str, list[Mapping[str, float]]] = {name: [] for name in workers}
    for _ in range(blocks):
        for name, worker in workers.items():
            found[name].append(turn(worker))
    return {
        name: {call: [block[call] for block in mine] for call in mine[0]}
        for name, mine in found.items()
    }


def medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each list."""
    return {name: statistics.median(values) for name, values in seconds.items()}


def processes(blocks: int, calls: int) -> str:
    """How it was measured, for results and pages."""
    return (
        f"one per framework, taking turns: {blocks} blocks of at least {calls} calls each, "
        "the others asleep"
    )
