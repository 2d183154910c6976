"""The emulator's own tests concern no device; those of the stand-in for CuPy need it in place."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before the marks are looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        inside = Path(__file__).parent in item.path.parents
        if inside and not item.get_closest_marker("emulated_only"):
            item.add_marker(pytest.mark.cpu_only)
