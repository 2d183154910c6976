"""The README's program runs as it stands, and its commands name files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_program_runs(tmp_path, monkeypatch, capsys):
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "README.md", "exec"), {})
    assert "Conv2d" in capsys.readouterr().out
    assert (tmp_path / "net.safetensors").exists()


def test_every_file_that_is_named_exists():
    named = re.findall(r"\]\(((?!http)[^)]+)\)", README)
    named += re.findall(r"\b(?:examples|benchmarks)/[\w/]+\.(?:py|sh|png|json)", README)
    assert named and [path for path in named if not (ROOT / path).exists()] == []
