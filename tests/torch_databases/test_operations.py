"""Every operation agrees with torch on the samples of OpInfo."""

from __future__ import annotations

import pytest

from torch_databases.deviations import check
from torch_databases.operations import cases, operations, two_dtypes

pytestmark = pytest.mark.numbers_decide

OPERATIONS = operations()


@pytest.mark.parametrize("name", OPERATIONS)
def test_share_of_the_samples(name: str) -> None:
    info, ways = OPERATIONS[name]
    check(name, cases(info, ways, whole=False, dtypes=two_dtypes(info)), share=3)


@pytest.mark.slow
@pytest.mark.not_emulated
@pytest.mark.parametrize("name", OPERATIONS)
def test_most_samples(name: str) -> None:
    """All of them for most operations; some have ten thousand, which differ little."""
    check(name, cases(*OPERATIONS[name], whole=True), share=1000)
