"""The README's program runs as it stands, and its commands name files that exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_program_runs(tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Conv2d" in done.stdout
    assert (tmp_path / "net.safetensors").exists()


def test_every_file_that_is_named_exists():
    named = re.findall(r"\]\(((?!http)[^)]+)\)", README)
    named += re.findall(r"\b(?:examples|benchmarks)/[\w/]+\.(?:py|sh|png|json)", README)
    assert named and [path for path in named if not (ROOT / path).exists()] == []
