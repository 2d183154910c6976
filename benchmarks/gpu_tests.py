"""Runs tests on the GPU and keeps count of them in a JSON file while they run.

    python benchmarks/gpu_tests.py tests/kernels tests/ops --json tests.json

All further arguments are pytest's. With pytest-xdist up to twelve processes share the work, most of
which is compiling kernels. ``--in-one-process`` is for ``compute-sanitizer``: there is one process,
and without CuPy's pool every array is an allocation of its own, whose bounds are watched.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from common import write_json

DEVICE = "cuda"
MAX_PROCESSES = 12
MAX_FAILURES = 100  # that are written down
SECONDS_BETWEEN_WRITES = 1.0


class Recorder:
    """A plugin of pytest that writes how many tests have passed and which have failed."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.failures: list[dict[str, str]] = []
        self._written = 0.0
        self._parent = os.getppid()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self._note(report)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._note(report)

    def _note(self, report: Any) -> None:
        self.counts[report.outcome] += 1
        if report.failed and len(self.failures) < MAX_FAILURES:
            lines = [line for line in report.longreprtext.splitlines() if line.startswith("E ")]
            reason = (lines or report.longreprtext.splitlines() or [""])[0]
            self.failures.append({"test": report.nodeid, "error": reason.removeprefix("E").strip()})
        if report.failed or time.monotonic() - self._written > SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        if os.getppid() != self._parent:  # the suite was killed, and with it compute-sanitizer
            os._exit(1)
        self._written = time.monotonic()
        if self.path:
            write_json(self.path, {**self.counts, "failures": self.failures})


def share_the_work() -> list[str]:
    """pytest's options for several processes, if it can have them."""
    if not importlib.util.find_spec("xdist"):
        return []
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # one thread for each
    # neighbours need the same kernels, and worksteal begins with neighbours in one process
    return ["-n", str(min(MAX_PROCESSES, os.cpu_count() or 1)), "--dist", "worksteal"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--in-one-process", action="store_true", help="for compute-sanitizer")
    parser.add_argument("--json", type=Path, help="also write the counts to this file")
    args, for_pytest = parser.parse_known_args()
    if args.in_one_process:
        import cupy

        cupy.cuda.set_allocator(None)
    else:
        for_pytest += share_the_work()
    recorder = Recorder(args.json)
    status = pytest.main(["--device", DEVICE, "-q", "--tb=short", *for_pytest], plugins=[recorder])
    recorder.write()
    sys.exit(status)


if __name__ == "__main__":
    main()
