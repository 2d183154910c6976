"""Every test starts from the same random numbers."""

import pytest

import minicnn


@pytest.fixture(autouse=True)
def seeded():
    minicnn.manual_seed(0)
