"""The matrix fragments of inline PTX, one warp and one tile at a time."""

import numpy as np
import pytest

from cuda_emulator import build
from cuda_emulator.support import BF16, F16, MODES, from_bits, load, to_bits


def random_matrices(*shapes):
    rng = np.random.default_rng(1)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


@MODES
@pytest.mark.parametrize("kind", [BF16, F16], ids=["bf16", "f16"])
def test_16_bits_with_transposing_ldmatrix(kind, checked):
    a, b = (to_bits(matrix, kind) for matrix in random_matrices((16, 16), (16, 16)))
    d = np.empty((16, 16), np.float32)
    module = load("gemm_small.cu", "mma_trans<0>", "mma_trans<1>")
    module.get(f"mma_trans<{kind}>")((1,), (32,), (a, b, d), checked=checked)
    np.testing.assert_allclose(d, from_bits(a, kind) @ from_bits(b, kind), rtol=1e-5, atol=1e-5)


def test_sums_are_rounded_or_cut_off():
    a, b = np.zeros((2, 16, 16), np.float32)
    a[0, 0] = b[0, 0] = 1
    a[0, 1:], b[1:, 0] = 2**-12, 1.5 * 2**-12  # each product is 3/4 of the last bit of 1
    a, b = to_bits(a, BF16), to_bits(b, BF16)
    kernel = load("gemm_small.cu", "mma_trans<0>", "mma_trans<1>").get(f"mma_trans<{BF16}>")
    d = np.empty((16, 16), np.float32)
    kernel((1,), (32,), (a, b, d))
    assert d[0, 0] == 1 + 15 * 2**-23
    build.load_runtime().emu_truncate_mma(True)
    try:
        kernel((1,), (32,), (a, b, d))
    finally:
        build.load_runtime().emu_truncate_mma(False)
    assert d[0, 0] == 1


@MODES
def test_tf32(checked):
    a, b = random_matrices((16, 8), (8, 8))
    d = np.empty((16, 8), np.float32)
    load("gemm_small.cu").get("mma_tf32")((1,), (32,), (a, b, d), checked=checked)
    np.testing.assert_allclose(d, a @ b, rtol=2e-3, atol=4e-3)


def test_tf32_is_not_float32():
    """If no bits were lost, the test above would prove little."""
    a = np.zeros((16, 8), np.float32)
    b = np.zeros((8, 8), np.float32)
    a[0, 0] = 1 + 2**-12
    b[0, 0] = 1
    d = np.empty((16, 8), np.float32)
    load("gemm_small.cu").get("mma_tf32")((1,), (32,), (a, b, d))
    assert d[0, 0] == 1


def test_tf32_keeps_nan():
    a, b = random_matrices((16, 8), (8, 8))
    a.view(np.uint32)[3, 3] = 0xFFFFFFFF  # poison
    d = np.empty((16, 8), np.float32)
    load("gemm_small.cu").get("mma_tf32")((1,), (32,), (a, b, d))
    assert np.isnan(d[3]).all()
    assert not np.isnan(np.delete(d, 3, axis=0)).any()
