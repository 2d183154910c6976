"""The convolution kernel: shapes, tiles and number formats."""

import numpy as np
import pytest

import cuda_emulator
from cuda_emulator.support import (
    BF16,
    F16,
    INCLUDE,
    TILES,
    conv_reference,
    from_bits,
    load,
    read,
    run_conv,
    to_bits,
)

# N, H, W, C, K, R, S, stride, padding, relu
CASES = [
    (2, 9, 9, 8, 16, 3, 3, 1, 1, True),
    (1, 13, 11, 24, 40, 3, 3, 2, 1, True),
    (2, 7, 7, 64, 96, 1, 1, 1, 0, False),
    (1, 15, 15, 16, 33, 5, 5, 2, 2, True),  # odd K: rows are misaligned
    (3, 8, 8, 32, 64, 3, 3, 1, 1, False),
    (1, 23, 23, 8, 24, 11, 11, 4, 2, True),
]
TOLERANCE = {BF16: 0.03, F16: 0.004}  # rounding of the output


def module():
    return load("conv_fwd.cu", *(tile.expression(kind) for tile in TILES for kind in (BF16, F16)))


@pytest.mark.parametrize("kind", [BF16, F16], ids=["bf16", "f16"])
@pytest.mark.parametrize("tile", TILES, ids=["64x64", "128x128", "64x32"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_against_double_precision(case, tile, kind):
    n, h, w, c, k, r, s, stride, padding, relu = case
    rng = np.random.default_rng(1)
    x = to_bits(rng.standard_normal((n, h, w, c)), kind)
    weight = to_bits(rng.standard_normal((k, r, s, c)) / np.sqrt(r * s * c), kind)
    bias = rng.standard_normal(k).astype(np.float32)
    expected = conv_reference(
        from_bits(x, kind), from_bits(weight, kind), bias, stride, padding, relu
    )
    kernel = module().get(tile.expression(kind))
    for launch in ({"seed": 0}, {"seed": 1}, {"seed": 2}, {"seed": 1, "checked": True}):
        y, _ = run_conv(kernel, tile, x, weight, bias, stride, padding, relu, **launch)
        error = np.abs(from_bits(y, kind) - expected).max()
        assert error < TOLERANCE[kind], launch


def bank_conflicts(source):
    rng = np.random.default_rng(0)
    tile = TILES[0]
    expression = tile.expression(BF16)
    conv = cuda_emulator.Module(source, INCLUDE, [expression])
    x = to_bits(rng.standard_normal((1, 8, 8, 32)), BF16)
    w = to_bits(rng.standard_normal((64, 3, 3, 32)), BF16)
    _, statistics = run_conv(
        conv.get(expression), tile, x, w, np.zeros(64, np.float32), 1, 1, False
    )
    assert statistics.ldmatrix_phases == 1152
    return statistics.ldmatrix_replays


def test_ldmatrix_has_no_bank_conflicts():
    assert bank_conflicts(read("conv_fwd.cu")) == 0


def test_bank_conflicts_are_counted():
    unpadded = read("conv_fwd.cu").replace("BLOCK_K + 8", "BLOCK_K")
    assert bank_conflicts(unpadded) == 3456
