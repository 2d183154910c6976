"""Warnings name the line of the user's program, as torch's do."""

from __future__ import annotations

import warnings

import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn

pytestmark = pytest.mark.without_numbers

CALLS = {
    "in an operation": lambda: mc.tensor(mc.ones(2)),
    "in a decorated one": lambda: F.mse_loss(mc.ones(4, 1), mc.ones(4)),
    "in two decorated ones": lambda: F.softmin(mc.ones(2)),
    "in a layer": lambda: nn.Softmax()(mc.ones(2)),
    "in a layer's operation": lambda: nn.L1Loss()(mc.ones(4, 1), mc.ones(4)),
    "in a constructor": lambda: nn.MSELoss(size_average=False),
    "of out": lambda: mc.add(mc.ones(2), 1, out=mc.ones(3)),
}


@pytest.mark.parametrize("place", CALLS)
def test_a_warning_names_the_callers_line(place):
    call = CALLS[place]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    (warning,) = caught
    assert (warning.filename, warning.lineno) == (__file__, call.__code__.co_firstlineno)
