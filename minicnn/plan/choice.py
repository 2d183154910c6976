"""Which of several steps is the fastest: they are measured, and the choices are kept in a file.

The file is in minicnn's cache folder, and belongs to one kind of machine: processor, BLAS, number of
threads and version of NumPy. It is read once, and written after new choices.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import platform
import statistics
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import chain
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from ..io.atomic import replacing
from ..io.download import cache_folder
from ..kernels.cpu.planned import Step
from ..kernels.cpu.runtime.threads import num_threads
from .program import Program

__all__ = ["Choices", "fastest"]

_VERSION = 1  # of the steps: other names or other algorithms make old choices void
_RUNS = 3
_HOPELESS = 1.3  # a step that takes so many times the best time in its first run has no second one
# A step that is repeated has its weights in the cache, but in a network they come from memory.
_BANDWIDTH = 1.5e10  # bytes per second
_REPEATS, _SHORT = 8, 1e-3  # repeats and seconds of a run at most, so that threads start rarely


class Choices:
    """The names of the fastest steps, by what they compute.

    Args:
        path: of the file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.names: dict[str, str] = {} if path is None else _read(path)
        self.changed = False

    @classmethod
    def of_machine(cls) -> Choices:
        """The choices of this machine."""
        machine = "\n".join(_machine(num_threads()))
        digest = hashlib.sha256(machine.encode()).hexdigest()[:16]
        return cls(cache_folder() / "plans" / f"{digest}.json")

    def save(self) -> None:
        """Writes the file if there are new choices; if that is impossible, they are not kept."""
        if self.path is None or not self.changed:
            return
        self.names = _read(self.path) | self.names  # another process may have written meanwhile
        text = json.dumps(
            {"version": _VERSION, "machine": _machine(num_threads()), "names": self.names}
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path) as file:
                file.write(text.encode())
        except OSError:
            self.path = None
        self.changed = False


def _read(path: Path) -> dict[str, str]:
    """The choices in a file; none if it is broken or from another version."""
    try:
        found = json.loads(path.read_bytes())
        names = found["names"] if found["version"] == _VERSION else {}
        return {str(key): str(name) for key, name in names.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


@functools.cache
def _machine(threads: int) -> list[str]:
    """What the fastest step depends on, apart from the shapes."""
    libraries = [
        f"{found['internal_api']} {found['version']} {found.get('architecture')}"
        for found in threadpool_info()
        if found["user_api"] == "blas"
    ]
    return [_processor(), *libraries, f"NumPy {np.__version__}", f"{threads} threads"]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()


def fastest(
    key: str,
    choices: Choices,
    make: Callable[[str | None], Iterable[Step]],
    threads: int,
    weights: dict[Hashable, np.ndarray],
) -> str:
    """The name of the fastest step for ``key``, which was chosen before or wins a measurement.

    Args:
        key: what the step computes, and for which shapes.
        choices: known ones; a new one is added.
        make: gives all candidates, or those of one name.
        threads: how many run the parts of a step.
        weights: by key, the transformed weights that candidates put here; none is left after a
            measurement, so that the winner's fill the gaps that the others leave.

    Returns:
        The name, which is also in ``choices`` if there was a choice.
    """
    if key in choices.names and any(True for _ in make(choices.names[key])):
        return choices.names[key]
    candidates = iter(make(None))
    first, second = next(candidates), next(candidates, None)
    if second is None:
        return first.name
    choices.names[key] = _fastest(chain([first, second], candidates), threads, weights)
    choices.changed = True
    return choices.names[key]


def _fastest(candidates: Iterable[Step], threads: int, weights: dict[Hashable, np.ndarray]) -> str:
    """The name of the step with the smallest median of its times."""
    best, shortest = "", math.inf
    for step in candidates:
        used = _used(step, weights)
        reading = sum(weights[key].nbytes for key in used) / _BANDWIDTH
        once = Program([step], threads)
        once()  # touches its memory
        repeats = max(1, min(_REPEATS, int(_SHORT / _time(once))))
        program = Program([step] * repeats, threads)
        seconds = [_time(program)]
        while len(seconds) < _RUNS and seconds[0] < _HOPELESS * (shortest - reading) * repeats:
            seconds.append(_time(program))
        total = statistics.median(seconds) / repeats + reading
        if total < shortest:
            best, shortest = step.name, total
        for key in weights.keys() - used:  # the next candidate may use those of this one
            del weights[key]
    weights.clear()
    return best


def _used(step: Step, weights: Mapping[Hashable, np.ndarray]) -> set[Hashable]:
    """Which of the weights the products of a step use."""
    operands = [
        operand
        for part in step.parts
        for call in part.calls
        if getattr(call, "func", None) is np.matmul
        for operand in call.args[:2]  # type: ignore[attr-defined]
    ]
    return {
        key
        for key, array in weights.items()
        if any(np.may_share_memory(array, operand) for operand in operands)
    }


def _time(program: Program) -> float:
    start = time.perf_counter()
    program()
    return time.perf_counter() - start
