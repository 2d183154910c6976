"""Runs a kernel of the contract on the arguments of a case, and compares what it returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from kernel_cases.arrays import FLOAT64


def map_arrays(function: Callable[[np.ndarray], Any], value: Any) -> Any:
    """A value with ``function`` applied to its arrays, once to one that is there twice."""
    results: dict[int, Any] = {}

    def mapped(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(mapped, value))
        if not isinstance(value, np.ndarray):
            return value
        if id(value) not in results:
            results[id(value)] = function(value)
        return results[id(value)]

    return mapped(value)


def flatten(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in flatten(each)]
    return [value]


def cast(arguments: Any, dtype: np.dtype, of: np.dtype = FLOAT64) -> Any:
    """A copy of the arguments, with arrays of one dtype cast to another."""
    return map_arrays(lambda a: a.astype(dtype if a.dtype == of else a.dtype), arguments)


def run(
    kernel: Callable[..., Any],
    arguments: tuple[Any, ...],
    dtype: np.dtype,
    layout: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> list[Any]:
    """What a kernel returns for arguments of a dtype, and what is then in those it writes to.

    ``layout`` places arrays of two and more axes in memory.
    """
    arguments = map_arrays(lambda a: layout(a) if a.ndim > 1 else a, cast(arguments, dtype))
    is_step = kernel.__name__.endswith("_step")
    written = flatten(arguments) if is_step else arguments[1:] if kernel.__name__ == "relu" else []
    for each in flatten(arguments):
        if isinstance(each, np.ndarray):
            each.flags.writeable = any(each is one for one in written)
    with np.errstate(all="ignore"):  # as in Function.apply
        result = kernel(*arguments)
    results = flatten([] if is_step else result) + list(written)
    return [each for each in results if not callable(each)]


def assert_close(
    results: list[Any], expected: list[Any], shares: dict[np.dtype, float] | None = None
) -> None:
    """Numbers may differ by a share of the largest, which depends on their dtype."""
    for result, wanted in zip(results, expected, strict=True):
        if not isinstance(wanted, np.ndarray):
            assert result == wanted
            continue
        assert result.shape == wanted.shape
        assert result.dtype == wanted.dtype
        if wanted.dtype.kind in "biu":
            np.testing.assert_array_equal(result, wanted)
            continue
        share = shares[wanted.dtype] if shares else 0
        result, wanted = result.astype(np.float64), wanted.astype(np.float64)
        largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=0)
        np.testing.assert_allclose(result, wanted, rtol=0, atol=share * largest)
