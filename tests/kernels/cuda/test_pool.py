"""Pooling on a GPU against torch: in 16 bits, in vectors and single channels, fused with ReLU."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")
torch = pytest.importorskip("torch")

import minicnn
from minicnn.kernels import Geometry, cuda

F = torch.nn.functional
NAN, INF = float("nan"), float("inf")

DTYPES = [minicnn.float16, minicnn.bfloat16, minicnn.float32]
LAYOUTS = ["channels-last", "channels-first", "unaligned"]
# input_size, kernel_size, stride, padding, dilation, ceil_mode
CASES = {
    "AlexNet's": ((7, 9), (3, 3), (2, 2), (0, 0), (1, 1), False),
    "ResNet's": ((7, 6), (3, 3), (2, 2), (1, 1), (1, 1), False),
    "windows wider than the image": ((3, 2), (4, 3), (1, 1), (2, 1), (1, 1), False),
    "dilation": ((9, 12), (3, 2), (2, 3), (1, 1), (2, 3), False),
    "dilation and ceil_mode": ((11, 12), (2, 3), (3, 2), (1, 1), (3, 2), True),
    "255 positions": ((17, 16), (17, 15), (1, 2), (8, 3), (1, 1), False),
    "256 positions": ((17, 16), (16, 16), (1, 2), (8, 3), (1, 1), False),
}
LARGE = ("255 positions", "256 positions")

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)
cases = pytest.mark.parametrize("name", CASES)
channels = pytest.mark.parametrize("C", [24, 5])  # whole vectors of 16 bytes, and not


def geometry_of(name):
    input_size, *window = CASES[name]
    out = F.max_pool2d(torch.zeros(1, 1, *input_size), *window)
    return Geometry(input_size, tuple(out.shape[2:]), *window[:4])


def plane_indices(argmax, geometry):
    """h * W + w of the maxima, as torch gives them."""
    (SH, SW), (PH, PW), (DH, DW) = geometry.stride, geometry.padding, geometry.dilation
    kh, kw = np.divmod(argmax.astype(np.int64), geometry.kernel_size[1])
    oh, ow = np.ogrid[: argmax.shape[2], : argmax.shape[3]]
    return (oh * SH - PH + kh * DH) * geometry.input_size[1] + ow * SW - PW + kw * DW


def ties(shape, dtype, low=-4, seed=0):
    """Few distinct numbers, all of which, and their sums, 16 bits hold exactly."""
    return np.random.default_rng(seed).integers(low, low + 4, shape).astype(dtype)


def torch_float(array):
    return torch.tensor(array.astype(np.float64))


@dtypes
@channels
@cases
def test_max_pool_and_its_gradients(cp, put, assert_close, name, C, dtype):
    geometry = geometry_of(name)
    x = ties((2, C, *geometry.input_size), dtype)  # negative, so that zeros as padding would win
    torch_x = torch_float(x).requires_grad_()
    expected, indices = F.max_pool2d(torch_x, *CASES[name][1:], return_indices=True)
    out, argmax = cuda.max_pool2d(put(x), geometry)
    assert_close(out, expected.detach(), roundings=0)
    np.testing.assert_array_equal(plane_indices(cp.asnumpy(argmax), geometry), indices)
    assert argmax.dtype == (np.int32 if name == "256 positions" else np.uint8)

    grad = ties(out.shape, dtype, low=-1, seed=1)
    expected.backward(torch_float(grad))
    assert_close(cuda.max_pool2d_scatter(put(grad), argmax, geometry), torch_x.grad)

    other = ties(x.shape, dtype, seed=2)
    flat, flat_indices = other.reshape(2, C, -1), indices.numpy().reshape(2, C, -1)
    gathered = np.take_along_axis(flat, flat_indices, axis=2).reshape(out.shape)
    assert_close(cuda.max_pool2d_gather(put(other), argmax, geometry), gathered, roundings=0)


@dtypes
@channels
@pytest.mark.parametrize("name", ["AlexNet's", "ResNet's", "dilation", *LARGE])
def test_max_pool_relu(cp, put, assert_close, name, C, dtype):
    geometry = geometry_of(name)
    x = ties((2, C, *geometry.input_size), dtype, low=-3)
    if name in LARGE:  # hardly a window would be without a positive number
        x[:, ::2] -= dtype.type(3)
    x[0, 0, :3, :3] = NAN
    torch_x = torch_float(x).requires_grad_()
    expected = F.relu(F.max_pool2d(torch_x, *CASES[name][1:]))
    out, argmax = cuda.max_pool2d_relu(put(x), geometry)
    assert_close(out, expected.detach(), roundings=0)
    positions = geometry.kernel_size[0] * geometry.kernel_size[1]
    closed = (expected == 0).numpy()
    assert closed.any() and not closed.all()
    np.testing.assert_array_equal(cp.asnumpy(argmax) == positions, closed)

    x[np.isnan(x)] = 1  # at NaN, torch's ReLU has gradient 0, and ours the maximum's
    torch_x = torch_float(x).requires_grad_()
    out, argmax = cuda.max_pool2d_relu(put(x), geometry)
    grad = ties(out.shape, dtype, low=-1, seed=1)
    F.relu(F.max_pool2d(torch_x, *CASES[name][1:])).backward(torch_float(grad))
    assert_close(cuda.max_pool2d_scatter(put(grad), argmax, geometry), torch_x.grad)
    gathered = cp.asnumpy(cuda.max_pool2d_gather(put(x), argmax, geometry))
    np.testing.assert_array_equal(gathered, cp.asnumpy(out))  # 0 where there is no pixel


@dtypes
@channels
@pytest.mark.parametrize("few_threads", [0, 1 << 16])  # vectors even for few windows, or not
@pytest.mark.parametrize("name", [name for name in CASES if "dilation" not in name])
def test_avg_pool_and_its_gradient(cp, put, assert_close, monkeypatch, name, few_threads, C, dtype):
    monkeypatch.setattr("minicnn.kernels.cuda.pool._FEW_THREADS", few_threads)
    geometry = geometry_of(name)
    size, kernel_size, stride, padding, _, ceil_mode = CASES[name]
    x = ties((2, C, *size), dtype)
    torch_x = torch_float(x).requires_grad_()
    options = (kernel_size, stride, padding, ceil_mode)
    expected = F.avg_pool2d(torch_x, *options, count_include_pad=False)
    grad = ties(expected.shape, dtype, seed=1)
    expected.backward(torch_float(grad))

    kernel = torch.ones(1, 1, *kernel_size, dtype=torch.float64)
    covered = F.pad(torch.ones(1, 1, *size, dtype=torch.float64), (0, 40, 0, 40))
    count = F.conv2d(covered, kernel, stride=stride, padding=padding)
    scale = 1 / count[0, 0, : expected.shape[2], : expected.shape[3]].numpy()
    assert_close(cuda.avg_pool2d(put(x), cp.asarray(scale), geometry), expected.detach())
    grad_x = cuda.avg_pool2d_scatter(put(grad), cp.asarray(scale), geometry)
    assert_close(grad_x, torch_x.grad)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES[1:3], ids=str)
def test_any_memory_order(cp, put, assert_close, dtype, layout):
    geometry = geometry_of("ResNet's")
    x = ties((2, 24, *geometry.input_size), dtype)
    scale = cp.ones(geometry.output_size)
    out, argmax = (cp.asnumpy(each) for each in cuda.max_pool2d(put(x), geometry))
    np.testing.assert_array_equal(cp.asnumpy(cuda.max_pool2d(put(x, layout), geometry)[1]), argmax)
    indices = plane_indices(argmax, geometry)
    for function, *arguments in (
        (cuda.max_pool2d_scatter, out, argmax, geometry),
        (cuda.max_pool2d_gather, x, argmax, geometry),
        (cuda.avg_pool2d, x, scale, geometry),
        (cuda.avg_pool2d_scatter, out, scale, geometry),
        (cuda.plane_scatter, out, indices, geometry.input_size),
        (cuda.plane_gather, x, indices),
    ):
        results = [
            function(*(put(a, order) if isinstance(a, np.ndarray) else a for a in arguments))
            for order in (layout, "channels-last")
        ]
        assert_close(results[0], cp.asnumpy(results[1]), roundings=0)


@dtypes
@pytest.mark.parametrize("C", [24, 5])
def test_empty_batch(cp, put, C, dtype):
    geometry = geometry_of("AlexNet's")
    x = np.zeros((0, C, *geometry.input_size), dtype)
    out, argmax = cuda.max_pool2d(put(x), geometry)
    assert out.shape == argmax.shape == (0, C, *geometry.output_size)
    assert cuda.max_pool2d_scatter(out, argmax, geometry).shape == x.shape
    assert cuda.avg_pool2d(put(x), cp.ones(geometry.output_size), geometry).shape == out.shape


@dtypes
@pytest.mark.parametrize("name", ["AlexNet's", "ResNet's"])
def test_nan_and_infinities_as_in_torch(cp, put, assert_close, name, dtype):
    geometry = geometry_of(name)
    values = np.array([NAN, INF, -INF, -INF, -INF, 1.0])
    x = np.random.default_rng(0).choice(values, (2, 24, *CASES[name][0])).astype(dtype)
    expected, indices = F.max_pool2d(torch_float(x), *CASES[name][1:], return_indices=True)
    out, argmax = cuda.max_pool2d(put(x), geometry)
    assert_close(out, expected, roundings=0)
    np.testing.assert_array_equal(plane_indices(cp.asnumpy(argmax), geometry), indices)


def test_a_window_around_the_whole_input_has_no_pixel(cp, put):
    geometry = Geometry((3, 3), (1, 1), (2, 2), padding=(1, 1), dilation=(4, 4))
    out, argmax = cuda.max_pool2d(put(np.zeros((1, 1, 3, 3), np.float32)), geometry)
    assert out.item() == -INF and argmax.item() == 4
    assert not cp.asnumpy(cuda.max_pool2d_scatter(out, argmax, geometry)).any()


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
def test_gradients_of_half_precision_are_summed_in_float32(cp, put, dtype):
    geometry = Geometry((3, 3), (3, 3), (3, 3), (1, 1), (1, 1))
    x = np.zeros((1, 8, 3, 3), dtype)
    x[:, :, 1, 1] = 1  # the maximum of all nine windows
    grad = np.ones_like(x)
    grad[:, :, 0, 0] = 2048  # 2048 + 1 is 2048 in 16 bits
    argmax = cuda.max_pool2d(put(x), geometry)[1]
    indices = cp.full(x.shape, 4, np.int64)
    for total in (
        cuda.max_pool2d_scatter(put(grad), argmax, geometry),
        cuda.avg_pool2d_scatter(put(grad), cp.ones((3, 3)), geometry),
        cuda.plane_scatter(put(grad), indices, (3, 3)),
    ):
        assert total.dtype == dtype
        np.testing.assert_array_equal(cp.asnumpy(total)[0, :, 1, 1], np.full(8, 2056, dtype))


@dtypes
def test_adaptive_max_pool_takes_the_first_nan_infinity_or_maximum(put, assert_close, dtype):
    rows = [[1, NAN, 3, NAN], [-INF, -INF, -INF, -INF], [NAN, NAN, 1, 2], [-4, -3, -3, -5]]
    x = np.array(rows, dtype).reshape(1, 4, 2, 2)
    out, indices = cuda.adaptive_max_pool2d(put(x), (1, 1))
    assert_close(out.reshape(-1), [NAN, -INF, NAN, -3], roundings=0)
    assert indices.get().reshape(-1).tolist() == [1, 0, 0, 1]
    assert_close(cuda.plane_gather(put(x), indices).reshape(-1), [NAN, -INF, NAN, -3])
