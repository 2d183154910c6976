"""Kernels and number formats that several tests of the emulator use."""

import functools
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import cuda_emulator

KERNELS = Path(__file__).parent / "kernels"
TESTS = Path(__file__).parents[1]  # the folder to import cuda_emulator from
INCLUDE = (f"-I{KERNELS}",)

MODES = pytest.mark.parametrize("checked", [False, True], ids=["plain", "checked"])

# The template argument KIND of kernels for 16-bit floats, which take these as their bits
BF16, F16 = 0, 1
_DTYPES = {BF16: ml_dtypes.bfloat16, F16: np.float16}


def read(file):
    """The text of a kernel file."""
    return (KERNELS / file).read_text()


@functools.lru_cache
def load(file, *name_expressions, arch="compute_80"):
    """The kernels of a file."""
    return cuda_emulator.Module(read(file), INCLUDE, name_expressions, arch=arch, name=file)


def to_bits(values, kind):
    """The bits of values rounded to a 16-bit format."""
    return np.asarray(values).astype(_DTYPES[kind]).view(np.uint16)


def from_bits(bits, kind):
    """The values of bits of a 16-bit format."""
    return bits.view(_DTYPES[kind]).astype(np.float32)
