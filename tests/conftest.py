"""The device under test, and the same random numbers at the start of every test.

``--device cpu`` is the default. ``--device cuda`` runs the tests on a GPU; ``--device cuda-emulated``
runs them on a CPU that stands in for one, kernels and all (``cuda_emulator``), which needs g++ and
NVRTC but neither a GPU nor CuPy. ``--device cuda-unlaunched`` runs them with the real CuPy over a
driver that launches nothing (``cuda_driver``): numbers are ignored, errors are not.
``MINICNN_KERNELS=plain`` in the environment selects the plain kernels, on every device.
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
        choices=["cpu", "cuda", "cuda-emulated", "cuda-unlaunched"],
        default="cpu",
        help="where the tests compute: the CPU, a GPU, an emulation of one, or (unlaunched) a driver "
        "that launches nothing, under the real CuPy",
    )


def pytest_configure(config: pytest.Config) -> None:
    device = config.getoption("device")
    if device == "cuda-emulated":
        _put_in_front(STAND_IN)
    elif device == "cuda-unlaunched":
        import cuda_driver

        _put_in_front(cuda_driver.AT_START)
        cuda_driver.install()
        from cuda_driver.values import IgnoreValues  # imports CuPy

        config.pluginmanager.register(IgnoreValues())


def _put_in_front(folder: Path) -> None:
    """Lets Python look for modules there first, here and in programs that tests start."""
    folders = [str(folder), str(TESTS), str(TESTS.parent)]
    sys.path[:0] = folders
    inherited = os.environ.get("PYTHONPATH")
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
    if device == "cuda-unlaunched":
        reasons["cusolver"] = "calls cuSOLVER, which has no stand-in here"
        reasons["numbers_decide"] = "depends on numbers, which mean nothing here"
    else:
        reasons["unlaunched_only"] = "needs --device cuda-unlaunched"
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


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Two threads for the kernels, also where there is one CPU."""
    import minicnn

    before = minicnn.get_num_threads()
    minicnn.set_num_threads(2)
    yield
    minicnn.set_num_threads(before)
