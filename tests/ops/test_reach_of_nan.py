"""Which results of a convolution one NaN reaches: in im2col those of its windows, no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import detect_anomaly
from minicnn.kernels.cpu import conv
from minicnn.ops.conv import Conv2dInputGrad, Conv2dWeightGrad, conv2d_geometry
from minicnn.ops.fused import conv2d_relu

pytestmark = pytest.mark.cpu_only
CHANNELS, SIZE, ROW, COLUMN = 64, 56, 35, 35  # where four tiles meet


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MINICNN_CONV", raising=False)
    monkeypatch.setattr(conv, "_selected", "")
    with minicnn.backends.use_kernels("fast"):
        yield


def image_with_nan() -> minicnn.Tensor:
    x = minicnn.rand(1, CHANNELS, SIZE, SIZE)
    x[0, 3, ROW, COLUMN] = float("nan")
    return x


def forward() -> minicnn.Tensor:
    return F.conv2d(image_with_nan(), minicnn.randn(CHANNELS, CHANNELS, 3, 3), padding=1)


def forward_with_relu() -> minicnn.Tensor:
    return conv2d_relu(image_with_nan(), minicnn.randn(CHANNELS, CHANNELS, 3, 3), padding=1)


def input_gradient() -> minicnn.Tensor:
    x, weight = image_with_nan(), minicnn.randn(CHANNELS, CHANNELS, 3, 3)
    geometry = conv2d_geometry(x, weight, None, 1, 1, 1, 1)
    return Conv2dInputGrad.apply(x, weight, geometry=geometry)


def transposed() -> minicnn.Tensor:
    weight = minicnn.randn(CHANNELS, CHANNELS, 4, 4)
    return F.conv_transpose2d(image_with_nan(), weight, stride=2, padding=1)


def outside(result: minicnn.Tensor) -> int:
    """How many NaN there are outside the windows of the one in the input."""
    found = np.isnan(result.numpy())
    if result.shape[-1] == SIZE:
        rows, columns = slice(ROW - 1, ROW + 2), slice(COLUMN - 1, COLUMN + 2)
    else:  # twice as large, from a filter of 4 x 4
        rows, columns = (slice(2 * at - 1, 2 * at + 3) for at in (ROW, COLUMN))
    assert found[..., rows, columns].all()
    found[..., rows, columns] = False
    return int(found.sum())


WAYS = pytest.mark.parametrize(
    "compute", [forward, forward_with_relu, input_gradient, transposed], ids=lambda f: f.__name__
)


@WAYS
def test_winograd_spreads_it_over_its_tiles(compute: Callable[[], minicnn.Tensor]) -> None:
    """So the docstring of conv2d says; for four tiles of 6 * 6 pixels this is the most."""
    minicnn.backends.cpu.conv = "winograd"
    reached = outside(compute())
    assert 1000 < reached <= 8640 * (4 if compute is transposed else 1)


@WAYS
def test_im2col_keeps_it_to_its_windows(compute: Callable[[], minicnn.Tensor]) -> None:
    minicnn.backends.cpu.conv = "im2col"
    assert outside(compute()) == 0


@WAYS
def test_so_does_detect_anomaly(compute: Callable[[], minicnn.Tensor]) -> None:
    minicnn.backends.cpu.conv = "winograd"
    with detect_anomaly():
        assert outside(compute()) == 0
    assert outside(compute()) > 0


@pytest.mark.parametrize("watched", [False, True])
def test_weight_gradient(watched: bool) -> None:
    """A NaN in a channel of the images reaches the weights of that channel alone."""
    minicnn.backends.cpu.conv = "winograd" if watched else "im2col"
    x, grad = image_with_nan(), minicnn.rand(1, CHANNELS, SIZE, SIZE)
    geometry = conv2d_geometry(x, minicnn.zeros(CHANNELS, CHANNELS, 3, 3), None, 1, 1, 1, 1)
    with detect_anomaly(watched):
        found = np.isnan(Conv2dWeightGrad.apply(grad, x, geometry=geometry).numpy())
    assert found[:, 3].all() and not np.delete(found, 3, axis=1).any()


@pytest.mark.parametrize("watched", [False, True])
def test_with_groups(watched: bool) -> None:
    """Neighbouring pixels share a column, and so a NaN, unless im2col or no anomaly is wanted."""
    x, weight = image_with_nan(), minicnn.randn(CHANNELS, 4, 3, 3)

    def reached() -> int:
        return int(np.isnan(F.conv2d(x, weight, padding=1, groups=CHANNELS // 4).numpy()).sum())

    assert 36 < reached() <= 96  # eight pixels in each row
    minicnn.backends.cpu.conv = "auto" if watched else "im2col"
    with detect_anomaly(watched):
        assert reached() == 36  # four filters, nine windows


def test_an_infinite_pixel_and_a_large_one() -> None:
    x, weight = minicnn.rand(1, CHANNELS, SIZE, SIZE), minicnn.randn(CHANNELS, CHANNELS, 3, 3)
    minicnn.backends.cpu.conv = "im2col"
    before = F.conv2d(x, weight, padding=1).numpy()
    for value in (float("inf"), 1e6):
        x[0, 3, ROW, COLUMN] = value
        changed = F.conv2d(x, weight, padding=1).numpy() != before
        changed[..., ROW - 1 : ROW + 2, COLUMN - 1 : COLUMN + 2] = False
        assert not changed.any()


def test_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert minicnn.backends.cpu.conv == "auto"
    monkeypatch.setenv("MINICNN_CONV", "winograd")
    assert minicnn.backends.cpu.conv == "winograd"
    minicnn.backends.cpu.conv = "im2col"  # the program has the last word
    net = minicnn.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
    (layer,) = minicnn.nn.conv_algorithms(net, (8, CHANNELS, SIZE, SIZE))
    assert layer.forward.name == layer.input_grad.name == layer.weight_grad.name == "im2col"
    with pytest.raises(ValueError, match="one of auto, im2col, winograd, got 'fft'"):
        minicnn.backends.cpu.conv = "fft"
