"""float16 and bfloat16 on the CPU: what float32 gives for the same numbers, rounded once."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import bfloat16
from minicnn.kernels import Geometry, cpu
from minicnn.kernels.cpu import winograd

pytestmark = pytest.mark.fast_only

N, C, H, W, O = 2, 4, 9, 8, 6
CONV = Geometry((H, W), (H, W), (3, 3), padding=(1, 1))
STRIDED = Geometry((H, W), (4, 4), (2, 2), (2, 2), groups=2)
WINOGRAD = Geometry((16, 16), (16, 16), (3, 3), padding=(1, 1))
POOL = Geometry((H, W), (5, 4), (3, 3), (2, 2), (1, 1))
SCALE = np.full(POOL.output_size, 1 / 9, np.float32)
STATISTICS = np.linspace(0.5, 2, C, dtype=np.float32)
INDICES = np.arange(C * H * W).reshape(1, C, H, W) % 7 * np.ones((N, 1, 1, 1), int)
TARGET = np.array([1, 3, -100])
ARGMAX = np.random.default_rng(1).integers(4, 6, (N, C, *POOL.output_size)).astype(np.uint8)

IMAGE, CONV_OUT, POOLED = (N, C, H, W), (N, O, H, W), (N, C, *POOL.output_size)
# shapes of the arrays of 16 bits, and the kernel of them
KERNELS = {
    "conv2d": ([IMAGE, (O, C, 3, 3), (O,)], lambda x, w, b: cpu.conv2d(x, w, b, CONV)),
    "conv2d_relu": ([IMAGE, (O, C, 3, 3), (O,)], lambda x, w, b: cpu.conv2d_relu(x, w, b, CONV)),
    "conv2d, groups": ([IMAGE, (O, 2, 2, 2)], lambda x, w: cpu.conv2d(x, w, None, STRIDED)),
    "conv2d, Winograd": (
        [(2, 64, 16, 16), (64, 64, 3, 3), (64,)],
        lambda x, w, b: cpu.conv2d(x, w, b, WINOGRAD),
    ),
    "conv2d_input_grad": (
        [CONV_OUT, (O, C, 3, 3)],
        lambda grad, w: cpu.conv2d_input_grad(grad, w, CONV),
    ),
    "conv2d_input_grad, groups": (
        [(N, O, 4, 4), (O, 2, 2, 2)],
        lambda grad, w: cpu.conv2d_input_grad(grad, w, STRIDED),
    ),
    "conv2d_weight_grad": (
        [CONV_OUT, IMAGE],
        lambda grad, x: cpu.conv2d_weight_grad(grad, x, CONV),
    ),
    "im2col": ([IMAGE], lambda x: cpu.im2col(x, CONV)),
    "col2im": ([(N, C * 9, H * W)], lambda x: cpu.col2im(x, CONV)),
    "linear": ([(5, C), (O, C), (O,)], cpu.linear),
    "linear_relu": ([(5, C), (O, C), (O,)], cpu.linear_relu),
    "linear_input_grad": ([(5, O), (O, C)], cpu.linear_input_grad),
    "linear_weight_grad": ([(5, O), (5, C)], cpu.linear_weight_grad),
    "max_pool2d": ([IMAGE], lambda x: cpu.max_pool2d(x, POOL)),
    "max_pool2d_relu": ([IMAGE], lambda x: cpu.max_pool2d_relu(x, STRIDED)),
    "max_pool2d_scatter": ([POOLED], lambda grad: cpu.max_pool2d_scatter(grad, ARGMAX, POOL)),
    "max_pool2d_gather": ([IMAGE], lambda x: cpu.max_pool2d_gather(x, ARGMAX, POOL)),
    "avg_pool2d": ([IMAGE], lambda x: cpu.avg_pool2d(x, SCALE, POOL)),
    "avg_pool2d_scatter": ([POOLED], lambda grad: cpu.avg_pool2d_scatter(grad, SCALE, POOL)),
    "adaptive_max_pool2d": ([IMAGE], lambda x: cpu.adaptive_max_pool2d(x, (4, 3))),
    "plane_scatter": ([IMAGE], lambda grad: cpu.plane_scatter(grad, INDICES, (H, W))),
    "plane_gather": ([IMAGE], lambda x: cpu.plane_gather(x, INDICES)),
    "batch_norm": ([IMAGE], lambda x: cpu.batch_norm(x, STATISTICS, STATISTICS, 1e-5)),
    "batch_norm_backward": (
        [IMAGE, IMAGE],
        lambda grad, x: cpu.batch_norm_backward(grad, x, STATISTICS, STATISTICS, STATISTICS, 1e-5),
    ),
    "batch_norm_relu": (
        [IMAGE],
        lambda x: cpu.batch_norm_relu(x, STATISTICS, STATISTICS, 1e-5),
    ),
    "batch_norm_relu_backward": (
        [IMAGE, IMAGE, IMAGE],
        lambda grad, out, x: cpu.batch_norm_relu_backward(
            grad, out, x, STATISTICS, STATISTICS, STATISTICS, 1e-5
        ),
    ),
    "channel_affine": ([IMAGE], lambda x: cpu.channel_affine(x, STATISTICS, STATISTICS)),
    "channel_affine_relu": ([IMAGE], lambda x: cpu.channel_affine_relu(x, STATISTICS, STATISTICS)),
    "local_response_norm": ([IMAGE], lambda x: cpu.local_response_norm(x, 3, 0.5, 0.75, 1.0)),
    "local_response_norm_backward": (
        [IMAGE, IMAGE],
        lambda grad, x: cpu.local_response_norm_backward(grad, x, 3, 0.5, 0.75, 1.0),
    ),
    "relu": ([IMAGE], cpu.relu),
    "relu_backward": ([IMAGE, IMAGE], cpu.relu_backward),
    "relu_bias_backward": ([IMAGE, IMAGE], cpu.relu_bias_backward),
    "channel_sum": ([IMAGE], cpu.channel_sum),
    "erf": ([IMAGE], cpu.erf),
    "softmax_cross_entropy": (
        [(3, C)],
        lambda x: cpu.softmax_cross_entropy(x, TARGET, STATISTICS, -100, 0.1),
    ),
    "resize_nearest": ([IMAGE], lambda x: cpu.resize_nearest(x, (5, 11), (9 / 5, 8 / 11))),
    "resize_nearest_backward": (
        [(N, C, 11, 13)],
        lambda grad: cpu.resize_nearest_backward(grad, (H, W), (9 / 11, 8 / 13)),
    ),
    "resize_bilinear": (
        [IMAGE],
        lambda x: cpu.resize_bilinear(x, (5, 11), (9 / 5, 8 / 11), False),
    ),
    "resize_bilinear_backward": (
        [(N, C, 11, 13)],
        lambda grad: cpu.resize_bilinear_backward(grad, (H, W), (9 / 11, 8 / 13), False),
    ),
}
ELSEWHERE = {
    "dropout",
    "dropout_backward",
    "normalize_images",
    "philox_state",
}  # and steps: see their own tests


def numbers(shapes, dtype):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def test_every_kernel_is_here():
    assert winograd.possible(bfloat16, (64, 64, 3, 3), WINOGRAD)
    kernels = {name for name in cpu.__all__ if not name.endswith("_step")}
    assert {name.split(",")[0] for name in KERNELS} == kernels - ELSEWHERE


@pytest.mark.parametrize("dtype", [np.dtype(np.float16), bfloat16], ids=str)
@pytest.mark.parametrize("name", KERNELS)
def test_rounded_once(name, dtype):
    shapes, kernel = KERNELS[name]
    halves = numbers(shapes, dtype)
    results = kernel(*halves)
    expected = kernel(*(array.astype(np.float32) for array in halves))
    if not isinstance(results, tuple):
        results, expected = (results,), (expected,)
    for number, (result, exact) in enumerate(zip(results, expected, strict=True)):
        if exact.dtype.kind != "f" or "batch_norm" in name and number:  # indices, statistics
            assert result.dtype == exact.dtype
        else:
            assert result.dtype == dtype
        np.testing.assert_array_equal(result, exact.astype(result.dtype))


@pytest.mark.parametrize("dtype", [np.dtype(np.float16), bfloat16], ids=str)
def test_float32_biases_and_gradients_beside_halves(dtype):
    x, weight, out = numbers([IMAGE, (O, C, 3, 3), CONV_OUT], dtype)
    rows, matrix, grad = numbers([(5, C), (O, C), (5, O)], dtype)
    (bias,) = numbers([(O,)], np.float32)
    wide = [array.astype(np.float32) for array in (x, weight, out, rows, matrix, grad)]

    def run(x, weight, out, rows, matrix, grad):
        return (
            cpu.conv2d(x, weight, bias, CONV),
            cpu.linear(rows, matrix, bias),
            cpu.relu_bias_backward(out, out, np.float32)[0],
            cpu.relu_bias_backward(out, out, np.float32)[1],
            cpu.channel_sum(out, np.float32),
            cpu.conv2d_weight_grad(out, x, CONV, np.float32),
            cpu.linear_weight_grad(grad, rows, np.float32),
        )

    results = run(x, weight, out, rows, matrix, grad)
    assert [result.dtype for result in results] == [dtype] * 3 + [np.float32] * 4
    for result, exact in zip(results, run(*wide), strict=True):
        np.testing.assert_array_equal(result, exact.astype(result.dtype))
