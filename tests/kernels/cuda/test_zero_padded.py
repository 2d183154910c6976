"""Convolutions read images that have zeros after their channels as they are, without another copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

from minicnn.kernels import Geometry, cuda
from minicnn.kernels.cuda import conv
from minicnn.kernels.cuda.runtime import layout

GEOMETRY = Geometry((9, 8), (4, 7), (3, 2), (2, 1))


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


@pytest.fixture
def padded(cp: Any) -> Any:
    """(2, 9, 8, 4), the last channel 0."""
    pixels = random(2, 9, 8, 4)
    pixels[..., 3] = 0
    return cp.asarray(pixels)


def test_results_are_those_of_dense_images(padded: Any, cp: Any) -> None:
    images = layout.first_channels(padded, 3)
    weight, grad = cp.asarray(random(8, 3, 3, 2)), cp.asarray(random(2, 8, 4, 7))
    for kernel in (
        lambda x: cuda.conv2d(x, weight, None, GEOMETRY),
        lambda x: cuda.conv2d_relu(x, weight, None, GEOMETRY),
        lambda x: cuda.conv2d_weight_grad(grad, x, GEOMETRY),
    ):
        ours, expected = kernel(images), kernel(images.copy())
        assert ours.shape == expected.shape
        np.testing.assert_array_equal(ours.get(), expected.get())


def test_they_are_not_copied(padded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    images = layout.first_channels(padded, 3)
    monkeypatch.setattr(conv, "_pad_channels", None)
    assert conv._pad(conv._images(images, GEOMETRY), 1).data.ptr == images.data.ptr


def test_arrays_that_only_lie_like_them_are_copied(padded: Any) -> None:
    activations = padded.copy()[..., :3]  # nobody says what is in the fourth channel
    assert layout.zero_padded(activations) is None
    images = layout.first_channels(padded, 3).transpose(0, 2, 3, 1)
    assert layout.zero_padded(images) is padded
    for other in (images[:1], images[:, 1:], images[..., :2], images.view("int32")):
        assert layout.zero_padded(other) is None


def test_what_is_gone_is_forgotten(padded: Any) -> None:
    images = layout.first_channels(padded.copy(), 3)
    key = images.data.ptr, 3
    assert key in layout._zero_padded
    del images
    assert key not in layout._zero_padded
