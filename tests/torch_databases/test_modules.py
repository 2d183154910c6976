"""Every layer agrees with torch on the samples of ModuleInfo."""

from __future__ import annotations

import pytest

from torch_databases.deviations import check
from torch_databases.modules import cases, modules

pytestmark = pytest.mark.numbers_decide

MODULES = modules()


@pytest.mark.parametrize("name", MODULES)
def test_share_of_the_samples(name: str) -> None:
    check(name, cases(name, MODULES[name]), share=6)


@pytest.mark.slow
@pytest.mark.not_emulated
@pytest.mark.parametrize("name", MODULES)
def test_every_sample(name: str) -> None:
    check(name, cases(name, MODULES[name]))
