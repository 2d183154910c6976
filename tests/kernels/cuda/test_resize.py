"""Resizing on a GPU beyond the input."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

from minicnn.kernels import cuda

MODES = {
    "nearest": ("nearest", None),
    "bilinear": ("bilinear", False),
    "bilinear, corners aligned": ("bilinear", True),
}


def run(mode, align_corners, x, grad, scale):
    output_size, input_size = grad.shape[2:], x.shape[2:]
    if mode == "nearest":
        return (
            cuda.resize_nearest(x, output_size, scale),
            cuda.resize_nearest_backward(grad, input_size, scale),
        )
    return (
        cuda.resize_bilinear(x, output_size, scale, align_corners),
        cuda.resize_bilinear_backward(grad, input_size, scale, align_corners),
    )


@pytest.mark.parametrize("mode, align_corners", MODES.values(), ids=MODES)
def test_pixels_behind_the_input_read_its_last(cp, put, mode, align_corners):
    x, grad = np.arange(4.0).reshape(1, 1, 2, 2), np.ones((1, 1, 9, 12))
    out, grad_x = map(cp.asnumpy, run(mode, align_corners, put(x), put(grad), (1.0, 1.0)))
    np.testing.assert_array_equal(out[0, 0, :2, :2], x[0, 0])
    assert (out[0, 0, 1:, 1:] == 3).all()
    np.testing.assert_array_equal(grad_x[0, 0], [[1, 11], [8, 88]])
