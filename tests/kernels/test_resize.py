"""Resizing of any memory order, and beyond the input."""

from __future__ import annotations

import numpy as np
import on_device as kernels
import pytest

MODES = {
    "nearest": ("nearest", None),
    "bilinear": ("bilinear", False),
    "bilinear, corners aligned": ("bilinear", True),
}


def run(mode, align_corners, x, grad, scale):
    output_size, input_size = grad.shape[2:], x.shape[2:]
    if mode == "nearest":
        return (
            kernels.resize_nearest(x, output_size, scale),
            kernels.resize_nearest_backward(grad, input_size, scale),
        )
    return (
        kernels.resize_bilinear(x, output_size, scale, align_corners),
        kernels.resize_bilinear_backward(grad, input_size, scale, align_corners),
    )


@pytest.mark.parametrize("mode, align_corners", MODES.values(), ids=MODES)
def test_any_strides(mode, align_corners):
    x, grad = np.random.default_rng(0).standard_normal((2, 2, 3, 6, 6))
    plain = run(mode, align_corners, x[:, :, :4].copy(), grad.copy(), (4 / 6, 1.0))
    strided = run(
        mode, align_corners, np.asfortranarray(x)[:, :, :4], grad[::-1].copy()[::-1], (4 / 6, 1.0)
    )
    for result, expected in zip(strided, plain, strict=True):
        np.testing.assert_array_equal(result, expected)


@pytest.mark.usefixtures("checked_memory")
@pytest.mark.parametrize("mode, align_corners", MODES.values(), ids=MODES)
def test_pixels_behind_the_input_read_its_last(mode, align_corners):
    x, grad = np.arange(4.0).reshape(1, 1, 2, 2), np.ones((1, 1, 9, 12))
    out, grad_x = run(mode, align_corners, x, grad, (1.0, 1.0))
    np.testing.assert_array_equal(out[0, 0, :2, :2], x[0, 0])
    assert (out[0, 0, 1:, 1:] == 3).all()
    np.testing.assert_array_equal(grad_x[0, 0], [[1, 11], [8, 88]])
