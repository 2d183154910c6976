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


def every_network() -> list[Any]:
    """All names, to parametrize a test: the smallest network of each family is tested in the usual
    run, the others in the slow one.
    """
    by_file: dict[str, list[str]] = {}
    for name in models.list_models():
        by_file.setdefault(models.get_model_builder(name).__module__, []).append(name)
    usual = {min(names, key=_num_params) for names in by_file.values()}
    slow = pytest.mark.slow
    return [
        name if name in usual else pytest.param(name, marks=slow) for name in models.list_models()
    ]


def _num_params(name: str) -> float:
    entries = PUBLISHED.get(name)
    return next(iter(entries)).meta["num_params"] if entries else float("inf")
