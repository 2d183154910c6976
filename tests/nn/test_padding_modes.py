"""Conv2d with pixels around the image that are not zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn

MODES = pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])


@MODES
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": (3, 5), "padding": (1, 2), "stride": 2, "groups": 2},
        {"kernel_size": (2, 4), "padding": "same", "dilation": (3, 1)},
        {"kernel_size": 3, "padding": "valid", "bias": False},
    ],
)
@pytest.mark.parametrize("shape", [(2, 4, 9, 8), (4, 9, 8)])
def test_padding_modes(mode: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    ours = nn.Conv2d(4, 6, padding_mode=mode, dtype=mc.float64, **options)
    theirs = torch.nn.Conv2d(4, 6, padding_mode=mode, dtype=torch.float64, **options)
    assert repr(ours) == repr(theirs)
    theirs.load_state_dict({k: torch.tensor(v.cpu().numpy()) for k, v in ours.state_dict().items()})
    image = np.random.default_rng(0).standard_normal(shape)
    x, y = mc.tensor(image, requires_grad=True), torch.tensor(image, requires_grad=True)
    out, expected = ours(x), theirs(y)
    np.testing.assert_allclose(out.detach().cpu().numpy(), expected.detach().numpy(), atol=1e-12)
    (out**2).sum().backward()
    (expected**2).sum().backward()
    assert x.grad is not None and y.grad is not None
    np.testing.assert_allclose(x.grad.cpu().numpy(), y.grad.numpy(), atol=1e-11)


@MODES
def test_a_relu_behind_it_sees_the_same_pixels(mode: str) -> None:
    conv = nn.Conv2d(3, 5, 3, padding=1, padding_mode=mode)
    x = mc.randn(2, 3, 6, 7)
    together, alone = nn.Sequential(conv, nn.ReLU())(x), conv(x).relu()
    np.testing.assert_array_equal(together.detach().cpu().numpy(), alone.detach().cpu().numpy())


@pytest.mark.cpu_only
def test_the_table_of_algorithms_counts_the_border() -> None:
    padded = nn.Conv2d(64, 64, 3, padding=1, padding_mode="reflect")
    (layer,) = nn.conv_algorithms(padded, (8, 64, 56, 56))
    valid = nn.Conv2d(64, 64, 3, padding="valid")
    (expected,) = nn.conv_algorithms(valid, (8, 64, 58, 58))
    assert layer.forward == expected.forward and layer.input_shape == (8, 64, 56, 56)
    assert layer.weight_grad == expected.weight_grad
