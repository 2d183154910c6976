"""Blocks of networks: layers, state and numbers are those of ``torchvision.ops``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from with_torchvision import torchvision

import minicnn as mc
from minicnn import nn, vision

OPS: Any = torchvision.ops

# the block, its arguments for the library whose ``nn`` is given, the shape of an input
BLOCKS: dict[str, tuple[str, Any, tuple[int, ...]]] = {
    "conv": (
        "Conv2dNormActivation",
        lambda nn: {"in_channels": 4, "out_channels": 6},
        (2, 4, 7, 7),
    ),
    "conv without norm": (
        "Conv2dNormActivation",
        lambda nn: {
            "in_channels": 4,
            "out_channels": 6,
            "kernel_size": (5, 3),
            "stride": 2,
            "groups": 2,
            "dilation": (1, 2),
            "norm_layer": None,
            "activation_layer": nn.Sigmoid,
            "inplace": None,
        },
        (2, 4, 7, 9),
    ),
    "conv alone": (
        "Conv2dNormActivation",
        lambda nn: {
            "in_channels": 4,
            "out_channels": 6,
            "padding": "same",
            "activation_layer": None,
            "bias": True,
        },
        (2, 4, 5, 5),
    ),
    "excitation": (
        "SqueezeExcitation",
        lambda nn: {"input_channels": 6, "squeeze_channels": 2},
        (2, 6, 5, 4),
    ),
    "hard excitation": (
        "SqueezeExcitation",
        lambda nn: {
            "input_channels": 6,
            "squeeze_channels": 2,
            "activation": nn.SiLU,
            "scale_activation": nn.Hardsigmoid,
        },
        (2, 6, 5, 4),
    ),
    "mlp": ("MLP", lambda nn: {"in_channels": 4, "hidden_channels": [6, 3]}, (2, 5, 4)),
    "mlp with norm": (
        "MLP",
        lambda nn: {
            "in_channels": 4,
            "hidden_channels": [6, 5, 3],
            "norm_layer": nn.LayerNorm,
            "inplace": True,
            "bias": False,
            "activation_layer": nn.Hardswish,
        },
        (2, 5, 4),
    ),
    "permute": ("Permute", lambda nn: {"dims": [0, 2, 3, 1]}, (2, 3, 4, 5)),
    "depth": ("StochasticDepth", lambda nn: {"p": 0.4, "mode": "row"}, (9, 2, 1, 1)),
    "depth of the batch": ("StochasticDepth", lambda nn: {"p": 0.4, "mode": "batch"}, (3, 2)),
}


@pytest.mark.parametrize("case", BLOCKS)
@pytest.mark.cpu_only  # other devices draw other random numbers, and test all that blocks consist of
@pytest.mark.parametrize("training", [True, False])
def test_block(case: str, training: bool) -> None:
    name, arguments, shape = BLOCKS[case]
    mc.manual_seed(0)
    torch.manual_seed(0)
    ours = getattr(vision, name)(**arguments(nn)).train(training)
    theirs = getattr(OPS, name)(**arguments(torch.nn)).train(training)
    assert repr(ours) == repr(theirs)
    state = {key: mc.tensor(value.numpy()) for key, value in theirs.state_dict().items()}
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict(state)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    x, y = mc.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    out, expected = ours(x), theirs(y)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), atol=1e-6)
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), atol=1e-5)


def test_stochastic_depth_refuses() -> None:
    with pytest.raises(ValueError, match=r"probability in \[0, 1\], got 1.5"):
        vision.stochastic_depth(mc.zeros(1), 1.5, "row")
    with pytest.raises(ValueError, match="'batch' or 'row', got 'image'"):
        vision.stochastic_depth(mc.zeros(1), 0.5, "image")
    assert vision.stochastic_depth(mc.ones(2, 1), 1.0, "row").sum() == 0
