"""The plain convolution on a GPU against torch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")
torch = pytest.importorskip("torch")

import minicnn
from minicnn.kernels import Geometry
from minicnn.kernels.cuda import plain

F = torch.nn.functional

# N, C, O, geometry
CASES = {
    "3x3": (2, 5, 7, Geometry((6, 9), (6, 9), (3, 3), padding=(1, 1))),
    "one output": (3, 4, 6, Geometry((4, 5), (1, 1), (4, 5))),
    "AlexNet's first": (1, 3, 4, Geometry((27, 23), (6, 5), (11, 11), (4, 4), (2, 2))),
    "stride and dilation": (
        2,
        4,
        3,
        Geometry((15, 16), (4, 5), (4, 3), (2, 3), (2, 1), (3, 2)),
    ),
    "stride beyond the kernel": (2, 3, 4, Geometry((13, 14), (4, 4), (2, 1), (3, 4), (0, 1))),
    "groups": (2, 6, 9, Geometry((8, 7), (4, 4), (3, 2), (2, 2), (1, 1), groups=3)),
    "depthwise": (2, 4, 4, Geometry((8, 7), (8, 7), (3, 3), (1, 1), (1, 1), groups=4)),
    "uneven padding": (2, 3, 4, Geometry((6, 5), (6, 5), (4, 2), (1, 1), (1, 0))),
    "padding beyond the kernel": (1, 3, 4, Geometry((4, 5), (9, 11), (2, 3), (1, 1), (3, 4))),
}


def random(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def in_float64(array: np.ndarray) -> Any:
    return torch.tensor(array.astype(np.float64), requires_grad=True)


def expected_conv2d(x: Any, weight: Any, bias: Any, geometry: Geometry) -> Any:
    """torch's convolution, with more than enough padding below and to the right."""
    (PH, PW), (OH, OW) = geometry.padding, geometry.output_size
    padded = F.pad(x, (PW, 20, PH, 20))
    stride, dilation, groups = geometry.stride, geometry.dilation, geometry.groups
    return F.conv2d(padded, weight, bias, stride, 0, dilation, groups)[:, :, :OH, :OW]


@pytest.mark.parametrize("name", CASES)
def test_three_passes(cp: Any, assert_close: Any, dtype: Any, name: str) -> None:
    N, C, O, geometry = CASES[name]
    x = random((N, C, *geometry.input_size), dtype)
    weight = random((O, C // geometry.groups, *geometry.kernel_size), dtype)
    grad = random((N, O, *geometry.output_size), dtype)
    bias = random((O,), dtype)
    torch_x, torch_weight = in_float64(x), in_float64(weight)
    expected = expected_conv2d(torch_x, torch_weight, in_float64(bias), geometry)
    expected.backward(in_float64(grad))

    x, weight, bias, grad = (cp.asarray(array) for array in (x, weight, bias, grad))
    assert_close(plain.conv2d(x, weight, bias, geometry), expected.detach())
    assert_close(plain.conv2d_input_grad(grad, weight, geometry), torch_x.grad)
    grad_weight = plain.conv2d_weight_grad(grad, x, geometry)
    assert grad_weight.dtype == dtype
    assert_close(grad_weight, torch_weight.grad)


def test_dtypes_beside_16_bits(cp: Any, assert_close: Any) -> None:
    N, C, O, geometry = CASES["3x3"]
    x, weight = random((N, C, 6, 9), minicnn.bfloat16), random((O, C, 3, 3), minicnn.bfloat16)
    bias, grad = random((O,), np.float32), random((N, O, 6, 9), minicnn.bfloat16)
    torch_weight = in_float64(weight)
    expected = expected_conv2d(in_float64(x), torch_weight, in_float64(bias), geometry)
    expected.backward(in_float64(grad))
    x, weight, bias, grad = (cp.asarray(array) for array in (x, weight, bias, grad))
    out = plain.conv2d(x, weight, bias, geometry)
    assert out.dtype == minicnn.bfloat16
    assert_close(out, expected.detach())
    grad_weight = plain.conv2d_weight_grad(grad, x, geometry, np.dtype(np.float32))
    assert grad_weight.dtype == np.float32
    assert_close(grad_weight, torch_weight.grad)  # products of 16 bits are exact in float32


@pytest.mark.parametrize("layout", ["channels-last", "unaligned"])
def test_any_memory_order_without_bias(cp: Any, put: Any, assert_close: Any, layout: str) -> None:
    N, C, O, geometry = CASES["3x3"]
    x, weight = random((N, C, 6, 9), np.float32), random((O, C, 3, 3), np.float32)
    expected = expected_conv2d(in_float64(x), in_float64(weight), None, geometry)
    assert_close(
        plain.conv2d(put(x, layout), put(weight, layout), None, geometry), expected.detach()
    )


def test_empty_batch(cp: Any) -> None:
    geometry = CASES["3x3"][-1]
    x, weight = cp.zeros((0, 5, 6, 9), np.float32), cp.ones((7, 5, 3, 3), np.float32)
    grad = plain.conv2d(x, weight, None, geometry)
    assert grad.shape == (0, 7, 6, 9)
    assert plain.conv2d_input_grad(grad, weight, geometry).shape == x.shape
    assert not cp.asnumpy(plain.conv2d_weight_grad(grad, x, geometry)).any()


def test_operands_of_two_dtypes_are_refused(cp: Any) -> None:
    geometry = CASES["3x3"][-1]
    x, weight = cp.zeros((1, 5, 6, 9), np.float16), cp.ones((7, 5, 3, 3), np.float32)
    with pytest.raises(TypeError, match="one dtype, got float16 and float32"):
        plain.conv2d(x, weight, None, geometry)
    with pytest.raises(TypeError, match="conv2d on CUDA takes float16 or .*, got int64"):
        plain.conv2d(x.astype(np.int64), weight.astype(np.int64), None, geometry)
