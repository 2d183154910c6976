from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from scripts import ROOT, environment

pytestmark = pytest.mark.cpu_only
SCRIPT = ROOT / "examples" / "hello.py"


def test_it_has_thirty_lines_at_most() -> None:
    assert len(SCRIPT.read_text().splitlines()) <= 30


def test_it_learns_within_thirty_seconds() -> None:
    before = os.times()
    printed = subprocess.run(
        [sys.executable, SCRIPT], env=environment(), capture_output=True, text=True, check=True
    ).stdout
    after = os.times()
    accuracies = [float(percent) for percent in re.findall(r"epoch \d: ([\d.]+)%", printed)]
    assert len(accuracies) == 5, printed
    assert accuracies[0] < 80 and accuracies[-1] > 90, printed
    # of the CPU; by the clock it takes less, unless other programs take the cores
    assert sum(after[2:4]) - sum(before[2:4]) < 30  # user and system time of child processes
