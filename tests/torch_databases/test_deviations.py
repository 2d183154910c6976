"""The stated deviations are few, and still there."""

from __future__ import annotations

import pytest

from torch_databases.deviations import DEVIATIONS
from torch_databases.operations import cases, operations

pytestmark = [pytest.mark.cpu_only]


def test_there_are_at_most_fifteen() -> None:
    assert len(DEVIATIONS) <= 15


@pytest.mark.slow
@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_sample_needs_it(name: str) -> None:
    ways = [both for path, both in operations().items() if path.rpartition(".")[2] == name]
    assert any(case.disagreement() for both in ways for case in cases(*both, True))
