"""Results of the plain kernels lie in memory as N, C, H, W."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

import minicnn


@pytest.fixture(params=["float16", "bfloat16", "float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> minicnn.dtype:
    return getattr(minicnn, request.param)


@pytest.fixture
def assert_close(assert_close: Callable[..., None]) -> Callable[..., None]:
    """Compares an array on the GPU with what it should be, up to the rounding of its dtype."""
    return functools.partial(assert_close, layout="channels-first")
