"""The half-precision copies of float32 weights: made once, and never out of date."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn
import minicnn.nn.functional as F
from minicnn import bfloat16, float16
from minicnn.ops.half_copy import half_copy, kept_half_copy, mark_half_copy_current


def parameter() -> Any:
    return minicnn.nn.Parameter(minicnn.randn(4, 3, 2, 2))


def test_own_array_in_its_own_dtype() -> None:
    weight = minicnn.randn(3, 4).bfloat16()
    assert half_copy(weight, bfloat16) is weight.array
    assert kept_half_copy(weight) is None


def test_cast_once() -> None:
    weight = parameter()
    assert kept_half_copy(weight) is None
    copy = half_copy(weight, bfloat16)
    assert half_copy(weight, bfloat16) is copy is kept_half_copy(weight)
    assert minicnn.Tensor.of(copy).tolist() == weight.bfloat16().tolist()
    assert half_copy(weight, float16).dtype == float16


def test_memory_layout_is_that_of_the_weight() -> None:
    weight = minicnn.tensor(np.moveaxis(np.ones((4, 2, 2, 3), np.float32), -1, 1))
    assert [2 * s for s in half_copy(weight, bfloat16).strides] == list(weight.array.strides)


CHANGES = {
    "in place": lambda w: w.mul_(2.0),
    "through a view": lambda w: w[0].fill_(2.0),
    "through detach": lambda w: w.detach().zero_(),
    "new data": lambda w: setattr(w, "data", minicnn.ones(4, 3, 2, 2)),
    "new array": lambda w: setattr(w, "array", minicnn.ones(4, 3, 2, 2).array),
    "copied into": lambda w: w.copy_(minicnn.ones(4, 3, 2, 2)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_made_anew_after_a_change(change: Any) -> None:
    weight = parameter()
    half_copy(weight, bfloat16)
    with minicnn.no_grad():
        change(weight)
    assert kept_half_copy(weight) is None
    assert minicnn.Tensor.of(half_copy(weight, bfloat16)).tolist() == weight.bfloat16().tolist()


def test_an_optimizer_that_writes_the_copy_itself() -> None:
    weight = parameter()
    copy = half_copy(weight, bfloat16)
    weight.array *= 2
    copy[...] = weight.array
    weight.bump_version()
    mark_half_copy_current(weight, copy)
    assert half_copy(weight, bfloat16) is copy


@pytest.mark.parametrize("optimizer", [minicnn.optim.SGD, minicnn.optim.AdamW])
def test_layers_see_the_weights_of_the_last_step(optimizer: Any) -> None:
    layer = minicnn.nn.Linear(3, 2)
    steps = optimizer(layer.parameters(), lr=0.5)
    x = minicnn.randn(4, 3)
    for _ in range(3):
        with minicnn.autocast():
            out = layer(x)
        wanted = F.linear(x.bfloat16(), layer.weight.bfloat16(), layer.bias.bfloat16())
        assert (out - wanted).abs().max().item() < 0.02 * wanted.abs().max().item() + 0.02
        steps.zero_grad()
        out.float().sum().backward()
        steps.step()


def test_weights_changed_between_forward_and_backward_raise() -> None:
    layer = minicnn.nn.Linear(3, 2)
    with minicnn.autocast():
        out = layer(minicnn.randn(4, 3).requires_grad_())
    with minicnn.no_grad():
        layer.weight.mul_(2.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        out.float().sum().backward()
