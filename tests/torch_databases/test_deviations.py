"""The stated deviations are few, and still true."""

from __future__ import annotations

import pytest
import torch

import minicnn
from torch_databases.deviations import DEVIATIONS


def test_there_are_at_most_fifteen() -> None:
    assert len(DEVIATIONS) <= 15


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda d: d.name)
def test_torch_answers_and_minicnn_refuses(deviation: object) -> None:
    deviation.example(torch)
    with pytest.raises((RuntimeError, TypeError, ValueError), match=deviation.error):
        deviation.example(minicnn)
