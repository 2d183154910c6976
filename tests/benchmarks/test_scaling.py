"""benchmarks/scaling.py: its model by hand, and a small run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ranks import ROOT, needs_mpi

pytestmark = pytest.mark.cpu_only


def test_the_model() -> None:
    import scaling

    # 4 GB at 8 Gb/s: 1 GB/s; two nodes carry 4 s, of which 2 s of a step of 3 s hide
    assert scaling.modelled(3.0, 4 * 10**9, 2, 8) == pytest.approx((3 / 7, 3 / 5))
    assert scaling.modelled(3.0, 4 * 10**9, 4, 800)[1] == 1


@needs_mpi
@pytest.mark.slow
def test_a_small_run(tmp_path: Path) -> None:
    out = tmp_path / "scaling.json"
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "scaling.py", "--network", "resnet34", "--batch", "1",
         "--steps", "1", "--json", out],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "A MODEL, not measured" in done.stdout
    (result,) = json.loads(out.read_text())["scaling"]
    assert result["gradient_bytes"] == 4 * 21_285_698
    assert result["efficiency"] == result["seconds_alone"] / result["seconds_together"]
