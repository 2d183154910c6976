"""A pytest plugin for tests whose numbers mean nothing: wrong numbers pass, errors fail."""

from __future__ import annotations

import ctypes
import traceback
from collections.abc import Generator
from pathlib import Path
from types import TracebackType

import cupy
import numpy as np
import pytest

_TESTS = str(Path(__file__).parents[1])
_ORACLE = str(Path(_TESTS) / "oracle.py")


class IgnoreValues:
    """Comparisons of arrays compare nothing, and a test ends well at the first number that is wrong.

    That is where an ``assert`` of a test fails, or where Python itself or a check of minicnn's
    stumbles over a number (``ValueError``, ``ZeroDivisionError``). All else fails: whatever CuPy
    raises, other errors, what ``oracle.py`` still asserts, which is about dtypes and shapes, and
    tests that are marked as ``without_numbers``.

    New arrays are zeros: else they would hold what was in a block of memory before, and what a test
    does with such numbers would depend on the tests before it.
    """

    def pytest_configure(self) -> None:
        for name in ("assert_allclose", "assert_array_equal", "assert_equal", "assert_array_less"):
            setattr(np.testing, name, _compare_nothing)
        np.allclose = _compare_nothing
        cupy.cuda.set_allocator(_zeros)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        try:
            yield
        except (AssertionError, ArithmeticError, ValueError, pytest.fail.Exception) as error:
            if item.get_closest_marker("without_numbers") or not _is_about_a_number(error):
                raise


def _is_about_a_number(error: BaseException) -> bool:
    if isinstance(error, pytest.fail.Exception):  # such as "DID NOT RAISE"
        return True
    place = _place(error.__traceback__)
    if isinstance(error, AssertionError):
        return place != _ORACLE and (place.startswith(_TESTS) or "_pytest" in place)
    return not place.startswith("cupy")


def _place(trace: TracebackType | None) -> str:
    """The file that raised an exception; CuPy's begin with ``cupy``."""
    return traceback.extract_tb(trace)[-1].filename


def _zeros(size: int) -> cupy.cuda.MemoryPointer:
    """Memory of a device that was cleared; to this driver it is memory of the host."""
    memory = cupy.get_default_memory_pool().malloc(size)
    ctypes.memset(memory.ptr, 0, size)
    return memory


def _compare_nothing(*arguments: object, **options: object) -> bool:
    return True
