"""What the benchmarks of plain CUDA kernels call runs, and plain and fast agree."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")

import minicnn as mc

pytestmark = pytest.mark.cuda_only

TOLERANCE = 2e-2  # as a share of the largest value: of bfloat16


def assert_agree(ours: Any, theirs: Any) -> None:
    ours, theirs = (np.asarray(array.get(), np.float64) for array in (ours, theirs))
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= TOLERANCE * np.abs(theirs).max()


@pytest.mark.parametrize(
    ("precision", "names"),
    [
        ("float32", ["naive", "shared memory", "linear layer"]),
        ("tf32", ["tensor cores"]),
        ("bf16", ["naive", "shared memory", "tensor cores"]),
    ],
)
def test_the_rungs_of_the_ladder(precision: str, names: list[str]) -> None:
    gpu_matmul = importlib.import_module("gpu_matmul")
    dtype = getattr(mc, gpu_matmul.DTYPES[precision])
    a, b = (mc.randn(24, 24).array.astype(dtype) for _ in range(2))
    runs = gpu_matmul.own_rungs(a, b, precision)
    assert list(runs) == names
    product = a.astype(np.float32) @ b.astype(np.float32)
    for run in runs.values():
        assert_agree(run(), product)


@pytest.mark.parametrize("precision", ["bf16", "tf32"])
def test_plain_and_fast_kernels_of_a_layer(precision: str) -> None:
    gpu_plain, layers = importlib.import_module("gpu_plain"), importlib.import_module("layers")
    convolution = layers.Layer(
        "conv", (2, 3, 7, 6), (2, 8, 7, 6), (8, 3, 3, 3), (3, 3), (1, 1), (1, 1)
    )
    pool = layers.Layer("pool", (2, 8, 7, 5), (2, 8, 3, 2), (), (3, 3), (2, 2))
    cases = list(gpu_plain.cases([convolution, pool], precision))
    names = ["forward", "input gradient", "weight gradient", "forward", "gradient"]
    assert [name for _, name, _ in cases] == names
    for layer, name, runs in cases:
        plain, fast = runs["plain"](), runs["fast"]()
        if (layer, name) == (pool, "forward"):
            (plain, taps), (fast, fast_taps) = plain, fast
            assert_agree(taps, fast_taps)
        assert_agree(plain, fast)
