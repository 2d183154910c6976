"""What tests of kernels need on all devices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def checked_memory(request: pytest.FixtureRequest) -> Iterator[None]:
    """The emulated GPU checks every access to memory, and looks for races."""
    if request.config.getoption("device") != "cuda-emulated":
        yield
        return
    from cupy import emulation

    before, emulation.checked = emulation.checked, True
    yield
    emulation.checked = before
