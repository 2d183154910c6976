"""Damaged or malicious files: each is refused by name, at once, and no code from it runs."""

from __future__ import annotations

import builtins
import importlib
import os
import subprocess
import sys
from typing import Any

import pytest
from torch_files import SAVERS, state


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file of each format."""
    folder = tmp_path_factory.mktemp("good")
    for name, save in SAVERS.items():
        save(state(), folder / name)
    return {name: (folder / name).read_bytes() for name in SAVERS}


@pytest.fixture(autouse=True)
def canaries(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What hostile files call; it is an error if any is called."""
    sung: list[str] = []
    targets = [(os, "system"), (sys.modules[os.name], "system"), (subprocess, "call"),
               (builtins, "eval"), (importlib, "import_module")]  # fmt: skip
    for module, name in targets:
        monkeypatch.setattr(module, name, lambda *_, name=name, **__: sung.append(name))
    yield
    assert sung == []
