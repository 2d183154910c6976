"""The index of ImageNet: opened in a moment, and one memory for all processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.cpu_only,
    pytest.mark.skipif(sys.platform != "linux", reason="memory as Linux counts it"),
]


def measured(folder: Path, pictures: int) -> dict:
    """What the benchmark finds, in a process of its own."""
    path = folder / "index.json"
    command = [sys.executable, str(CHECKOUT / "benchmarks" / "index.py"), "--json", str(path)]
    done = subprocess.run(
        [*command, "--pictures", str(pictures)],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| worker 2 |" in done.stdout
    return json.loads(path.read_text())


def test_a_row_for_each_process(tmp_path):
    found = measured(tmp_path, 3000)
    assert found["pictures"] == 3000
    assert [row["process"] for row in found["rows"]] == ["the first", "worker 1", "worker 2"]
    assert all(0 < row["open"] < 1 for row in found["rows"])


@pytest.mark.slow
def test_all_of_imagenet(tmp_path):
    for row in measured(tmp_path, 1_281_167)["rows"]:
        assert row["open"] < 1
        assert row["RSS"] < 60
        assert row["PSS"] < 30
