"""Winograd's algorithm against direct sums in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minicnn.kernels import Geometry
from minicnn.kernels.cpu import conv, winograd

pytestmark = pytest.mark.cpu_only

# N, C, O, input_size, kernel_size, stride, padding (top and left), output_size
CASES = {
    "tiles fit": (2, 3, 5, (8, 12), 3, 1, 1, (8, 12)),
    "tiles reach beyond": (3, 8, 6, (13, 11), 3, 1, 1, (13, 11)),
    "no padding": (2, 3, 4, (10, 15), 3, 1, 0, (8, 13)),
    "uneven padding": (2, 3, 4, (9, 10), 3, 1, 1, (10, 12)),
    "padding beyond kernel": (2, 3, 4, (5, 6), 3, 1, 4, (11, 12)),
    "one pixel": (5, 4, 3, (3, 3), 3, 1, 0, (1, 1)),
    "2x2": (2, 4, 5, (11, 12), 2, 1, 0, (10, 11)),
    "4x4": (2, 4, 5, (11, 12), 4, 1, 1, (10, 11)),
    "5x5": (5, 7, 9, (9, 14), 5, 1, 2, (9, 14)),
    "AlexNet's first": (2, 3, 8, (67, 71), 11, 4, 0, (15, 16)),
    "ResNet's first": (2, 3, 8, (27, 31), 7, 2, 3, (14, 16)),
    "3x3 with stride": (2, 3, 8, (26, 31), 3, 2, 1, (13, 16)),
    "stride leaves pixels over": (2, 3, 8, (27, 32), 5, 3, 1, (8, 10)),
}
FUNCTIONS = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad"]


def case(name):
    """x, weight, bias and gradient in float32, and the geometry."""
    N, C, O, size, K, S, P, out_size = CASES[name]
    geometry = Geometry(size, out_size, (K, K), (S, S), (P, P))
    rng = np.random.default_rng(0)
    shapes = (N, C, *size), (O, C, K, K), (O,), (N, O, *out_size)
    return [rng.standard_normal(shape, dtype=np.float32) for shape in shapes], geometry


def results(module, arrays, geometry):
    x, weight, bias, grad = arrays
    return {
        "out": module.conv2d(x, weight, bias, geometry),
        "out with relu": module.conv2d(x, weight, None, geometry, relu=True),
        "grad_x": module.conv2d_input_grad(grad, weight, geometry),
        "grad_weight": module.conv2d_weight_grad(grad, x, geometry),
    }


@pytest.fixture(params=["one block", "many blocks"])
def blocks(request, monkeypatch):
    if request.param == "many blocks":
        monkeypatch.setattr(winograd, "_STRIP_BYTES", 1)  # a row of tiles
        monkeypatch.setattr(winograd, "_BLOCK_BYTES", 1 << 14)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("name", CASES)
def test_against_direct_sums(name, layout, blocks):
    arrays, geometry = case(name)
    exact = results(conv, [array.astype(np.float64) for array in arrays], geometry)
    if layout == "NHWC":
        for i in (0, 3):
            arrays[i] = np.ascontiguousarray(arrays[i].transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for key, result in results(winograd, arrays, geometry).items():
        assert result.dtype == np.float32
        assert result.shape == exact[key].shape
        error = (result - exact[key]) / exact[key].std()
        assert np.abs(error).max() < 1e-4, key
        assert np.sqrt(np.mean(error**2)) < 8e-6, key


@pytest.mark.parametrize("name", ["tiles reach beyond", "ResNet's first"])
def test_layout_and_type_of_results(name):
    (x, weight, bias, grad), geometry = case(name)
    arrays = [array.astype(np.float16) for array in (x, weight, bias, grad)]
    found = results(winograd, arrays, geometry)
    assert {result.dtype for result in found.values()} == {np.dtype(np.float16)}
    assert found["out"].transpose(0, 2, 3, 1).flags.c_contiguous
    assert found["grad_x"].transpose(0, 2, 3, 1).flags.c_contiguous
    assert found["grad_weight"].flags.c_contiguous


def pays(N=32, C=256, O=384, size=13, K=3, S=1, dtype=np.float32, **changes):
    out_size = (size - K) // S + 1
    geometry = Geometry((size, size), (out_size, out_size), (K, K), (S, S))
    weight_shape = (O, C, *changes.get("kernel_size", (K, K)))
    return winograd.pays(np.dtype(dtype), N, weight_shape, replace(geometry, **changes))


def test_pays_for_large_convolutions():
    assert pays()
    assert pays(C=96, O=256, size=31, K=5)
    assert pays(C=3, O=96, size=227, K=11, S=4)
    assert pays(dtype=np.float16)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "N": 1,
            "C": 512,
            "O": 512,
            "size": 7,
        },  # transforming the filters would take longest
        {"C": 3, "O": 8},
        {"K": 1},
        {"K": 7, "size": 32},
        {"kernel_size": (3, 5)},
        {"stride": (1, 2)},
        {"dilation": (2, 2)},
        {"groups": 2},
        {"dtype": np.float64},
    ],
    ids=str,
)
def test_does_not_pay(changes):
    assert not pays(**changes)


def test_conv2d_uses_it_where_it_pays(monkeypatch):
    arrays, geometry = case("tiles reach beyond")
    direct = results(conv, arrays, geometry)
    monkeypatch.setattr(winograd, "pays", lambda *args: True)
    chosen, expected = (
        results(conv, arrays, geometry),
        results(winograd, arrays, geometry),
    )
    for key in expected:
        np.testing.assert_array_equal(chosen[key], expected[key])
        assert not np.array_equal(chosen[key], direct[key])


def test_same_bits_in_every_run(blocks):
    arrays, geometry = case("tiles reach beyond")
    first, second = (
        results(winograd, arrays, geometry),
        results(winograd, arrays, geometry),
    )
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
