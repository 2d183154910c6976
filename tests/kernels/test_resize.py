"""Resizing against torch, whose rounding decides which pixel is nearest."""

from __future__ import annotations

import numpy as np
import on_device as kernels
import pytest

torch = pytest.importorskip("torch")

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
    ((28, 49), (97, 31)),
]


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


def scale_of(size, output_size, align_corners):
    if align_corners:
        return (size - 1) / (output_size - 1) if output_size > 1 else 0.0
    return size / output_size


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("mode, align_corners", MODES.values(), ids=MODES)
def test_against_torch(mode, align_corners, sizes, dtype, tolerance):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, *sizes[0])).astype(dtype)
    grad = rng.standard_normal((2, 3, *sizes[1])).astype(dtype)
    torch_x = torch.tensor(x, requires_grad=True)
    expected = torch.nn.functional.interpolate(
        torch_x, sizes[1], mode=mode, align_corners=align_corners
    )
    expected.backward(torch.tensor(grad))

    scale = tuple(scale_of(*pair, align_corners) for pair in zip(*sizes, strict=True))
    out, grad_x = run(mode, align_corners, x, grad, scale)
    for result, torch_result in ((out, expected.detach()), (grad_x, torch_x.grad)):
        assert result.dtype == dtype
        atol = tolerance * np.abs(torch_result.numpy()).max()
        np.testing.assert_allclose(result, torch_result, rtol=0, atol=atol)


@pytest.mark.fast_only
@pytest.mark.parametrize("mode, align_corners", MODES.values(), ids=MODES)
def test_layout_of_results(mode, align_corners):
    x, grad = np.ones((2, 3, 5, 7)), np.ones((2, 3, 10, 21))
    for result in run(mode, align_corners, x, grad, (0.5, 1 / 3)):
        assert result.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("mode, align_corners", MODES.values(), ids=MODES)
def test_scale_factor(mode, align_corners):
    x = np.random.default_rng(0).standard_normal((1, 2, 11, 13))
    expected = torch.nn.functional.interpolate(
        torch.tensor(x), scale_factor=(1.7, 0.6), mode=mode, align_corners=align_corners
    )
    scale = (1 / 1.7, 1 / 0.6)
    if align_corners:
        scale = tuple(scale_of(*pair, True) for pair in zip(x.shape[2:], expected.shape[2:]))
    out, _ = run(mode, align_corners, x, expected.numpy(), scale)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode, align_corners", MODES.values(), ids=MODES)
def test_any_strides(mode, align_corners):
    x, grad = np.random.default_rng(0).standard_normal((2, 2, 3, 6, 6))
    plain = run(mode, align_corners, x[:, :, :4].copy(), grad.copy(), (4 / 6, 1.0))
    strided = run(
        mode, align_corners, np.asfortranarray(x)[:, :, :4], grad[::-1].copy()[::-1], (4 / 6, 1.0)
    )
    for result, expected in zip(strided, plain, strict=True):
        np.testing.assert_array_equal(result, expected)


def test_nearest_copies_any_number():
    x = np.array([[[[np.nan, np.inf], [-np.inf, 1]]]])
    out = kernels.resize_nearest(x, (4, 4), (0.5, 0.5))
    np.testing.assert_array_equal(out, x.repeat(2, axis=2).repeat(2, axis=3))


@pytest.mark.cpu_only
def test_nearest_copies_integers():
    masks = np.arange(4, dtype=np.uint8).reshape(1, 1, 2, 2)
    assert kernels.resize_nearest(masks, (4, 4), (0.5, 0.5)).dtype == np.uint8


def test_float16_gradients_are_summed_in_float32():
    grad = np.ones((1, 1, 1, 4096), np.float16)
    total = kernels.resize_nearest_backward(grad, (1, 1), (1.0, 1 / 4096))
    assert total.dtype == np.float16 and total.item() == 4096
