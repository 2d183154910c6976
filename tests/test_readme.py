"""The README's program runs as it stands, and its pages name files that exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md", "examples/README.md", "minicnn/README.md", "benchmarks/README.md",
    "benchmarks/results/README.md", "tests/README.md",
)  # fmt: skip


def run_programs(page, tmp_path):
    """Runs all blocks of a page that are Python, one after the other; returns what they print."""
    text = (ROOT / page).read_text(encoding="utf-8")
    program = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MINICNN_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_program_runs(tmp_path):
    printed = run_programs("README.md", tmp_path)
    assert "Conv2d" in printed and "input_1" in printed
    assert (tmp_path / "net.safetensors").exists() and (tmp_path / "net.onnx").exists()


def test_the_loop_of_the_examples_page_learns(tmp_path):
    accuracies = re.findall(r"epoch \d+: (\d+) %", run_programs("examples/README.md", tmp_path))
    assert int(accuracies[-1]) > 60  # 33 % by guessing


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page):
    text, folder = (ROOT / page).read_text(encoding="utf-8"), (ROOT / page).parent
    linked = [folder / path for path in re.findall(r"\]\(((?!http)[^)#]+)\)", text)]
    commands = re.findall(r"\b(?:examples|benchmarks|tests|minicnn)/[\w/]+\.(?:py|sh|cu)\b", text)
    named = linked + [ROOT / path for path in commands]
    assert named and [str(path) for path in named if not path.exists()] == []
