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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("values", [ties, normal])
@pytest.mark.parametrize("name", CASES)
def test_max_pool_and_its_gradients(name, values, dtype):
    geometry = geometry_of(*CASES[name])
    x = values((N, C, *geometry.input_size), dtype)
    torch_x = torch.tensor(x, requires_grad=True)
    expected, indices = F.max_pool2d(torch_x, *CASES[name][1:], return_indices=True)

    out, argmax = kernels.max_pool2d(x, geometry)
    np.testing.assert_array_equal(out, expected.detach())
    np.testing.assert_array_equal(plane_indices(argmax, geometry), indices)
    KH, KW = geometry.kernel_size
    assert argmax.dtype == (np.uint8 if KH * KW < 256 else np.int32)
    alone, nothing = kernels.max_pool2d(x, geometry, with_argmax=False)
    np.testing.assert_array_equal(alone, out)
    assert nothing is None

    grad = np.random.default_rng(1).integers(-9, 9, out.shape).astype(dtype)  # sums are exact
    expected.backward(torch.tensor(grad))
    scattered = kernels.max_pool2d_scatter(grad, argmax, geometry)
    np.testing.assert_array_equal(scattered, torch_x.grad)

    other = np.random.default_rng(2).standard_normal(x.shape).astype(dtype)
    flat, places = other.reshape(N, C, -1), indices.numpy().reshape(N, C, -1)
    gathered = kernels.max_pool2d_gather(other, argmax, geometry)
    np.testing.assert_array_equal(
        gathered, np.take_along_axis(flat, places, axis=2).reshape(out.shape)
    )


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


@pytest.mark.parametrize("values", [ties, normal])
@pytest.mark.parametrize("name", CASES)
def test_max_pool_with_relu_and_its_gradients(name, values):
    geometry = geometry_of(*CASES[name])
    x = values((N, C, *geometry.input_size), np.float64)
    x += 2 if values is ties else -0.5  # so that many maxima are negative, many 0
    torch_x = torch.tensor(x, requires_grad=True)
    expected = F.max_pool2d(torch_x.relu(), *CASES[name][1:])

    out, argmax = kernels.max_pool2d_relu(x, geometry)
    np.testing.assert_array_equal(out, expected.detach())
    no_pixel = geometry.kernel_size[0] * geometry.kernel_size[1]
    plain, plain_argmax = kernels.max_pool2d(x, geometry)
    np.testing.assert_array_equal(argmax, np.where(plain > 0, plain_argmax, no_pixel))
    assert argmax.dtype == plain_argmax.dtype
    alone, _ = kernels.max_pool2d_relu(x, geometry, with_argmax=False)
    np.testing.assert_array_equal(alone, out)

    grad = np.random.default_rng(1).integers(-9, 9, out.shape).astype(np.float64)
    expected.backward(torch.tensor(grad))
    np.testing.assert_array_equal(kernels.max_pool2d_scatter(grad, argmax, geometry), torch_x.grad)
    np.testing.assert_array_equal(kernels.max_pool2d_gather(x, argmax, geometry), out)


def test_relu_leaves_nan_its_pixel_and_stops_an_infinite_gradient():
    geometry = Geometry((2, 6), (1, 3), (2, 2), (2, 2))
    x = np.array([[[[-1.0, NAN, -1, -2, -INF, -INF], [5, -1, 0, -1, -INF, -INF]]]])
    out, argmax = kernels.max_pool2d_relu(x, geometry)
    np.testing.assert_array_equal(out[0, 0, 0], [NAN, 0, 0])
    np.testing.assert_array_equal(argmax[0, 0, 0], [1, 4, 4])
    grad = kernels.max_pool2d_scatter(np.full_like(out, INF), argmax, geometry)
    np.testing.assert_array_equal(grad, np.where(np.isnan(x), INF, 0))


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("name", [name for name in CASES if "dilation" not in name])
def test_avg_pool_and_its_gradient(name, dtype, tolerance):
    size, kernel_size, stride, padding, _, ceil_mode = CASES[name]
    geometry = geometry_of(*CASES[name])
    x = torch.tensor(normal((N, C, *size), dtype), requires_grad=True)
    expected = F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad=False)
    grad = torch.tensor(normal(expected.shape, dtype))
    expected.backward(grad)

    inside = np.ones((1, 1, *size), dtype)
    count = kernels.avg_pool2d(inside, np.ones(geometry.output_size), geometry)[0, 0]
    out = kernels.avg_pool2d(x.detach().numpy(), 1 / count, geometry)
    grad_x = kernels.avg_pool2d_scatter(grad.numpy(), 1 / count, geometry)
    for result, torch_result in ((out, expected.detach()), (grad_x, x.grad)):
        assert result.dtype == dtype
        np.testing.assert_allclose(result, torch_result, atol=tolerance, rtol=tolerance)


def test_avg_pool_dilation():
    geometry = geometry_of(*CASES["dilation"])
    x = normal((1, 1, *geometry.input_size), np.float64)
    columns = F.unfold(torch.tensor(x), (3, 2), (2, 3), (1, 1), (2, 3)).sum(1)
    out = kernels.avg_pool2d(x, np.ones(geometry.output_size), geometry)
    np.testing.assert_allclose(out.reshape(-1), columns.reshape(-1), atol=1e-14)


@pytest.mark.parametrize(
    "input_size, output_size", [((7, 9), (3, 4)), ((6, 6), (6, 6)), ((3, 2), (5, 3))]
)
def test_adaptive_max_pool(input_size, output_size):
    x = torch.tensor(ties((N, C, *input_size), np.float32), requires_grad=True)
    expected, torch_indices = F.adaptive_max_pool2d(x, output_size, return_indices=True)
    out, indices = kernels.adaptive_max_pool2d(x.detach().numpy(), output_size)
    np.testing.assert_array_equal(out, expected.detach())
    np.testing.assert_array_equal(indices, torch_indices)
    assert indices.dtype == np.int64

    # Windows overlap, so that pixels are meant more than once.
    grad = np.random.default_rng(1).integers(-9, 9, out.shape).astype(np.float32)
    expected.backward(torch.tensor(grad))
    np.testing.assert_array_equal(kernels.plane_scatter(grad, indices, input_size), x.grad)
    np.testing.assert_array_equal(kernels.plane_gather(x.detach().numpy(), indices), out)


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


@pytest.mark.parametrize("name", ["AlexNet's", "ResNet's", "GoogLeNet's ceil_mode"])
def test_nan_and_infinities_as_in_torch(name):
    geometry = geometry_of(*CASES[name])
    x = np.random.default_rng(0).choice([NAN, INF, -INF, -INF, -INF, 1.0], (N, C, *CASES[name][0]))
    expected, indices = F.max_pool2d(torch.tensor(x), *CASES[name][1:], return_indices=True)
    out, argmax = kernels.max_pool2d(x, geometry)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(plane_indices(argmax, geometry), indices)


def test_a_window_of_minus_infinity_means_a_pixel_of_the_input():
    geometry = geometry_of(*CASES["ResNet's"])
    x = np.full((1, 1, *geometry.input_size), -INF)
    out, argmax = kernels.max_pool2d(x, geometry)
    assert (out == -INF).all()
    _, indices = F.max_pool2d(torch.tensor(x), 3, 2, 1, return_indices=True)
    np.testing.assert_array_equal(plane_indices(argmax, geometry), indices)


def test_an_infinite_gradient_stays_where_it_is():
    geometry = geometry_of(*CASES["VGG's"])
    x = normal((1, 1, *geometry.input_size), np.float32)
    out, argmax = kernels.max_pool2d(x, geometry)
    grad = kernels.max_pool2d_scatter(np.full_like(out, INF), argmax, geometry)
    np.testing.assert_array_equal(grad, np.where(np.isin(x, out), INF, 0))


def test_float16_gradients_are_summed_in_float32():
    geometry = geometry_of((3, 3), (3, 3), (1, 1), (1, 1), (1, 1), False)
    x = np.zeros((1, 1, 3, 3), np.float16)
    x[0, 0, 1, 1] = 1  # the maximum of all nine windows
    _, argmax = kernels.max_pool2d(x, geometry)
    grad = np.ones_like(x)
    grad[0, 0, 0, 0] = 2048  # 2048 + 1 is 2048 in float16
    total = kernels.max_pool2d_scatter(grad, argmax, geometry)
    assert total.dtype == np.float16 and total[0, 0, 1, 1] == 2056
    total = kernels.avg_pool2d_scatter(grad, np.ones((3, 3)), geometry)
    assert total.dtype == np.float16 and total[0, 0, 1, 1] == 2056


@pytest.mark.cpu_only
def test_integers_are_pooled_too():
    geometry = geometry_of(*CASES["ResNet's"])
    x = ties((N, C, *geometry.input_size), np.int32)
    np.testing.assert_array_equal(
        kernels.max_pool2d(x, geometry)[0], kernels.max_pool2d(x.astype(np.float64), geometry)[0]
    )


OUTSIDE = {  # input_size, kernel_size, stride, padding, dilation
    "in both directions": ((3, 3), (2, 2), (1, 1), (1, 1), (4, 4)),
    "vertically": ((2, 5), (2, 3), (1, 1), (1, 1), (3, 1)),
    "horizontally": ((5, 2), (3, 2), (1, 1), (1, 1), (1, 3)),
    "some of several": ((3, 4), (2, 2), (1, 2), (1, 1), (4, 4)),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_windows_wholly_outside_the_input_give_minus_infinity(name):
    x = normal((N, C, *OUTSIDE[name][0]), np.float32)
    expected = F.max_pool2d(torch.tensor(x), *OUTSIDE[name][1:]).numpy()
    geometry = geometry_of(*OUTSIDE[name], ceil_mode=False)
    is_outside = np.isneginf(expected)
    assert is_outside.any()

    out, argmax = kernels.max_pool2d(x, geometry)
    np.testing.assert_array_equal(out, expected)
    no_pixel = geometry.kernel_size[0] * geometry.kernel_size[1]
    np.testing.assert_array_equal(argmax == no_pixel, is_outside)
    np.testing.assert_array_equal(kernels.max_pool2d(x, geometry, with_argmax=False)[0], out)

    gathered = kernels.max_pool2d_gather(x, argmax, geometry)
    np.testing.assert_array_equal(gathered, np.where(is_outside, 0, out))
    grad = kernels.max_pool2d_scatter(np.ones_like(out), argmax, geometry)
    assert grad.sum() == (~is_outside).sum()  # no gradient goes where no pixel is

    relu, argmax = kernels.max_pool2d_relu(x, geometry)
    np.testing.assert_array_equal(relu, np.maximum(expected, 0))
    np.testing.assert_array_equal(argmax == no_pixel, expected <= 0)
