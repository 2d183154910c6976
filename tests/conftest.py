"""The device under test, and the same random numbers at the start of every test.

``--device cpu`` is the default. ``--device cuda`` runs the tests on a GPU; ``--device cuda-emulated``
runs them on a CPU that stands in for one, kernels and all (``cuda_emulator``), which needs g++ and
NVRTC but neither a GPU nor CuPy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
STAND_IN = TESTS / "cuda_emulator" / "stand_in"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device",
        choices=["cpu", "cuda", "cuda-emulated"],
        default="cpu",
        help="where the tests compute: the CPU, a GPU, or an emulation of one",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("device") == "cuda-emulated":
        folders = [str(STAND_IN), str(TESTS), str(TESTS.parent)]
        sys.path[:0] = folders
        inherited = os.environ.get("PYTHONPATH")  # for the programs that tests start
        os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *([inherited] if inherited else [])])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    device = config.getoption("device")
    for item in items:
        if device != "cpu" and item.get_closest_marker("cpu_only"):
            item.add_marker(pytest.mark.skip(reason="concerns the CPU alone"))
        if device == "cuda-emulated" and item.get_closest_marker("not_emulated"):
            item.add_marker(pytest.mark.skip(reason="too much for an emulated GPU"))
        if device == "cpu" and item.get_closest_marker("cuda_only"):
            item.add_marker(pytest.mark.skip(reason="needs --device cuda or cuda-emulated"))
        if device != "cuda-emulated" and item.get_closest_marker("emulated_only"):
            item.add_marker(pytest.mark.skip(reason="needs --device cuda-emulated"))


@pytest.fixture(autouse=True)
def start(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test computes on the device under test, from the same random numbers."""
    import minicnn

    minicnn.manual_seed(0)
    minicnn.set_default_device(request.config.getoption("device").partition("-")[0])
    yield
    minicnn.set_default_device(None)
