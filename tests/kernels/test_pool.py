"""The pooling kernels in any memory order, over many images, and with ReLU."""

from __future__ import annotations

import numpy as np
import on_device as kernels
import pytest
from kernel_cases.pool import RESNETS

from minicnn.kernels import Geometry

torch = pytest.importorskip("torch")
F = torch.nn.functional

NAN, INF = float("nan"), float("inf")

N, C = 3, 4


def plane_indices(argmax, geometry):
    """h * W + w of the maxima, as torch gives them."""
    (SH, SW), (PH, PW), (DH, DW) = geometry.stride, geometry.padding, geometry.dilation
    kh, kw = np.divmod(argmax.astype(np.int64), geometry.kernel_size[1])
    oh, ow = np.ogrid[: argmax.shape[2], : argmax.shape[3]]
    return (oh * SH - PH + kh * DH) * geometry.input_size[1] + ow * SW - PW + kw * DW


def ties(shape, dtype):
    """Few distinct numbers, all negative, so that a zero from the padding would win."""
    return np.random.default_rng(0).integers(-4, 0, shape).astype(dtype)


def normal(shape, dtype):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def test_relu_leaves_nan_its_pixel_and_stops_an_infinite_gradient():
    geometry = Geometry((2, 6), (1, 3), (2, 2), (2, 2))
    x = np.array([[[[-1.0, NAN, -1, -2, -INF, -INF], [5, -1, 0, -1, -INF, -INF]]]])
    out, argmax = kernels.max_pool2d_relu(x, geometry)
    np.testing.assert_array_equal(out[0, 0, 0], [NAN, 0, 0])
    np.testing.assert_array_equal(argmax[0, 0, 0], [1, 4, 4])
    grad = kernels.max_pool2d_scatter(np.full_like(out, INF), argmax, geometry)
    np.testing.assert_array_equal(grad, np.where(np.isnan(x), INF, 0))


LAYOUTS = {
    "every second pixel": lambda a: np.repeat(np.repeat(a, 2, 2), 2, 3)[:, :, ::2, ::2],
    "reversed": lambda a: a[::-1, :, ::-1].copy()[::-1, :, ::-1],
    "channels-last": lambda a: a.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_any_strides(layout):
    geometry = RESNETS
    x = ties((N, C, *geometry.input_size), np.float32)
    scale = np.ones(geometry.output_size)
    out, argmax = kernels.max_pool2d(x, geometry)
    np.testing.assert_array_equal(kernels.max_pool2d(layout(x), geometry)[1], argmax)
    for function, *arguments in (
        (kernels.max_pool2d_scatter, out, argmax, geometry),
        (kernels.max_pool2d_gather, x, argmax, geometry),
        (kernels.avg_pool2d, x, scale, geometry),
        (kernels.avg_pool2d_scatter, out, scale, geometry),
        (kernels.plane_scatter, out, plane_indices(argmax, geometry), geometry.input_size),
        (kernels.plane_gather, x, plane_indices(argmax, geometry)),
    ):
        strided = [layout(a) if getattr(a, "ndim", 0) == 4 else a for a in arguments]
        np.testing.assert_array_equal(function(*strided), function(*arguments))


def test_more_images_than_a_block_holds():
    geometry = Geometry((120, 120), (60, 60), (3, 3), (2, 2), (1, 1))
    x = ties((13, 12, 120, 120), np.float32)
    out, argmax = kernels.max_pool2d(x, geometry)
    expected, indices = F.max_pool2d(torch.tensor(x), 3, 2, 1, return_indices=True)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(plane_indices(argmax, geometry), indices)
    one_by_one = [
        kernels.max_pool2d_scatter(out[n : n + 1], argmax[n : n + 1], geometry) for n in range(13)
    ]
    np.testing.assert_array_equal(
        kernels.max_pool2d_scatter(out, argmax, geometry), np.concatenate(one_by_one)
    )


@pytest.mark.parametrize("kernel_size", [(12, 11), (16, 16)])
def test_more_taps_than_fit_in_a_signed_byte(kernel_size):
    (KH, KW), padding = kernel_size, (6, 5)
    geometry = Geometry((30, 29), (43 - KH, 40 - KW), kernel_size, (1, 1), padding)
    x = ties((2, C, 30, 29), np.float32)
    x[0, 0, 3, 4] = NAN
    out, argmax = kernels.max_pool2d(x, geometry)
    expected, indices = F.max_pool2d(torch.tensor(x), kernel_size, 1, padding, return_indices=True)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(plane_indices(argmax, geometry), indices)


def test_gradients_of_overlapping_windows_that_threads_share():
    geometry = Geometry((28, 28), (28, 28), (3, 3), (1, 1), (1, 1))
    x = ties((9, 96, 28, 28), np.float32)
    out, argmax = kernels.max_pool2d_relu(-x - 2, geometry)  # some windows without a gradient
    together = kernels.max_pool2d_scatter(out, argmax, geometry)
    for n in range(9):
        alone = kernels.max_pool2d_scatter(out[n : n + 1], argmax[n : n + 1], geometry)
        np.testing.assert_array_equal(together[n : n + 1], alone)
