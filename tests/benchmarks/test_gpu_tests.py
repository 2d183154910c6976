"""What the GPU suite counts while the tests run."""

import importlib
import json
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.cpu_only


def test_counts_of_tests_are_written_while_they_run(tmp_path, monkeypatch):
    gpu_tests = importlib.import_module("gpu_tests")
    recorder = gpu_tests.Recorder(tmp_path / "tests.json")
    longrepr = "def test():\n    assert 1 == 2\nE   assert 1 == 2\ntest.py:2: AssertionError"
    failed = {"when": "call", "outcome": "failed", "failed": True, "longreprtext": longrepr}
    passed = {"outcome": "passed", "failed": False}
    for report in (
        passed | {"when": "setup"},
        passed | {"when": "call"},
        passed | {"when": "teardown"},
        failed | {"nodeid": "tests/test.py::test"},
    ):
        recorder.pytest_runtest_logreport(SimpleNamespace(**report))
    result = json.loads((tmp_path / "tests.json").read_text())
    assert (result["passed"], result["failed"]) == (1, 1)
    assert result["failures"] == [{"test": "tests/test.py::test", "error": "assert 1 == 2"}]
