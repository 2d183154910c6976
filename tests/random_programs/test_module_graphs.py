"""Random networks agree with torch: outputs, gradients, statistics, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_databases.judge import REFUSALS, attempt, difference
from torch_databases.values import numpy_of, ours

import minicnn as mc
from random_programs.module_graphs import built, networks
from random_programs.profile import SETTINGS

pytestmark = [pytest.mark.not_emulated, pytest.mark.numbers_decide]


def test_some_networks() -> None:
    search(60)


@pytest.mark.slow
def test_many_networks() -> None:
    search(500)


def search(count: int) -> None:
    """Compares ``count`` random networks."""

    @settings(max_examples=count, **SETTINGS)
    @given(networks(), st.booleans(), st.booleans(), st.integers(0, 1000))
    def agree(network: Any, training: bool, is_leaf: bool, seed: int) -> None:
        blocks, forward = built(torch, network)
        blocks.double().train(training)
        our_blocks, our_forward = built(mc, network)
        our_blocks.double().train(training)
        our_blocks.load_state_dict({k: ours(v) for k, v in blocks.state_dict().items()})
        numbers = torch.from_numpy(np.random.default_rng(seed).standard_normal((2, 4, 5, 5)))
        theirs, error = attempt(lambda: trained(blocks, forward, numbers.clone(), is_leaf))
        if error is not None:
            with pytest.raises(REFUSALS):
                trained(our_blocks, our_forward, ours(numbers), is_leaf)
            return
        found = trained(our_blocks, our_forward, ours(numbers), is_leaf)
        assert list(found) == list(theirs)
        for name, value in theirs.items():
            assert (wrong := difference(found[name], value, lambda: None)) is None, (
                f"{name} {wrong}"
            )

    agree()


def trained(blocks: Any, forward: Any, x: Any, is_leaf: bool) -> dict[str, Any]:
    """The output, all gradients and buffers; a leaf that requires a gradient cannot be changed."""
    x.requires_grad_()
    out = forward(x if is_leaf else x * 1)
    (out * out).sum().backward()
    found = {"output": numpy_of(out), "gradient of x": numpy_of(x.grad)}
    for name, p in blocks.named_parameters():
        found[f"gradient of {name}"] = None if p.grad is None else numpy_of(p.grad)
    for name, buffer in blocks.named_buffers():
        found[name] = numpy_of(buffer)
    return found
