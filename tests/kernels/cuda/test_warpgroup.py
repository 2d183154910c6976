"""Products by warpgroups, which Hopper alone has, against the plain kernels in float64.

A small tile, which no rule chooses, goes through shapes that fit it badly; each tile of the rule goes
through one. The emulated GPU pretends to be a Hopper here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import on_device
import pytest

pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")

import minicnn
from minicnn.kernels import Geometry, plain
from minicnn.kernels.cuda import conv
from minicnn.kernels.cuda.gemm import tiles

pytestmark = pytest.mark.cuda_only

FLOAT32 = np.dtype(np.float32)
DTYPES = {"bfloat16": minicnn.bfloat16, "float16": np.dtype(np.float16)}
# Differences by rounding the result to its dtype, as a share of the largest.
TOLERANCE = {"bfloat16": 8e-3, "float16": 1e-3, "float32": 4e-6}

SMALL = tiles.WarpgroupTile(64, 64, 64, 64, 3, 2)
TWO_WARPGROUPS = tiles.WarpgroupTile(64, 128, 64, 64, 3, 1)

# N, C, O, and the windows
CASES = {
    "3x3": (2, 16, 24, Geometry((9, 11), (9, 11), (3, 3), padding=(1, 1))),
    "1x1": (1, 40, 16, Geometry((5, 7), (5, 7), (1, 1))),
    "4 channels": (1, 4, 20, Geometry((6, 9), (3, 9), (3, 3), (2, 1), (1, 1))),
    "odd channels": (2, 5, 7, Geometry((6, 9), (6, 9), (3, 3), padding=(1, 1))),
    "several tiles": (2, 72, 80, Geometry((9, 8), (9, 8), (3, 3), padding=(1, 1))),
    "stride and dilation": (2, 8, 4, Geometry((15, 16), (5, 5), (4, 3), (2, 3), (2, 1), (3, 2))),
    "stride beyond the kernel": (2, 8, 8, Geometry((13, 14), (4, 4), (2, 1), (3, 4), (0, 1))),
    "groups": (2, 6, 12, Geometry((8, 7), (8, 8), (3, 2), padding=(1, 1), groups=3)),
}


@pytest.fixture(autouse=True)
def hopper(monkeypatch: pytest.MonkeyPatch, checked_memory: None) -> Iterator[None]:
    """A GPU that has wgmma, or one that pretends to."""
    with contextlib.suppress(ImportError):
        from cupy import emulation

        monkeypatch.setattr(emulation, "arch", "90")
    conv._gpu.cache_clear()
    if not conv.current_gpu().has_wgmma:
        pytest.skip("this GPU has no wgmma")
    yield
    conv._gpu.cache_clear()


@contextlib.contextmanager
def planned(tile: tiles.Tile, splits: int = 1) -> Iterator[None]:
    """Inside, all products take this tile, and so many splits."""
    with conv.planned_by(lambda problem, gpu: tiles.Plan(tile, splits)):
        yield


def random(*shape: int, dtype: Any) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def check(name: str, *arguments: Any, dtype: np.dtype[Any] | None = None) -> None:
    """Compares a kernel with the plain one in float64; ``dtype`` is that of a weight's gradient."""
    wanted = () if dtype is None else (dtype,)
    result = getattr(on_device, name)(*arguments, *wanted)
    exact = [a.astype(np.float64) if isinstance(a, np.ndarray) else a for a in arguments]
    expected = getattr(plain, name.removesuffix("_relu"))(*exact)
    if name.endswith("_relu"):
        expected = plain.relu(expected)
    assert result.shape == expected.shape
    assert result.dtype == (arguments[0].dtype if dtype is None else dtype)
    largest = np.abs(expected).max()
    difference = np.abs(result.astype(np.float64) - expected).max()
    assert difference <= TOLERANCE[result.dtype.name] * largest


def check_convolution(name: str, dtype: np.dtype[Any]) -> None:
    """All three products of a convolution."""
    N, C, O, geometry = CASES[name]
    weight = random(O, C // geometry.groups, *geometry.kernel_size, dtype=dtype)
    x = random(N, C, *geometry.input_size, dtype=dtype)
    grad = random(N, O, *geometry.output_size, dtype=dtype)
    check("conv2d_relu", x, weight, random(O, dtype=FLOAT32), geometry)
    check("conv2d_input_grad", grad, weight, geometry)
    check("conv2d_weight_grad", grad, x, geometry, dtype=FLOAT32)


def check_linear(M: int, N: int, K: int, dtype: np.dtype[Any]) -> None:
    x, weight, grad = (random(*s, dtype=dtype) for s in ((M, K), (N, K), (M, N)))
    check("linear", x, weight, random(N, dtype=FLOAT32))
    check("linear_input_grad", grad, weight)
    check("linear_weight_grad", grad, x, dtype=FLOAT32)


@pytest.mark.parametrize("name", CASES)
def test_convolution(name: str) -> None:
    with planned(SMALL):
        check_convolution(name, minicnn.bfloat16)


@pytest.mark.parametrize("name", ["several tiles", "odd channels"])
def test_float16(name: str) -> None:
    with planned(SMALL):
        check_convolution(name, DTYPES["float16"])


@pytest.mark.parametrize("name", ["several tiles", "stride beyond the kernel"])
def test_splits_of_the_depth(name: str) -> None:
    with planned(SMALL, splits=3):
        check_convolution(name, minicnn.bfloat16)


def test_two_warpgroups() -> None:
    with planned(TWO_WARPGROUPS):
        check_convolution("several tiles", minicnn.bfloat16)


@pytest.mark.parametrize("M, N, K", [(1, 5, 7), (70, 66, 136)])
def test_linear(M: int, N: int, K: int) -> None:
    with planned(SMALL):
        check_linear(M, N, K, minicnn.bfloat16)


@pytest.mark.parametrize("splits", [1, 2])  # for two, the ReLU has a kernel of its own
def test_input_gradient_through_a_relu(splits: int) -> None:
    N, C, O, geometry = CASES["several tiles"]
    x = plain.relu(random(N, C, *geometry.input_size, dtype=minicnn.bfloat16))
    weight = random(O, C, *geometry.kernel_size, dtype=minicnn.bfloat16)
    grad = random(N, O, *geometry.output_size, dtype=minicnn.bfloat16)
    with planned(SMALL, splits):
        out, sums = on_device.conv2d_input_grad_relu(grad, weight, x, geometry, FLOAT32)
        expected = on_device.conv2d_input_grad(grad, weight, geometry)
    expected[x <= 0] = 0
    np.testing.assert_array_equal(out, expected)
    exact = expected.astype(np.float64).sum((0, 2, 3))
    np.testing.assert_allclose(sums, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize("splits", [1, 2])
def test_without_bias_and_relu(splits: int) -> None:
    N, C, O, geometry = CASES["3x3"]
    x = random(N, C, *geometry.input_size, dtype=minicnn.bfloat16)
    weight = random(O, C, *geometry.kernel_size, dtype=minicnn.bfloat16)
    with planned(SMALL, splits):
        check("conv2d", x, weight, None, geometry)
        check("conv2d", x, weight, random(O, dtype=minicnn.bfloat16), geometry)


def test_nan_goes_through_relu() -> None:
    N, C, O, geometry = CASES["3x3"]
    x = random(N, C, *geometry.input_size, dtype=minicnn.bfloat16)
    x[0, 0, 0, 0] = np.nan
    weight = random(O, C, *geometry.kernel_size, dtype=minicnn.bfloat16)
    with planned(SMALL):
        out = on_device.conv2d_relu(x, weight, None, geometry)
    assert np.isnan(out[0, :, 0, 0]).all()
    assert not np.isnan(out[1]).any()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(tiles.WARPGROUP_TILES["bfloat16"])))
def test_every_tile(number: int) -> None:
    type_ = list(DTYPES)[number % 2]
    with planned(tiles.WARPGROUP_TILES[type_][number]):
        check_convolution("several tiles", DTYPES[type_])


def test_the_rule_chooses_them() -> None:
    launched: list[tiles.Tile] = []

    def choose(problem: tiles.Problem, gpu: tiles.Gpu) -> tiles.Plan:
        large = tiles.Problem(problem.kind, problem.type, 1 << 20, 256, 2304, 1, 2)
        launched.append(tiles.choose(large, gpu).tile)
        return tiles.Plan(SMALL, 1)

    with conv.planned_by(choose):
        check_convolution("3x3", minicnn.bfloat16)
    assert [tile.instruction for tile in launched] == ["wgmma"] * 3
