"""``kernels.cpu`` and ``kernels.cuda`` are one contract, and CuPy stays behind it."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import minicnn
from minicnn.kernels import cpu

PACKAGE = Path(minicnn.__file__).parent
CUPY_ALLOWED = re.compile(r"devices\.py|kernels/cuda/.*\.py")


def signature(function: object) -> list[tuple[str, object, object]]:
    """Names, kinds and defaults; annotations differ, as they name the array type."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


@pytest.mark.parametrize("name", sorted(cpu.__all__))
def test_same_signature_on_both_devices(name: str) -> None:
    pytest.importorskip("cupy", reason="CuPy is not installed, and kernels.cuda imports it")
    from minicnn.kernels import cuda

    assert signature(getattr(cuda, name)) == signature(getattr(cpu, name))


def test_same_functions_on_both_devices() -> None:
    pytest.importorskip("cupy", reason="CuPy is not installed, and kernels.cuda imports it")
    from minicnn.kernels import cuda

    assert sorted(cuda.__all__) == sorted(cpu.__all__)


def test_the_contract_names_every_function() -> None:
    from minicnn import kernels

    described = re.findall(r"^``(\w+)\(", kernels.__doc__ or "", flags=re.MULTILINE)
    assert sorted(described) == sorted(cpu.__all__)


def test_cupy_is_imported_in_two_places_only() -> None:
    importing = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s*(import|from) cupy", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"devices.py", "kernels/cuda/module.py"} <= importing
    assert not [path for path in importing if not CUPY_ALLOWED.fullmatch(path)]
