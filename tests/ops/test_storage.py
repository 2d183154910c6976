"""``Tensor.storage()``: the numbers that a tensor and its views share."""

from __future__ import annotations

import sys

import pytest
import torch

import minicnn as mc


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_prints_and_changes_what_all_views_share() -> None:
    texts = []
    for m in (mc, torch):
        x = m.arange(6.0).reshape(2, 3)
        storage = x.t()[1:].storage()
        storage[0] = 7
        printed = repr(storage).replace(str(x.device), "the device")
        texts.append([printed, list(storage), x.tolist(), x.untyped_storage().size()])
    assert texts[0] == texts[1]


def test_its_size_in_memory_is_told() -> None:  # torchinfo sums them
    assert sys.getsizeof(mc.ones(1000).untyped_storage()) > 4000
