from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from scripts import ROOT, environment

pytestmark = pytest.mark.cpu_only
SCRIPT = ROOT / "examples" / "hello.py"


def test_it_has_thirty_lines_at_most() -> None:
    assert len(SCRIPT.read_text().splitlines()) <= 30


def test_it_learns_within_thirty_seconds() -> None:
    start = time.perf_counter()
    printed = subprocess.run(
        [sys.executable, SCRIPT], env=environment(), capture_output=True, text=True, check=True
    ).stdout
    seconds = time.perf_counter() - start
    accuracies = [float(percent) for percent in re.findall(r"epoch \d: ([\d.]+)%", printed)]
    assert len(accuracies) == 5, printed
    assert accuracies[0] < 80 and accuracies[-1] > 90, printed
    assert seconds < 30
