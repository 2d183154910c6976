"""The device under test, and the same random numbers at the start of every test.

``--device cpu`` is the default. ``--device cuda`` runs the tests on a GPU; ``--device cuda-emulated``
runs them on a CPU that stands in for one, kernels and all (``cuda_emulator``), which needs g++ and
NVRTC but neither a GPU nor CuPy. ``MINICNN_KERNELS=plain`` in the environment selects the plain
kernels, on every device.
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
    reasons = _reasons_to_skip(config.getoption("device"), os.environ.get("MINICNN_KERNELS"))
    for item in items:
        for marker, reason in reasons.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def _reasons_to_skip(device: str, kernels: str | None) -> dict[str, str]:
    """The markers whose tests are skipped, and why."""
    reasons = {}
    if device == "cpu":
        reasons["cuda_only"] = "needs --device cuda or cuda-emulated"
    else:
        reasons["cpu_only"] = "concerns the CPU alone"
    if device == "cuda-emulated":
        reasons["not_emulated"] = "too much for an emulated GPU"
    else:
        reasons["emulated_only"] = "needs --device cuda-emulated"
    if kernels == "plain":
        reasons["fast_only"] = "concerns the fast CPU kernels alone, and MINICNN_KERNELS is plain"
    return reasons


@pytest.fixture(autouse=True)
def start(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test computes on the device under test, from the same random numbers."""
    import minicnn

    minicnn.manual_seed(0)
    minicnn.set_default_device(request.config.getoption("device").partition("-")[0])
    yield
    minicnn.set_default_device(None)
