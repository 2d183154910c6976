"""Images of mixed precision: the pass that casts them leaves nothing for the convolution to add."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

import minicnn as mc
from minicnn import nn
from minicnn.kernels import cuda
from minicnn.kernels.cuda import conv

pytestmark = pytest.mark.cuda_only


@pytest.mark.parametrize("layout", ["channels-last", "channels-first"])
@pytest.mark.parametrize("C", [1, 3, 4, 5])
def test_images_keep_their_numbers(cp: Any, put: Any, C: int, layout: str) -> None:
    images = np.random.default_rng(0).standard_normal((2, C, 5, 7), np.float32)
    cast = cuda.cast_images(put(images, layout), mc.bfloat16)
    np.testing.assert_array_equal(cp.asnumpy(cast), images.astype(mc.bfloat16))
    if C < 4:
        assert cast.strides == (5 * 7 * 8, 2, 7 * 8, 8)
        assert not cast.base[..., C:].astype(np.float32).any()


@pytest.fixture
def padded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the arrays that convolutions add channels to."""
    kernels, shapes = conv._pad_channels, []

    class Noting:
        def __getitem__(self, dtype: Any) -> Any:
            def launch(count: int, x: Any, *rest: Any) -> None:
                shapes.append(x.shape)
                kernels[dtype](count, x, *rest)

            return launch

    monkeypatch.setattr(conv, "_pad_channels", Noting())
    return shapes


@pytest.mark.usefixtures("cp")
def test_a_first_convolution_reads_them_as_they_are(padded: list[tuple[int, ...]]) -> None:
    layer, images = nn.Conv2d(3, 8, 3), mc.randn(2, 3, 6, 7, requires_grad=True)

    def gradients() -> list[np.ndarray]:
        layer.zero_grad()
        images.grad = None
        with mc.autocast(dtype=mc.bfloat16):
            out = layer(images)
        out.float().square().sum().backward()
        return [t.numpy_copy() for t in (out.float().detach(), layer.weight.grad, images.grad)]

    ours = gradients()
    assert padded == [(8, 3, 3, 3)] * 2  # the weight alone, forward and for the images' gradient
    weight = layer.weight.detach().to(mc.bfloat16).requires_grad_()
    low = images.detach().to(mc.bfloat16).requires_grad_()
    out = mc.nn.functional.conv2d(low, weight, layer.bias.detach().to(mc.bfloat16)).float()
    assert len(padded) == 4  # here the images, too
    out.square().sum().backward()
    for result, expected in zip(ours, (out.detach(), weight.grad, low.grad), strict=True):
        expected = expected.float().numpy_copy()
        np.testing.assert_allclose(result, expected, atol=1e-2 * np.abs(expected).max())
