"""Winograd's algorithm against direct sums in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minicnn.dtypes import bfloat16
from minicnn.kernels import Geometry
from minicnn.kernels.cpu import conv
from minicnn.kernels.cpu.runtime import threads
from minicnn.kernels.cpu.winograd import conv as winograd

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]

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


def tiles(name):
    K, S = CASES[name][4:6]
    return winograd.tiles(-(-K // S))


def exact_results(arrays, geometry):
    x, weight, bias, grad = [array.astype(np.float64) for array in arrays]
    return {
        "out": conv.conv2d(x, weight, bias, geometry),
        "out with relu": conv.conv2d_relu(x, weight, None, geometry),
        "grad_x": conv.conv2d_input_grad(grad, weight, geometry),
        "grad_weight": conv.conv2d_weight_grad(grad, x, geometry),
    }


def results(arrays, geometry, M):
    x, weight, bias, grad = arrays
    return {
        "out": winograd.conv2d(x, weight, bias, geometry, False, M),
        "out with relu": winograd.conv2d(x, weight, None, geometry, True, M),
        "grad_x": winograd.conv2d_input_grad(grad, weight, geometry, M),
        "grad_weight": winograd.conv2d_weight_grad(grad, x, geometry, M),
    }


@pytest.fixture(params=["one block", "a block for each row", "shared blocks"])
def blocks(request, monkeypatch):
    if request.param == "a block for each row":
        monkeypatch.setattr(winograd, "_OWN_BLOCK", 1)
    if request.param == "shared blocks":
        monkeypatch.setattr(winograd, "_SMALL_FILTERS", 0)
        monkeypatch.setattr(winograd, "_SHARED_STRIP", 1)
        monkeypatch.setattr(winograd, "_SHARED_BLOCK", 1 << 14)
        monkeypatch.setattr(winograd, "_PRODUCT", 1 << 10)


@pytest.mark.parametrize(("name", "M"), [(name, M) for name in CASES for M in tiles(name)], ids=str)
def test_against_direct_sums(name, M, blocks):
    arrays, geometry = case(name)
    exact = exact_results(arrays, geometry)
    for key, result in results(arrays, geometry, M).items():
        assert result.dtype == np.float32
        assert result.shape == exact[key].shape
        error = np.linalg.norm(result - exact[key]) / np.linalg.norm(exact[key])
        assert error < 5e-6, key
        assert np.abs(result - exact[key]).max() < 1e-4 * exact[key].std(), key


@pytest.mark.parametrize("name", ["tiles reach beyond", "ResNet's first"])
def test_layout_of_the_input_does_not_matter(name):
    arrays, geometry = case(name)
    expected = results(arrays, geometry, 4)
    for i in (0, 3):
        arrays[i] = np.ascontiguousarray(arrays[i].transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    found = results(arrays, geometry, 4)
    for key in expected:
        np.testing.assert_array_equal(found[key], expected[key])


@pytest.mark.parametrize("name", ["tiles reach beyond", "ResNet's first"])
def test_layout_and_type_of_results(name):
    arrays, geometry = case(name)
    arrays = [array.astype(np.float16) for array in arrays]
    exact = exact_results(arrays, geometry)
    found = results(arrays, geometry, 4)
    for key, result in found.items():
        assert result.dtype == np.float16
        error = np.linalg.norm(result - exact[key]) / np.linalg.norm(exact[key])
        assert error < 5e-4, key  # one rounding
        assert result.transpose(0, 2, 3, 1).flags.c_contiguous, key


def test_weight_grad_in_another_type():
    (x, _, _, grad), geometry = case("tiles fit")
    x, grad = x.astype(np.float16), grad.astype(np.float16)
    found = winograd.conv2d_weight_grad(grad, x, geometry, 4, np.dtype(np.float32))
    assert found.dtype == np.float32


def test_no_images():
    (x, weight, bias, grad), geometry = case("tiles fit")
    found = results((x[:0], weight, bias, grad[:0]), geometry, 4)
    assert found["out"].shape == (0, *grad.shape[1:])
    assert found["grad_x"].shape == (0, *x.shape[1:])
    np.testing.assert_array_equal(found["grad_weight"], np.zeros_like(weight))


def geometry_of(size=13, K=3, S=1, **changes):
    out_size = (size - K) // S + 1
    return replace(Geometry((size, size), (out_size, out_size), (K, K), (S, S)), **changes)


def possible(K=3, S=1, dtype=np.float32, **changes):
    geometry = geometry_of(31, K, S, **changes)
    return winograd.possible(np.dtype(dtype), (8, 4, *geometry.kernel_size), geometry)


def test_possible():
    assert possible()
    assert possible(K=2)
    assert possible(K=5)
    assert possible(K=11, S=4)
    assert possible(dtype=np.float16)
    assert possible(dtype=bfloat16)


@pytest.mark.parametrize(
    "changes",
    [
        {"K": 1},
        {"K": 6},
        {"K": 3, "S": 3},
        {"kernel_size": (3, 5)},
        {"stride": (1, 2)},
        {"dilation": (2, 2)},
        {"groups": 2},
        {"dtype": np.float64},
        {"dtype": np.int16},
        {"dtype": np.uint8},
    ],
    ids=str,
)
def test_not_possible(changes):
    assert not possible(**changes)


def least_cost(pass_, N, C, O, size, K=3, S=1):
    """The best tile size, and its cost over that of the direct sum."""
    geometry, weight_shape = geometry_of(size, K, S), (O, C, K, K)
    costs = {
        M: winograd.cost(pass_, N, weight_shape, geometry, M) for M in winograd.tiles(-(-K // S))
    }
    best = min(costs, key=costs.get)
    return best, costs[best] / (N * np.prod(geometry.output_size) * np.prod(weight_shape))


@pytest.mark.parametrize("pass_", ["forward", "input_grad", "weight_grad"])
def test_cost(pass_):
    assert least_cost(pass_, 4, 64, 64, size=226)[1] < 0.6
    assert least_cost(pass_, 32, 3, 96, size=227, K=11, S=4)[1] < 0.8
    assert least_cost(pass_, 32, 96, 256, size=31, K=5)[1] < 0.4
    assert least_cost(pass_, 1, 512, 512, size=9)[1] > 1  # filters would take longest
    assert least_cost(pass_, 32, 3, 8, size=34)[1] > 1  # and here the points of images


def test_cost_prefers_tiles_that_fit():
    assert least_cost("forward", 32, 256, 384, size=15)[0] == 5  # 13 * 13: 3 * 3 tiles
    assert least_cost("forward", 4, 512, 512, size=30)[0] == 4  # 28 * 28: 7 * 7 tiles
    assert least_cost("forward", 4, 64, 64, size=226)[0] == 6  # many tiles: the largest


@pytest.mark.parametrize("thread_count", [1, 2, 5])
def test_same_bits_in_every_run(blocks, thread_count):
    arrays, geometry = case("tiles reach beyond")
    exact, before = exact_results(arrays, geometry), threads.num_threads()
    threads.set_num_threads(thread_count)
    try:
        first, second = results(arrays, geometry, 4), results(arrays, geometry, 4)
    finally:
        threads.set_num_threads(before)
    for key in first:
        assert np.linalg.norm(first[key] - exact[key]) < 1e-5 * np.linalg.norm(exact[key]), key
        np.testing.assert_array_equal(first[key], second[key])
