"""What CuPy 14.2 refuses: a GPU, the emulated one and the one that launches nothing agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc

pytestmark = [pytest.mark.cuda_only, pytest.mark.without_numbers]

half, single = np.float16, np.float32
REFUSED: dict[str, tuple[Any, Callable[..., Any]]] = {
    "clip bfloat16 on one side": (mc.bfloat16, lambda cp, x: cp.clip(x, 0.0, None)),
    "clip bfloat16 on the other side": (mc.bfloat16, lambda cp, x: cp.clip(x, None, 1)),
    "clip bool on one side": (bool, lambda cp, x: cp.clip(x, 0, None)),
    "cumsum of bfloat16": (mc.bfloat16, lambda cp, x: x.cumsum(0)),
    "batched product of bfloat16": (mc.bfloat16, lambda cp, x: cp.matmul(x[None], x[None])),
    "add.at of bfloat16": (mc.bfloat16, lambda cp, x: cp.add.at(x, cp.asarray([0]), x[:1])),
    "bits of bfloat16": (mc.bfloat16, lambda cp, x: x & x),
    "an index": (np.int64, lambda cp, x: range(3)[x[0, 0]]),
    "a NumPy operand": (single, lambda cp, x: x + np.ones((3, 3), single)),
    "a list as operand": (single, lambda cp, x: cp.add([1], x)),
    "a mixed list": (single, lambda cp, x: cp.concatenate([x, np.ones((3, 3), single)])),
    "NumPy of CuPy": (single, lambda cp, x: np.asarray(x)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    import cupy

    dtype, call = REFUSED[name]
    x = cupy.ones((3, 3), dtype)
    with pytest.raises(Exception):  # noqa: B017 (CuPy has its own for kernels that do not compile)
        call(cupy, x)


GIVEN: dict[str, tuple[Any, Any, Callable[..., Any]]] = {  # the dtype of an array and of a result
    "bfloat16 and an integer": (mc.bfloat16, mc.bfloat16, lambda cp, x: x + 1),
    "bfloat16 and a number": (mc.bfloat16, single, lambda cp, x: x + 0.1),
    "bfloat16 and a float32": (mc.bfloat16, single, lambda cp, x: x * single(2)),
    "bfloat16 and float16": (mc.bfloat16, single, lambda cp, x: x + x.astype(half)),
    "a number by bfloat16": (mc.bfloat16, single, lambda cp, x: 1.0 / x),
    "maximum with a number": (mc.bfloat16, single, lambda cp, x: cp.maximum(x, 0.0)),
    "bfloat16 in place": (mc.bfloat16, mc.bfloat16, lambda cp, x: x.__imul__(0.1)),
    "exp of bfloat16": (mc.bfloat16, mc.bfloat16, lambda cp, x: cp.exp(x)),
    "clip of bfloat16": (mc.bfloat16, single, lambda cp, x: cp.clip(x, 0, 1)),
    "where of bfloat16": (mc.bfloat16, single, lambda cp, x: cp.where(x > 0, x, x)),
    "sum of bfloat16": (mc.bfloat16, mc.bfloat16, lambda cp, x: x.sum()),
    "float16 and a number": (half, half, lambda cp, x: x + 0.1),
    "integers and a number": (np.int32, np.float64, lambda cp, x: x * 0.5),
    "mean of integers": (np.int32, np.float64, lambda cp, x: x.mean()),
    "sum of int32": (np.int32, np.int64, lambda cp, x: x.sum()),
    "argmax": (single, np.int64, lambda cp, x: x.argmax(1)),
}


@pytest.mark.parametrize("name", GIVEN)
def test_dtypes(name: str) -> None:
    import cupy

    dtype, expected, call = GIVEN[name]
    assert call(cupy, cupy.ones((3, 3), dtype)).dtype == expected
