"""What the plain convolution on a GPU refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

from minicnn.kernels import Geometry
from minicnn.kernels.cuda import plain


def test_operands_of_two_dtypes_are_refused(cp: Any) -> None:
    geometry = Geometry((6, 9), (6, 9), (3, 3), padding=(1, 1))
    x, weight = cp.zeros((1, 5, 6, 9), np.float16), cp.ones((7, 5, 3, 3), np.float32)
    with pytest.raises(TypeError, match="one dtype, got float16 and float32"):
        plain.conv2d(x, weight, None, geometry)
    with pytest.raises(TypeError, match="conv2d on CUDA takes float16 or .*, got int64"):
        plain.conv2d(x.astype(np.int64), weight.astype(np.int64), None, geometry)
