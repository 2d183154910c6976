"""The emulated GPU notices each of the bugs in ``injected_bugs``.

A bug replaces a piece of a kernel's text. Without it the result equals the plain kernels' in
float64; with it the result is wrong, or the emulator complains.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

import pytest

cupy = pytest.importorskip("cupy")
emulation = pytest.importorskip("cupy.emulation", reason="needs --device cuda-emulated")

from injected_bugs import BUGS
from injected_bugs.bug import WRONG, Bug

from minicnn.kernels.cuda.runtime.module import CudaFile


@pytest.fixture(autouse=True)
def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulation, "checked", True)


def outcome(run: Callable[[], bool]) -> str:
    try:
        return "" if run() else WRONG
    except Exception as error:  # noqa: BLE001  of whatever type the complaint is
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("run", {bug.run: None for bug in BUGS}, ids=lambda run: run.__name__)
def test_without_bugs(run: Callable[[], bool]) -> None:
    assert outcome(run) == ""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_bug_is_noticed(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    file = importlib.import_module(f"minicnn.kernels.cuda.{bug.file}").cuda_file
    assert file.source.count(bug.old) == 1, "the kernel has changed; change the bug with it"
    broken = file.source.replace(bug.old, bug.new)
    compiled = CudaFile.compiled

    def compiled_with_the_bug(self: CudaFile, name: str, arch: str | None = None) -> Any:
        if self is not file:
            return compiled(self, name, arch)
        options = () if arch is None else (f"-arch={arch}",)
        return cupy.RawModule(code=broken, options=options, name_expressions=(name,)).get_function(
            name
        )

    monkeypatch.setattr(CudaFile, "compiled", compiled_with_the_bug)
    assert re.search(bug.noticed, outcome(bug.run))
