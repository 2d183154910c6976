"""Resizing on a GPU against torch: in 16 bits, and the range of pixels that gradients come from."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")
torch = pytest.importorskip("torch")

import minicnn
from minicnn.kernels import cuda

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32]
MODES = {
    "nearest": ("nearest", None),
    "bilinear": ("bilinear", False),
    "bilinear, corners aligned": ("bilinear", True),
}
# input_size, output_size
SIZES = [
    ((5, 7), (10, 21)),
    ((10, 21), (5, 7)),
    ((7, 5), (7, 5)),
    ((3, 8), (8, 3)),
    ((1, 1), (4, 3)),
    ((4, 3), (1, 1)),
    ((39, 16), (33, 23)),  # 13 * (39 / 33) is a whole number but for rounding
    ((4, 3), (61, 50)),
]


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


def scale_of(size, output_size, align_corners):
    if align_corners:
        return (size - 1) / (output_size - 1) if output_size > 1 else 0.0
    return size / output_size


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("mode, align_corners", MODES.values(), ids=MODES)
def test_against_torch(put, assert_close, mode, align_corners, sizes, dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, *sizes[0])).astype(dtype)
    grad = rng.standard_normal((2, 3, *sizes[1])).astype(dtype)
    torch_x = torch.tensor(x.astype(np.float64), requires_grad=True)
    expected = torch.nn.functional.interpolate(
        torch_x, sizes[1], mode=mode, align_corners=align_corners
    )
    expected.backward(torch.tensor(grad.astype(np.float64)))
    scale = tuple(scale_of(*pair, align_corners) for pair in zip(*sizes, strict=True))
    out, grad_x = run(mode, align_corners, put(x, "channels-first"), put(grad), scale)
    assert out.dtype == grad_x.dtype == dtype
    assert_close(out, expected.detach(), roundings=2)
    assert_close(grad_x, torch_x.grad, roundings=2)


@pytest.mark.parametrize("mode, align_corners", MODES.values(), ids=MODES)
def test_pixels_behind_the_input_read_its_last(cp, put, mode, align_corners):
    x, grad = np.arange(4.0).reshape(1, 1, 2, 2), np.ones((1, 1, 9, 12))
    out, grad_x = map(cp.asnumpy, run(mode, align_corners, put(x), put(grad), (1.0, 1.0)))
    np.testing.assert_array_equal(out[0, 0, :2, :2], x[0, 0])
    assert (out[0, 0, 1:, 1:] == 3).all()
    np.testing.assert_array_equal(grad_x[0, 0], [[1, 11], [8, 88]])


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
def test_gradients_of_half_precision_are_summed_in_float32(put, dtype):
    grad = put(np.ones((1, 1, 1, 4096), dtype))
    total = cuda.resize_nearest_backward(grad, (1, 1), (1.0, 1 / 4096))
    assert total.dtype == dtype and total.item() == 4096
