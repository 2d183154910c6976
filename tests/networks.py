"""Networks to look at, made without drawing a hundred million random numbers."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from minicnn import models
from minicnn.models._api import PUBLISHED
from minicnn.nn import init

# passing over 300 million random numbers takes a second
_PASSING = dict.fromkeys(("pass_over_uniform", "pass_over_normal"), lambda *_: None)


def build(name: str, **options: Any) -> Any:
    """A network whose weights are whatever was in memory."""
    with init.no_init(), mock.patch.multiple(init, **_PASSING):
        return models.get_model(name, **options)


def _num_params(name: str) -> float:
    entries = PUBLISHED.get(name)
    return next(iter(entries)).meta["num_params"] if entries else float("inf")


def _smallest_of_each_family() -> set[str]:
    by_file: dict[str, list[str]] = {}
    for name in models.list_models():
        by_file.setdefault(models.get_model_builder(name).__module__, []).append(name)
    return {min(names, key=_num_params) for names in by_file.values()}


USUAL = _smallest_of_each_family()  # what the usual run tests; the slow one tests the others


def every_network() -> list[Any]:
    """All names, to parametrize a test, most of them marked slow."""
    slow = pytest.mark.slow
    return [
        name if name in USUAL else pytest.param(name, marks=slow) for name in models.list_models()
    ]
