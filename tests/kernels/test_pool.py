"""The pooling kernels against torch: ties, padding, overlap, dilation, overhanging windows, NaN."""

from __future__ import annotations

import numpy as np
import on_device as kernels
import pytest

from minicnn.kernels import Geometry

torch = pytest.importorskip("torch")
F = torch.nn.functional

NAN, INF = float("nan"), float("inf")

# input_size, kernel_size, stride, padding, dilation, ceil_mode
CASES = {
    "AlexNet's": ((13, 15), (3, 3), (2, 2), (0, 0), (1, 1), False),
    "VGG's": ((8, 6), (2, 2), (2, 2), (0, 0), (1, 1), False),
    "ResNet's": ((9, 8), (3, 3), (2, 2), (1, 1), (1, 1), False),
    "inception's": ((7, 6), (3, 3), (1, 1), (1, 1), (1, 1), False),
    "GoogLeNet's ceil_mode": ((14, 12), (3, 3), (2, 2), (0, 0), (1, 1), True),
    "one pixel": ((5, 4), (1, 1), (1, 1), (0, 0), (1, 1), False),
    "the whole image": ((5, 4), (5, 4), (1, 1), (0, 0), (1, 1), False),
    "windows wider than the image": ((3, 2), (4, 3), (1, 1), (2, 1), (1, 1), False),
    "uneven everything": ((9, 8), (3, 2), (1, 3), (0, 1), (1, 1), False),
    "stride beyond the kernel": ((11, 10), (2, 1), (3, 4), (1, 0), (1, 1), False),
    "dilation": ((11, 12), (3, 2), (2, 3), (1, 1), (2, 3), False),
    "dilation and ceil_mode": ((11, 12), (2, 3), (3, 2), (1, 1), (3, 2), True),
    "256 positions": ((20, 19), (16, 16), (1, 2), (8, 3), (1, 1), False),
    "more than 256 positions": ((20, 19), (17, 16), (1, 2), (8, 3), (1, 1), True),
}
N, C = 3, 4


def geometry_of(input_size, kernel_size, stride, padding, dilation, ceil_mode):
    image = torch.zeros(1, 1, *input_size)
    out = F.max_pool2d(image, kernel_size, stride, padding, dilation, ceil_mode)
    return Geometry(input_size, tuple(out.shape[2:]), kernel_size, stride, padding, dilation)


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


@pytest.mark.fast_only
@pytest.mark.parametrize("name", CASES)
def test_layout_of_results(name):
    geometry = geometry_of(*CASES[name])
    x, scale = normal((N, C, *geometry.input_size), np.float32), np.ones(geometry.output_size)
    out, argmax = kernels.max_pool2d(x, geometry)
    scattered = kernels.max_pool2d_scatter(out, argmax, geometry)
    gathered = kernels.max_pool2d_gather(x, argmax, geometry)
    averages = kernels.avg_pool2d(x, scale, geometry)
    spread = kernels.avg_pool2d_scatter(averages, scale, geometry)
    for result in (out, argmax, scattered, gathered, averages, spread):
        assert result.transpose(0, 2, 3, 1).flags.c_contiguous


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
    geometry = geometry_of(*CASES["ResNet's"])
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
    geometry = geometry_of((120, 120), (3, 3), (2, 2), (1, 1), (1, 1), False)
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
