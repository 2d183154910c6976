"""The activation kernels against their definitions, for every memory layout."""

from __future__ import annotations

import math

import numpy as np
import pytest
from on_device import channel_sum, erf, relu, relu_backward, relu_bias_backward

NAN, INF = float("nan"), float("inf")

LAYOUTS = {
    "dense": lambda a: a.copy(),
    "channels-last": lambda a: a.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2),
    "reversed": lambda a: a[:, ::-1].copy()[:, ::-1],
    "every second": lambda a: np.repeat(a, 2, axis=2)[:, :, ::2],
    "broadcast": lambda a: np.broadcast_to(a[:, :1], a.shape),
}


def numbers(shape=(2, 3, 4, 5), dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_relu_in_every_layout(layout, dtype):
    x = layout(numbers(dtype=dtype))
    out = relu(x)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, np.where(x > 0, x, 0))


WRITABLE = [name for name in LAYOUTS if name != "broadcast"]


@pytest.mark.parametrize("name", WRITABLE)
@pytest.mark.parametrize("out_name", ["the argument", *WRITABLE])
def test_relu_written_to_an_array_of_any_layout(name, out_name):
    x = LAYOUTS[name](numbers())
    expected = np.where(x > 0, x, 0)
    out = x if out_name == "the argument" else LAYOUTS[out_name](np.zeros_like(x))
    np.testing.assert_array_equal(relu(x, out), expected)


@pytest.mark.parametrize("out_layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("grad_layout", LAYOUTS.values(), ids=LAYOUTS)
def test_relu_backward_pairs_elements_whatever_their_layouts(out_layout, grad_layout):
    grad, out = grad_layout(numbers((4, 3, 4, 5))), out_layout(numbers((4, 3, 4, 5))[::-1])
    np.testing.assert_array_equal(relu_backward(grad, out), np.where(out > 0, grad, 0))


@pytest.mark.fast_only
def test_relu_keeps_the_memory_order():
    x = LAYOUTS["channels-last"](numbers())
    assert relu(x).strides == x.strides == relu_backward(numbers(), x).strides


def test_relu_of_more_than_a_block_and_of_nothing():
    x = numbers((3, 2**17 + 5))
    np.testing.assert_array_equal(relu(x), np.where(x > 0, x, 0))
    np.testing.assert_array_equal(relu_backward(x, -x), np.where(x < 0, x, 0))
    assert relu(x[:0]).shape == (0, 2**17 + 5)
    assert relu(np.float32([[-1.5]])[0, 0:1].reshape(())).shape == ()


def test_relu_passes_nan_on_and_keeps_infinite_gradients_apart():
    np.testing.assert_array_equal(relu(np.array([NAN, -INF, INF, -0.0])), [NAN, 0, INF, 0])
    grad = np.array([INF, NAN, INF, NAN, -INF])
    out = np.array([0.0, 0.0, 1.0, 1.0, -1.0])
    np.testing.assert_array_equal(relu_backward(grad, out), [0, 0, INF, NAN, 0])


@pytest.mark.parametrize("out_layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("grad_layout", LAYOUTS.values(), ids=LAYOUTS)
def test_relu_bias_backward_is_relu_backward_and_its_channel_sum(out_layout, grad_layout):
    grad, out = grad_layout(numbers((4, 3, 4, 5))), out_layout(numbers((4, 3, 4, 5))[::-1])
    grad_x, grad_bias = relu_bias_backward(grad, out)
    expected = np.where(out > 0, grad, 0)
    np.testing.assert_array_equal(grad_x, expected)
    np.testing.assert_allclose(grad_bias, expected.sum((0, 2, 3)), rtol=1e-5, atol=1e-6)
    assert grad_x.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("shape", [(1000, 700), (70, 3, 11), (40, 5, 60, 61), (0, 3, 2, 2)])
def test_channel_sums_of_more_and_less_than_a_block(shape):
    x, out = numbers(shape), numbers(shape)[::-1]
    axes = (0, *range(2, len(shape)))
    exact = x.sum(axes, dtype=np.float64)
    np.testing.assert_allclose(channel_sum(x), exact, rtol=1e-5, atol=1e-3)
    assert channel_sum(x).dtype == np.float32
    assert channel_sum(x, np.float64).dtype == np.float64
    kept = np.where(out > 0, x, 0)
    grad_x, grad_bias = relu_bias_backward(x, out, np.float64)
    np.testing.assert_array_equal(grad_x, kept)
    exact = kept.sum(axes, dtype=np.float64)
    np.testing.assert_allclose(grad_bias, exact, rtol=1e-5, atol=1e-3)
    assert grad_bias.dtype == np.float64


def test_a_channel_sum_of_halves_does_not_stop_growing():
    x = np.ones((3, 2, 64, 64), np.float16)  # 2048 + 1 is 2048 in float16
    np.testing.assert_array_equal(channel_sum(x), [12288, 12288])


def test_an_infinite_gradient_that_relu_stops_is_not_in_the_sum():
    grad, out = np.array([[INF, NAN, INF, NAN]]), np.array([[0.0, -1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(relu_bias_backward(grad, out)[1], [0, 0, INF, NAN])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erf_to_a_few_units_in_the_last_place(dtype):
    # Both of Cody's ranges, their border, and where erf reaches 1.
    edges = [0.46875, np.nextafter(0.46875, 1), 4.0, 5.9, 6.0, 6.1, 40.0, 1e-30]
    positive = np.concatenate([np.linspace(1e-3, 7, 20011), edges])
    x = np.concatenate([-positive, positive]).astype(dtype)
    expected = np.array([math.erf(value) for value in x.tolist()])
    error = np.abs(erf(x) - expected) / np.abs(expected)
    assert error.max() < 3 * np.finfo(dtype).eps


def test_erf_of_special_numbers():
    out = erf(np.array([0.0, -0.0, INF, -INF, NAN]))
    np.testing.assert_array_equal(out, [0, 0, 1, -1, NAN])
    assert np.signbit(out[1])


def test_erf_of_float16_is_rounded_once():
    x = numbers(dtype=np.float16)
    np.testing.assert_array_equal(erf(x), erf(x.astype(np.float32)).astype(np.float16))
