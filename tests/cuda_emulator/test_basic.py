"""Small kernels, each against NumPy, in several orders of execution."""

import numpy as np
import pytest

from cuda_emulator.support import MODES, load

pytestmark = [MODES, pytest.mark.parametrize("seed", [0, 1, 2, 3])]


@pytest.fixture(scope="module")
def module():
    return load("basic.cu", "transpose<float,32>")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_axpy(module, rng, seed, checked):
    x = rng.standard_normal(1000).astype(np.float32)
    y = x.copy()
    module.get("axpy")(
        (4,), (256,), (y, x, np.float32(2), np.int32(1000)), seed=seed, checked=checked
    )
    np.testing.assert_allclose(y, 3 * x, rtol=1e-6)


def test_row_softmax(module, rng, seed, checked):
    rows, cols = 5, 300
    x = rng.standard_normal((rows, cols)).astype(np.float32)
    y = np.empty_like(x)
    module.get("row_softmax")(
        (rows,),
        (128,),
        (x, y, np.int32(rows), np.int32(cols)),
        shared_memory=cols * 4,
        seed=seed,
        checked=checked,
    )
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_transpose(module, rng, seed, checked):
    a = rng.standard_normal((70, 45)).astype(np.float32)
    b = np.empty((45, 70), np.float32)
    module.get("transpose<float,32>")(
        (2, 3), (32, 32), (a, b, np.int32(70), np.int32(45)), seed=seed, checked=checked
    )
    np.testing.assert_array_equal(b, a.T)


def test_histogram(module, rng, seed, checked):
    x = rng.integers(0, 7, 5000).astype(np.int32)
    bins = np.zeros(7, np.float32)
    votes = np.zeros(1, np.int32)
    module.get("histogram")(
        (3,), (64,), (x, bins, np.int32(5000), votes), seed=seed, checked=checked
    )
    np.testing.assert_array_equal(bins, np.bincount(x))
    assert votes[0] == 3 * 11


def test_vector4(module, rng, seed, checked):
    a = rng.random((100, 4)).astype(np.float32) + np.float32(0.1)
    b = np.empty_like(a)
    half = np.empty(100, np.float16)
    module.get("vector4")((1,), (128,), (a, b, half, np.int32(100)), seed=seed, checked=checked)
    expected = np.stack([1 / np.sqrt(a[:, 0]), 2 * a[:, 1], a[:, 2] * a[:, 3] + 1, a[:, 3]], axis=1)
    np.testing.assert_allclose(b, expected, rtol=1e-6)
    np.testing.assert_array_equal(half, b[:, 1].astype(np.float16))


@pytest.mark.parametrize("positive", [0, 1, 50, 96])
def test_count_positive(module, seed, checked, positive):
    x = np.where(np.arange(96) < positive, 1, -1).astype(np.float32)
    result = np.empty(3, np.int32)
    module.get("count_positive")((1,), (96,), (x, result), seed=seed, checked=checked)
    assert result[0] == positive
    assert bool(result[1]) == (positive > 0)
    assert bool(result[2]) == (positive == 96)
