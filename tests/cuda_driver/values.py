"""A pytest plugin for tests whose numbers mean nothing: wrong numbers pass, errors fail."""

from __future__ import annotations

import traceback
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

_TESTS = str(Path(__file__).parents[1])


class IgnoreValues:
    """Comparisons of arrays compare nothing, and a test ends well at the first ``assert`` that fails.

    An ``AssertionError`` of anybody else than a test, such as CuPy, stays an error.
    """

    def pytest_configure(self) -> None:
        for name in ("assert_allclose", "assert_array_equal", "assert_equal", "assert_array_less"):
            setattr(np.testing, name, _compare_nothing)
        for name in ("allclose", "array_equal"):
            setattr(np, name, _compare_nothing)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        try:
            yield
        except pytest.fail.Exception:  # such as "DID NOT RAISE"
            pass
        except AssertionError as error:
            if not traceback.extract_tb(error.__traceback__)[-1].filename.startswith(_TESTS):
                raise


def _compare_nothing(*arguments: object, **options: object) -> bool:
    return True
