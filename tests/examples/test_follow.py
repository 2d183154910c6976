"""examples/follow.py, and how short the way of an operation is."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from scripts import ROOT, environment

SCRIPT = ROOT / "examples" / "follow.py"
COUNTS = re.compile(r"(forward|backward): (\d+) functions in (\d+) files")

# operation, kernels: at most so many files forward, functions forward, files backward
LIMITS = {
    ("conv2d", "plain"): (8, 25, 10),
    ("conv2d", "fast"): (12, 50, 16),
    ("max_pool2d", "plain"): (8, 25, 10),
    ("linear", "plain"): (8, 25, 10),
    ("relu", "plain"): (8, 25, 10),
    ("dropout", "plain"): (8, 25, 10),
}


def follow(*arguments: str) -> str:
    """What the script prints, in a process of its own: the first call is followed."""
    command = [sys.executable, SCRIPT, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.cpu_only
@pytest.mark.parametrize("operation, kernels", LIMITS)
def test_the_way_of_an_operation_is_short(operation: str, kernels: str) -> None:
    printed = follow(operation, "--kernels", kernels)
    counts = {way: (int(files), int(count)) for way, count, files in COUNTS.findall(printed)}
    files, functions, files_backward = LIMITS[operation, kernels]
    assert counts["forward"][0] <= files and counts["forward"][1] <= functions, printed
    assert counts["backward"][0] <= files_backward, printed


@pytest.mark.cpu_only
def test_the_road_of_a_plain_convolution() -> None:
    forward = follow("conv2d", "--kernels", "plain").split("backward:")[0]
    files = re.findall(r"^  (\S+\.py)$", forward, flags=re.MULTILINE)
    assert set(files) == {
        "nn/module.py", "nn/conv.py", "ops/edge.py", "tensor.py", "ops/conv.py",
        "autograd/function.py", "kernels/__init__.py", "kernels/plain/conv.py",
    }  # fmt: skip
    assert "im2col(x (2, 3, 8, 8))" in forward
    assert "each window is a column" in forward


@pytest.mark.cpu_only
@pytest.mark.parametrize("operation", ["softmax", "matmul", "cross_entropy", "gather", "cat"])
def test_any_operation_by_name(operation: str) -> None:
    assert "forward:" in follow(operation)


def test_unknown_operation() -> None:
    command = [sys.executable, SCRIPT, "conv5d"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert result.returncode == 1 and "no operation 'conv5d'" in result.stderr
