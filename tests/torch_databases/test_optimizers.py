"""Every optimizer and schedule agrees with torch on the samples of OptimizerInfo."""

from __future__ import annotations

import pytest

from torch_databases.deviations import check
from torch_databases.optimizers import cases, optimizers

pytestmark = pytest.mark.numbers_decide

OPTIMIZERS = optimizers()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_share_of_the_samples(name: str) -> None:
    check(name, cases(name, OPTIMIZERS[name]), share=20)


@pytest.mark.slow
@pytest.mark.not_emulated
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_sample(name: str) -> None:
    check(name, cases(name, OPTIMIZERS[name]))
