"""Convolutions, ReLUs and a pooling in a row on a GPU, against the same layers one by one."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.nn import fusion

pytestmark = [pytest.mark.cuda_only, pytest.mark.fast_only]


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(),
        nn.Conv2d(24, 8, 3), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
    )  # fmt: skip


def gradients(net: nn.Sequential, steps: list) -> list[np.ndarray]:
    """The result, and the gradients of images and parameters."""
    net.zero_grad()
    images = mc.tensor(np.random.default_rng(0).standard_normal((2, 3, 21, 19), np.float32))
    images.requires_grad_()
    out = images
    with mc.autocast(dtype=mc.bfloat16):
        for step in steps:
            out = step(out)
    out.float().square().sum().backward()
    grads = [tensor.grad for tensor in (images, *net.parameters()) if tensor.requires_grad]
    return [out.float().detach().numpy_copy(), *(grad.numpy_copy() for grad in grads)]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kernels that were launched, by name."""
    pytest.importorskip("cupy")
    from minicnn.kernels.cuda.runtime.module import Launcher

    launch, names = Launcher.launch, []

    def noting(self: Launcher, *args: object, **options: int) -> None:
        names.append(self._kernel.name)
        launch(self, *args, **options)

    monkeypatch.setattr(Launcher, "launch", noting)
    return names


PASSES = {"relu", "relu_backward", "relu_bias_backward", "channel_sum"}


def test_the_gradients_of_single_layers_without_their_passes(launched: list[str]) -> None:
    net = network()
    single = gradients(net, list(net))
    assert PASSES & set(launched)
    launched.clear()
    ours = gradients(net, fusion.steps(net))
    assert not PASSES & set(launched)
    assert launched.count("conv_input_grad_relu") == 2
    assert launched.count("max_pool2d_bias_backward") == 1
    for result, expected in zip(ours, single, strict=True):
        if result.ndim == 4:
            np.testing.assert_array_equal(result, expected)
        else:  # sums by channel, in another order
            scale = np.abs(expected).max()
            np.testing.assert_allclose(result, expected, rtol=0, atol=3e-6 * scale)


def test_a_frozen_bias_takes_the_other_operations(launched: list[str]) -> None:
    net = network()
    net[0].bias.requires_grad_(False)
    ours = gradients(net, fusion.steps(net))
    assert "conv_input_grad_relu" not in launched
    for result, expected in zip(ours, gradients(net, list(net)), strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(result, expected, rtol=0, atol=3e-6 * scale)
