"""What the tests of kernels need that run on a GPU, or on the emulated one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

# Rounding of one result, as a share of the largest.
TOLERANCE = {"float16": 1e-3, "bfloat16": 8e-3, "float32": 3e-6, "float64": 1e-13}


@pytest.fixture
def cp(request: pytest.FixtureRequest, checked_memory: None) -> Any:
    """The module ``cupy``; the emulated GPU checks every access to memory, and looks for races."""
    if request.config.getoption("device") == "cpu":
        pytest.skip("needs --device cuda or --device cuda-emulated")
    import cupy

    return cupy


@pytest.fixture
def put(cp: Any) -> Callable[..., Any]:
    """Copies (N, C, ...) to the GPU.

    There it lies "channels-last", "channels-first", or "unaligned": channels-last, but not at a
    multiple of 16 bytes.
    """

    def put(array: np.ndarray, layout: str = "channels-last") -> Any:
        if layout == "channels-first":
            return cp.asarray(np.ascontiguousarray(array))
        rows = np.ascontiguousarray(np.moveaxis(array, 1, -1))  # (N, ..., C)
        if layout == "channels-last":
            return _channels_second(cp.asarray(rows))
        # one element after the start of an array
        longer = cp.asarray(np.concatenate([rows.reshape(-1)[:1], rows.reshape(-1)]))
        return _channels_second(longer[1:].reshape(rows.shape))

    return put


@pytest.fixture
def assert_close(cp: Any) -> Callable[..., None]:
    """Compares an array on the GPU with what it should be, up to the rounding of its dtype."""

    def assert_close(
        result: Any, expected: Any, roundings: float = 1, layout: str = "channels-last"
    ) -> None:
        expected = np.asarray(expected, np.float64)
        assert result.shape == expected.shape
        if layout == "channels-first":
            assert result.flags.c_contiguous
        elif result.ndim > 2:
            assert result.transpose(0, *range(2, result.ndim), 1).flags.c_contiguous
        tolerance = roundings * TOLERANCE[result.dtype.name]
        finite = np.abs(expected[np.isfinite(expected)])
        np.testing.assert_allclose(
            cp.asnumpy(result).astype(np.float64),
            expected,
            rtol=0,
            atol=tolerance * finite.max(initial=0),
        )

    return assert_close


def _channels_second(rows: Any) -> Any:
    return rows.transpose(0, rows.ndim - 1, *range(1, rows.ndim - 1))
