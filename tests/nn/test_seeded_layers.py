"""Layers draw their weights in torch's order: with one seed they begin with torch's numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.prune

import minicnn as mc
import minicnn.nn.utils.prune

LAYERS: dict[str, Callable[[Any], Any]] = {
    "conv1d": lambda nn: nn.Conv1d(3, 8, 5),
    "conv_transpose1d": lambda nn: nn.ConvTranspose1d(3, 8, 5),
    "conv_transpose2d": lambda nn: nn.ConvTranspose2d(3, 8, 5),
    "attention": lambda nn: nn.MultiheadAttention(8, 2, add_bias_kv=True),
    "attention of other lengths": lambda nn: nn.MultiheadAttention(8, 2, kdim=4, vdim=3),
    "transformer": lambda nn: nn.Transformer(8, 2, 1, 2, 16),
    "weight_norm": lambda nn: nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
    "spectral_norm": lambda nn: nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 40, 3)),
    "old spectral_norm": lambda nn: nn.utils.spectral_norm(nn.Conv2d(3, 40, 3)),
    "pruned": lambda nn: nn.utils.prune.random_unstructured(nn.Linear(20, 30), "weight", 0.5),
}


@pytest.mark.numbers_decide  # how much of "pruned" is left
@pytest.mark.parametrize("name", LAYERS)
def test_initial_state(name: str) -> None:
    states = []
    for library in (mc, torch):
        library.manual_seed(3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch's, about nested tensors
            layer = LAYERS[name](library.nn)
        state = {key: x.detach().cpu().numpy() for key, x in layer.state_dict().items()}
        states.append((state, library.rand(3).tolist()))
    (ours, our_next), (theirs, their_next) = states
    assert list(ours) == list(theirs)
    for key in ours:
        np.testing.assert_allclose(ours[key], theirs[key], rtol=0, atol=1e-6, err_msg=key)
    assert our_next == pytest.approx(their_next, abs=1e-7)
