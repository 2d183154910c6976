"""float16 and bfloat16 on the CPU beside float32, and in Winograd's algorithm.

That all kernels round once is tested in ``test_sets.py``.
"""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import bfloat16
from minicnn.kernels import Geometry, cpu
from minicnn.kernels.cpu import winograd

pytestmark = pytest.mark.fast_only

N, C, H, W, O = 2, 4, 9, 8, 6
CONV = Geometry((H, W), (H, W), (3, 3), padding=(1, 1))
WINOGRAD = Geometry((16, 16), (16, 16), (3, 3), padding=(1, 1))
halves = pytest.mark.parametrize("dtype", [np.dtype(np.float16), bfloat16], ids=str)


def numbers(shapes, dtype):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@halves
def test_winograd_is_rounded_once(dtype):
    x, weight, bias = numbers([(2, 64, 16, 16), (64, 64, 3, 3), (64,)], dtype)
    assert winograd.possible(dtype, weight.shape, WINOGRAD)
    out = cpu.conv2d(x, weight, bias, WINOGRAD)
    exact = cpu.conv2d(*(array.astype(np.float32) for array in (x, weight, bias)), WINOGRAD)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, exact.astype(dtype))


@halves
def test_float32_biases_and_gradients_beside_halves(dtype):
    x, weight, out = numbers([(N, C, H, W), (O, C, 3, 3), (N, O, H, W)], dtype)
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
