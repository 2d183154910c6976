"""The matrix products of our own against NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

from minicnn.kernels.cuda.plain.matmul import matmul_naive, matmul_shared

# M, N, K: less than a tile of 32, exactly one, and several with a rest
SHAPES = [(1, 1, 1), (5, 7, 3), (32, 32, 32), (33, 65, 70), (3, 40, 129), (70, 2, 31)]
products = pytest.mark.parametrize("product", [matmul_naive, matmul_shared])


def random(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def exact(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a.astype(np.float64) @ b.astype(np.float64)


@products
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_product(cp: Any, assert_close: Any, dtype: Any, product: Any, shape: Any) -> None:
    M, N, K = shape
    a, b = random((M, K), dtype), random((K, N), dtype)
    out = product(cp.asarray(a), cp.asarray(b))
    assert out.dtype == (np.float64 if dtype == np.float64 else np.float32)  # not rounded yet
    assert_close(out, exact(a, b))


@products
def test_product_of_transposed_and_cut_operands(cp: Any, assert_close: Any, product: Any) -> None:
    a, b = random((40, 6), np.float32), random((9, 41), np.float32)
    out = product(cp.asarray(a).T, cp.asarray(b)[:, 1:].T)
    assert_close(out, exact(a.T, b[:, 1:].T))


@products
def test_what_lies_beyond_the_matrices_does_not_count(cp: Any, product: Any) -> None:
    """0 * inf would be NaN."""
    a, b = cp.full((3, 5), np.inf, np.float32), cp.ones((5, 4), np.float32)
    assert (cp.asnumpy(product(a, b)) == np.inf).all()


@products
def test_empty_product(cp: Any, product: Any) -> None:
    a, b = cp.zeros((0, 5), np.float32), cp.zeros((5, 4), np.float32)
    assert product(a, b).shape == (0, 4)
    assert not cp.asnumpy(product(b, cp.zeros((4, 0), np.float32))).size
    assert cp.asnumpy(product(a.T, a)).tolist() == [[0] * 5] * 5


@products
def test_operands_of_two_dtypes_are_refused(cp: Any, product: Any) -> None:
    with pytest.raises(TypeError, match="one dtype, got float16 and float32"):
        product(cp.ones((2, 2), np.float16), cp.ones((2, 2), np.float32))
