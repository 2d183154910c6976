"""The convolution kernels against torch, in float64 and float32."""

from __future__ import annotations

import numpy as np
import on_device as kernels
import pytest

from minicnn.kernels import Geometry, plain
from minicnn.kernels.cpu.runtime import threads

torch = pytest.importorskip("torch")
F = torch.nn.functional

# N, C, O, input_size, kernel_size, stride, (top, left) and (bottom, right) padding, dilation, groups
CASES = {
    "plain": (2, 3, 5, (7, 9), (3, 2), (1, 1), (0, 0), (0, 0), (1, 1), 1),
    "batch of 1": (1, 3, 4, (6, 5), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1), 1),
    "batch of 5": (5, 3, 4, (9, 8), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1), 1),
    "1x1": (3, 6, 4, (5, 7), (1, 1), (1, 1), (0, 0), (0, 0), (1, 1), 1),
    "1x1 with groups": (3, 6, 4, (5, 7), (1, 1), (1, 1), (0, 0), (0, 0), (1, 1), 2),
    "1x1 with stride": (3, 6, 4, (5, 8), (1, 1), (2, 3), (0, 0), (0, 0), (1, 1), 1),
    "1x1 with padding": (3, 6, 4, (5, 8), (1, 1), (1, 1), (2, 1), (2, 1), (1, 1), 1),
    "stride does not divide": (2, 3, 4, (12, 11), (3, 4), (4, 3), (0, 0), (0, 0), (1, 1), 1),
    "stride beyond kernel": (2, 3, 4, (13, 14), (2, 1), (3, 4), (0, 1), (0, 1), (1, 1), 1),
    "stride in one direction": (2, 3, 4, (9, 8), (3, 3), (1, 2), (1, 2), (1, 2), (1, 1), 1),
    "dilation with groups": (2, 6, 4, (11, 13), (3, 2), (2, 1), (2, 1), (2, 1), (2, 3), 2),
    "groups, stride and dilation": (2, 8, 12, (11, 13), (3, 4), (2, 3), (2, 1), (2, 1), (3, 2), 4),
    "groups, stride beyond kernel": (2, 4, 6, (9, 8), (2, 1), (3, 2), (0, 0), (0, 0), (1, 1), 2),
    "dilation, stride 1": (2, 4, 6, (10, 9), (3, 3), (1, 1), (2, 2), (2, 2), (2, 2), 2),
    "depthwise": (2, 5, 5, (8, 7), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1), 5),
    "depthwise with multiplier": (2, 3, 6, (8, 7), (3, 3), (2, 2), (1, 1), (1, 1), (1, 1), 3),
    "depthwise, rows beyond a block": (
        3,
        2,
        2,
        (300, 301),
        (3, 3),
        (1, 2),
        (1, 1),
        (1, 1),
        (1, 1),
        2,
    ),
    "depthwise, dilation": (2, 4, 4, (9, 11), (3, 2), (1, 1), (4, 3), (4, 3), (2, 3), 4),
    "depthwise, dilation, stride": (2, 3, 3, (9, 11), (3, 4), (2, 3), (3, 2), (3, 2), (2, 2), 3),
    "depthwise, many channels": (2, 200, 200, (7, 8), (3, 3), (2, 2), (1, 1), (1, 1), (1, 1), 200),
    "depthwise, padding beyond": (2, 3, 9, (4, 5), (2, 3), (3, 2), (3, 4), (3, 4), (1, 1), 3),
    "depthwise, stride beyond": (2, 3, 3, (13, 14), (2, 1), (3, 4), (0, 1), (0, 1), (1, 1), 3),
    "depthwise, one pixel": (2, 3, 6, (1, 1), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1), 3),
    "uneven padding": (2, 3, 4, (6, 7), (4, 2), (1, 1), (1, 0), (2, 1), (1, 1), 1),
    "uneven padding, stride": (2, 3, 4, (6, 7), (4, 2), (3, 2), (1, 0), (2, 1), (1, 1), 1),
    "padding beyond kernel": (2, 3, 4, (4, 5), (2, 3), (1, 1), (3, 4), (3, 4), (1, 1), 1),
    "output of one pixel": (4, 3, 5, (4, 5), (4, 5), (1, 1), (0, 0), (0, 0), (1, 1), 1),
    "several blocks of rows": (2, 2, 3, (50, 47), (5, 3), (1, 1), (2, 1), (2, 1), (1, 1), 1),
    "blocks of rows, stride": (2, 2, 3, (90, 97), (5, 3), (2, 2), (2, 1), (2, 1), (1, 1), 1),
    "AlexNet's first": (1, 3, 8, (67, 71), (11, 11), (4, 4), (0, 0), (0, 0), (1, 1), 1),
}

DEPTHWISE = [name for name in CASES if name.startswith("depthwise")]


def case(name, dtype=np.float64):
    """x, weight, bias and geometry, and torch's x (already padded), weight, bias and options."""
    N, C, O, size, kernel_size, stride, (top, left), (bottom, right), dilation, groups = CASES[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, C, *size)).astype(dtype)
    weight = rng.standard_normal((O, C // groups, *kernel_size)).astype(dtype)
    bias = rng.standard_normal(O).astype(dtype)

    options = {"stride": stride, "dilation": dilation, "groups": groups}
    torch_x, torch_weight = (torch.tensor(a, requires_grad=True) for a in (x, weight))
    out = F.conv2d(
        F.pad(torch_x, (left, right, top, bottom)),
        torch_weight,
        torch.tensor(bias),
        **options,
    )
    geometry = Geometry(
        input_size=size,
        output_size=tuple(out.shape[2:]),
        kernel_size=kernel_size,
        padding=(top, left),
        **options,
    )
    grad = rng.standard_normal(out.shape).astype(dtype)
    out.backward(torch.tensor(grad))
    expected = {
        "out": out.detach().numpy(),
        "grad_x": torch_x.grad.numpy(),
        "grad_weight": torch_weight.grad.numpy(),
    }
    return x, weight, bias, grad, geometry, expected


def results(x, weight, bias, grad, geometry):
    return {
        "out": kernels.conv2d(x, weight, bias, geometry),
        "grad_x": kernels.conv2d_input_grad(grad, weight, geometry),
        "grad_weight": kernels.conv2d_weight_grad(grad, x, geometry),
    }


def assert_close(results, expected, rtol):
    for name, result in results.items():
        assert result.dtype == expected[name].dtype
        scale = np.abs(expected[name])[np.isfinite(expected[name])].max(initial=0)
        np.testing.assert_allclose(
            result, expected[name], rtol=rtol, atol=rtol * scale, err_msg=name
        )


@pytest.mark.parametrize("dtype, rtol", [(np.float64, 1e-12), (np.float32, 2e-5)])
@pytest.mark.parametrize("name", CASES)
def test_against_torch(name, dtype, rtol):
    x, weight, bias, grad, geometry, expected = case(name, dtype)
    assert_close(results(x, weight, bias, grad, geometry), expected, rtol)


def channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def every_second_pixel(x):
    larger = np.full((*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]), np.nan, x.dtype)
    larger[:, :, ::2, ::2] = x
    return larger[:, :, ::2, ::2]


def backwards(x):
    return np.ascontiguousarray(x[::-1, :, ::-1])[::-1, :, ::-1]


@pytest.mark.parametrize("layout", [channels_last, every_second_pixel, backwards])
@pytest.mark.parametrize(
    "name", ["plain", "1x1", "1x1 with groups", "dilation with groups", "depthwise"]
)
def test_any_strides(name, layout):
    x, weight, bias, grad, geometry, expected = case(name)
    x, weight, grad = layout(x), layout(weight), layout(grad)
    assert_close(results(x, weight, bias, grad, geometry), expected, rtol=1e-12)


def test_broadcast_arrays():
    x, weight, bias, grad, geometry, _ = case("plain")
    x, grad = (
        np.broadcast_to(x[:1], x.shape),
        np.broadcast_to(grad[:, :, :1, :1], grad.shape),
    )
    expected = results(x.copy(), weight, bias, grad.copy(), geometry)
    assert_close(results(x, weight, bias, grad, geometry), expected, rtol=1e-15)


@pytest.mark.parametrize("name", CASES)
def test_arguments_are_not_written_to(name):
    x, weight, bias, grad, geometry, _ = case(name)
    for array in (x, weight, bias, grad):
        array.flags.writeable = False
    results(x, weight, bias, grad, geometry)


@pytest.mark.parametrize("name", ["plain", "several blocks of rows", "depthwise with multiplier"])
def test_fused_relu_and_missing_bias(name):
    x, weight, bias, _, geometry, expected = case(name)
    out = kernels.conv2d_relu(x, weight, bias, geometry)
    np.testing.assert_allclose(out, np.maximum(expected["out"], 0), rtol=1e-12, atol=1e-12)
    out = kernels.conv2d(x, weight, None, geometry)
    without_bias = expected["out"] - bias[:, None, None]
    np.testing.assert_allclose(out, without_bias, rtol=1e-12, atol=1e-12)


def test_fused_relu_keeps_nan():
    x, weight, bias, _, geometry, _ = case("plain")
    x[0, 0, 0, 0] = np.nan
    out = kernels.conv2d_relu(x, weight, bias, geometry)
    assert np.isnan(out[0, :, 0, 0]).all()
    assert not np.isnan(out[1]).any()


@pytest.mark.cpu_only  # on a GPU, padding is not multiplied with anything
@pytest.mark.parametrize("name", DEPTHWISE)
def test_depthwise_reaches_the_pixels_that_plain_reaches(name):
    x, weight, bias, grad, geometry, _ = case(name)
    x[0, 0, 0, -1], x[-1, 1, -1, 0] = np.nan, np.inf
    grad[0, -1, -1, -1], grad[-1, 0, 0, 0] = np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        expected = {
            "out": plain.conv2d(x, weight, bias, geometry),
            "grad_x": plain.conv2d_input_grad(grad, weight, geometry),
            "grad_weight": plain.conv2d_weight_grad(grad, x, geometry),
        }
        assert_close(results(x, weight, bias, grad, geometry), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["stride does not divide", "depthwise with multiplier"])
def test_float16_is_summed_in_float32(name):
    x, weight, bias, grad, geometry, _ = case(name, np.float16)
    found = results(x, weight, bias, grad, geometry)
    exact = results(*(a.astype(np.float32) for a in (x, weight, bias, grad)), geometry)
    for key, result in found.items():
        assert result.dtype == np.float16
        np.testing.assert_array_equal(result, exact[key].astype(np.float16), err_msg=key)


@pytest.mark.parametrize("name", ["plain", "depthwise"])
def test_empty_batch(name):
    x, weight, bias, grad, geometry, _ = case(name)
    found = results(x[:0], weight, bias, grad[:0], geometry)
    assert found["out"].shape == grad[:0].shape
    assert found["grad_x"].shape == x[:0].shape
    np.testing.assert_array_equal(found["grad_weight"], np.zeros_like(weight))


@pytest.mark.parametrize("name", ["batch of 5", "depthwise, rows beyond a block"])
@pytest.mark.parametrize("thread_count", [1, 2, 3])
def test_same_bits_in_every_run(name, thread_count):
    before = threads.num_threads()
    threads.set_num_threads(thread_count)
    try:
        x, weight, bias, grad, geometry, expected = case(name, np.float32)
        first = results(x, weight, bias, grad, geometry)
        second = results(x, weight, bias, grad, geometry)
    finally:
        threads.set_num_threads(before)
    assert_close(first, expected, rtol=2e-5)
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


UNFOLDED = [name for name, row in CASES.items() if row[6] == row[7]]  # torch pads both sides alike


@pytest.mark.parametrize("name", UNFOLDED)
def test_im2col_and_col2im_against_torch(name):
    x, _, _, _, geometry, _ = case(name)
    options = {"padding": geometry.padding, "dilation": geometry.dilation}
    options |= {"stride": geometry.stride, "kernel_size": geometry.kernel_size}
    columns = kernels.im2col(x, geometry)
    np.testing.assert_array_equal(columns, F.unfold(torch.tensor(x), **options))
    folded = F.fold(torch.tensor(columns), geometry.input_size, **options)
    np.testing.assert_allclose(kernels.col2im(columns, geometry), folded, rtol=1e-13)
