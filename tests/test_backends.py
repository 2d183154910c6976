"""torch's switches for TF32."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

import minicnn
from minicnn.kernels.tf32 import allow_tf32


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    for library in minicnn, torch:
        library.set_float32_matmul_precision("high")  # also what follows allow_tf32 = True
        library.backends.cuda.matmul.allow_tf32 = False
    minicnn.backends.cudnn.allow_tf32 = False


def test_full_precision_by_default() -> None:
    assert minicnn.backends.cuda.matmul.allow_tf32 is False
    assert minicnn.backends.cudnn.allow_tf32 is False
    assert minicnn.get_float32_matmul_precision() == "highest"


def test_each_switch_for_its_layers() -> None:
    minicnn.backends.cudnn.allow_tf32 = True
    assert allow_tf32 == {"conv": True, "linear": False}
    minicnn.backends.cudnn.allow_tf32 = False
    minicnn.backends.cuda.matmul.allow_tf32 = True
    assert allow_tf32 == {"conv": False, "linear": True}


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_matmul_precision_as_in_torch(precision: str) -> None:
    for library in minicnn, torch:
        library.set_float32_matmul_precision(precision)
    assert (
        minicnn.backends.cuda.matmul.allow_tf32
        == torch.backends.cuda.matmul.allow_tf32
        == (precision != "highest")
    )
    assert minicnn.get_float32_matmul_precision() == torch.get_float32_matmul_precision()
    minicnn.backends.cuda.matmul.allow_tf32 = False
    assert minicnn.get_float32_matmul_precision() == "highest"


def test_errors() -> None:
    with pytest.raises(ValueError, match="one of highest, high, medium, got 'low'"):
        minicnn.set_float32_matmul_precision("low")
    with pytest.raises(TypeError, match="True or False, got 1"):
        minicnn.backends.cudnn.allow_tf32 = 1  # type: ignore[assignment]


def test_can_be_set_without_cupy() -> None:
    program = (
        "import sys; sys.modules['cupy'] = None\n"
        "import minicnn; minicnn.backends.cudnn.allow_tf32 = True"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
