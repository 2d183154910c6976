"""Who may import torch and CuPy, and how array libraries are used."""

import ast
import re
from pathlib import Path

from source_imports import imported_names, parse

ROOT = Path(__file__).parent.parent


def importers(libraries, *folders):
    """Files in some folders that import one of the libraries, even if only for types."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(
        str(path.relative_to(ROOT))
        for path in files
        if any(
            module.partition(".")[0] in libraries
            for module, _ in imported_names(ast.walk(parse(path)), _package_of(path))
        )
    )


def _package_of(path):
    return ".".join(path.relative_to(ROOT).parent.parts)


def test_torch_is_the_oracle_and_nothing_else():
    assert importers({"torch", "torchvision"}, "minicnn", "examples") == []
    assert "tests/oracle.py" in importers({"torch"}, "tests")


def test_cupy_is_imported_by_the_devices_and_the_cuda_kernels_alone():
    files = importers({"cupy", "cupyx"}, "minicnn", "examples")
    allowed = re.compile(r"minicnn/(devices\.py|kernels/cuda/.*)")
    assert "minicnn/devices.py" in files
    assert [path for path in files if not allowed.match(path)] == []


def test_array_libraries_are_called_and_never_compared():
    compared = re.compile(r"\bxp\w*(\(\w+(\.\w+)?\))? (is|==|!=)|(is|is not|==|!=) xp\b(?!\.)")
    guilty = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "minicnn").rglob("*.py")
        if compared.search(path.read_text())
    ]
    assert guilty == []


def test_tensors_of_arrays_are_made_with_of():
    """``Tensor(array)`` is torch's old constructor, which converts to float32 under the switch."""
    guilty = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("minicnn", "examples")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Tensor"
    ]
    assert guilty == []
