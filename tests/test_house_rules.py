"""The rules that carry the house: who may import what, and what both kinds of kernels must share."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def importers(pattern, *folders):
    line = re.compile(rf"^\s*(import|from) ({pattern})\b", re.MULTILINE)
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert files
    return sorted(str(p.relative_to(ROOT)) for p in files if line.search(p.read_text()))


def test_torch_is_the_oracle_and_nothing_else():
    assert importers("torch|torchvision", "minicnn", "examples") == []


def test_cupy_is_imported_by_the_device_and_the_cuda_kernels_alone():
    allowed = re.compile(r"minicnn/(devices\.py|kernels/cuda/.*)")
    assert [
        path for path in importers("cupy", "minicnn", "examples") if not allowed.match(path)
    ] == []


def test_array_libraries_are_called_and_never_compared():
    compared = re.compile(r"\bxp\w*(\(\w+(\.\w+)?\))? (is|==|!=)|(is|is not|==|!=) xp\b(?!\.)")
    guilty = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "minicnn").rglob("*.py")
        if compared.search(path.read_text())
    ]
    assert guilty == []
