"""Convolution and linear layers on a GPU against torch in float64: shapes, types, splits, tiles."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")
torch = pytest.importorskip("torch")

import minicnn
from minicnn.kernels import Geometry, cuda, tf32
from minicnn.kernels.cuda import conv
from minicnn.kernels.cuda.gemm import tiles

F = torch.nn.functional

# The error of sums in float32, as a share of the largest. Where mma cuts sums off instead of rounding
# them, as tensor cores do, 1.3e-6 is the most (test_tolerances_where_mma_cuts_off).
SUMS_IN_FLOAT32 = 2e-6
# The types of products: dtype, whether TF32 is allowed, and the error of a result as a share of the
# largest one, from rounding the result, and for TF32 also the operands.
TYPES = {
    "float16": (minicnn.float16, False, 1e-3),
    "bfloat16": (minicnn.bfloat16, False, 8e-3),
    "tfloat32": (minicnn.float32, True, 1e-3),
    "float": (minicnn.float32, False, SUMS_IN_FLOAT32),
}
# N, C, O, input_size, kernel_size, stride, padding, dilation, groups
CASES = {
    "3x3": (2, 16, 24, (9, 11), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    "1x1": (1, 40, 16, (5, 7), (1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1x1 with stride": (3, 8, 12, (5, 8), (1, 1), (2, 3), (0, 0), (1, 1), 1),
    "AlexNet's first": (1, 3, 8, (31, 27), (11, 11), (4, 4), (2, 2), (1, 1), 1),
    "ResNet's first": (1, 3, 8, (20, 17), (7, 7), (2, 2), (3, 3), (1, 1), 1),
    "odd channels": (2, 5, 7, (6, 9), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    "4 channels": (2, 4, 20, (6, 9), (3, 3), (2, 1), (1, 1), (1, 1), 1),
    "more than a tile": (3, 16, 72, (9, 8), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    "stride and dilation": (2, 8, 4, (15, 16), (4, 3), (2, 3), (2, 1), (3, 2), 1),
    "stride and dilation share a factor": (1, 8, 8, (16, 13), (3, 2), (4, 2), (1, 0), (2, 2), 1),
    "stride beyond the kernel": (2, 8, 8, (13, 14), (2, 1), (3, 4), (0, 1), (1, 1), 1),
    "groups": (2, 16, 24, (8, 7), (3, 3), (2, 2), (1, 1), (1, 1), 2),
    "groups of odd channels": (2, 6, 9, (8, 7), (3, 2), (1, 1), (0, 1), (1, 1), 3),
    "depthwise": (2, 6, 6, (8, 7), (3, 3), (1, 1), (1, 1), (1, 1), 6),
    "depthwise, whole vectors": (3, 16, 16, (9, 8), (3, 3), (2, 2), (1, 1), (1, 1), 16),
    "depthwise with multiplier": (2, 5, 15, (7, 9), (3, 2), (1, 2), (2, 1), (2, 3), 5),
    "depthwise, stride beyond": (2, 8, 8, (13, 14), (2, 1), (3, 4), (0, 1), (1, 1), 8),
    "padding beyond the kernel": (1, 8, 8, (4, 5), (2, 3), (1, 1), (3, 4), (1, 1), 1),
    "one output": (4, 8, 8, (4, 5), (4, 5), (1, 1), (0, 0), (1, 1), 1),
}

# Gradients with more than 64 columns, which readers of 96 copy in three passes.
WIDE_CASES = {
    "vectors of 4": (1, 100, 100, (3, 5), (1, 1), (1, 1), (0, 0), (1, 1), 1),
    "vectors of 8": (1, 104, 96, (3, 5), (1, 1), (1, 1), (0, 0), (1, 1), 1),
}

types = pytest.mark.parametrize("type_", TYPES)


@pytest.fixture
def allow_tf32(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the switches as the type asks."""

    def allow(type_: str) -> None:
        for layer in ("conv", "linear"):
            monkeypatch.setitem(tf32.allow_tf32, layer, TYPES[type_][1])

    return allow


@pytest.fixture
def to_gpu(cp: Any, put: Callable[..., Any]) -> Callable[..., Any]:
    """Copies an array to the GPU, images channels-last."""

    def to_gpu(array: np.ndarray, layout: str = "channels-last") -> Any:
        return put(array, layout) if array.ndim == 4 else cp.asarray(array)

    return to_gpu


@contextlib.contextmanager
def planned(tile: int | None = None, splits: int | None = None) -> Iterator[None]:
    """Inside, all products take one tile, or one number of splits."""

    def choose(problem: tiles.Problem, gpu: tiles.Gpu) -> tiles.Plan:
        chosen = tiles.choose(problem, gpu)
        return tiles.Plan(
            chosen.tile if tile is None else tiles.TILES[problem.type][tile],
            chosen.splits if splits is None else splits,
        )

    with conv.planned_by(choose):
        yield


def random(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


class Convolution:
    """A convolution's arguments on the GPU, and what torch makes of them in float64."""

    def __init__(self, to_gpu: Callable[..., Any], name: str, dtype: Any, bias_dtype: Any = None):
        N, C, O, size, kernel_size, stride, padding, dilation, groups = (CASES | WIDE_CASES)[name]
        x = random((N, C, *size), dtype)
        weight = random((O, C // groups, *kernel_size), dtype)
        bias = random((O,), dtype if bias_dtype is None else bias_dtype)
        torch_x, torch_weight = (
            torch.tensor(a.astype(np.float64), requires_grad=True) for a in (x, weight)
        )
        torch_bias = torch.tensor(bias.astype(np.float64))
        self.out = F.conv2d(torch_x, torch_weight, torch_bias, stride, padding, dilation, groups)
        grad = random(tuple(self.out.shape), dtype)
        self.out.backward(torch.tensor(grad.astype(np.float64)))
        self.grad_x, self.grad_weight = torch_x.grad, torch_weight.grad
        self.geometry = Geometry(
            size, tuple(self.out.shape[2:]), kernel_size, stride, padding, dilation, groups
        )
        self.arguments = to_gpu(x), to_gpu(weight), to_gpu(bias), to_gpu(grad)

    def check(self, close: Callable[..., None], tolerance: float) -> None:
        """Compares all three products; that for the weight comes out in float32."""
        x, weight, bias, grad = self.arguments
        out = cuda.conv2d_relu(x, weight, bias, self.geometry)
        close(out, F.relu(self.out.detach()), tolerance)
        close(cuda.conv2d_input_grad(grad, weight, self.geometry), self.grad_x, tolerance)
        dtype = np.dtype(np.float32)
        grad_weight = cuda.conv2d_weight_grad(grad, x, self.geometry, dtype)
        assert grad_weight.dtype == dtype
        if x.dtype.itemsize == 2 and not conv.uses_cublas(x.dtype):  # products exact in float32
            tolerance = SUMS_IN_FLOAT32
        close(grad_weight, self.grad_weight, max(tolerance, 1e-7))


@pytest.fixture
def close(cp: Any) -> Callable[..., None]:
    def close(result: Any, expected: Any, tolerance: float) -> None:
        expected = np.asarray(expected)
        assert result.shape == expected.shape
        if result.ndim == 4:
            assert result.transpose(0, 2, 3, 1).flags.c_contiguous
        difference = np.abs(cp.asnumpy(result).astype(np.float64) - expected).max()
        assert difference <= tolerance * np.abs(expected).max()

    return close


@types
@pytest.mark.parametrize("name", CASES)
def test_convolution(to_gpu: Any, close: Any, allow_tf32: Any, name: str, type_: str) -> None:
    dtype, _, tolerance = TYPES[type_]
    allow_tf32(type_)
    Convolution(to_gpu, name, dtype).check(close, tolerance)


@pytest.fixture
def mma_cuts_off() -> Iterator[None]:
    from cuda_emulator import build

    runtime = build.load_runtime()
    runtime.emu_truncate_mma(True)
    yield
    runtime.emu_truncate_mma(False)


@pytest.mark.emulated_only
@pytest.mark.usefixtures("mma_cuts_off")
@pytest.mark.parametrize("type_", ["float16", "bfloat16", "tfloat32"])
@pytest.mark.parametrize("name", ["depthwise", "more than a tile", "one output"])
def test_tolerances_where_mma_cuts_off(
    to_gpu: Any, close: Any, allow_tf32: Any, name: str, type_: str
) -> None:
    dtype, _, tolerance = TYPES[type_]
    allow_tf32(type_)
    Convolution(to_gpu, name, dtype).check(close, tolerance)


@types
@pytest.mark.parametrize("name", ["more than a tile", "odd channels", "stride and dilation"])
def test_splits_of_the_depth(
    to_gpu: Any, close: Any, allow_tf32: Any, name: str, type_: str
) -> None:
    dtype, _, tolerance = TYPES[type_]
    allow_tf32(type_)
    with planned(splits=3):
        Convolution(to_gpu, name, dtype).check(close, tolerance)


@types
@pytest.mark.parametrize("tile", range(8))
def test_every_tile(to_gpu: Any, close: Any, allow_tf32: Any, tile: int, type_: str) -> None:
    dtype, _, tolerance = TYPES[type_]
    if tile >= len(tiles.TILES[type_]):
        pytest.skip("no such tile")
    allow_tf32(type_)
    with planned(tile=tile):
        Convolution(to_gpu, "more than a tile", dtype).check(close, tolerance)


@pytest.mark.parametrize(
    "tile, name",
    [("128x96", "vectors of 4"), ("128x96", "vectors of 8"), ("96x128", "vectors of 8")],
)
def test_tiles_of_96_columns_or_rows(to_gpu: Any, close: Any, tile: str, name: str) -> None:
    (number,) = (i for i, each in enumerate(tiles.TILES["bfloat16"]) if each.name == tile)
    with planned(tile=number):
        Convolution(to_gpu, name, minicnn.bfloat16).check(close, TYPES["bfloat16"][2])


@pytest.mark.parametrize("splits", [1, 2])
def test_bias_in_float32_beside_16_bits(to_gpu: Any, close: Any, splits: int) -> None:
    with planned(splits=splits):
        case = Convolution(to_gpu, "3x3", minicnn.bfloat16, bias_dtype=minicnn.float32)
        case.check(close, 8e-3)


def test_without_bias_and_relu(to_gpu: Any, close: Any) -> None:
    case = Convolution(to_gpu, "3x3", minicnn.float16)
    x, weight, bias, _ = case.arguments
    without_bias = case.out.detach() - torch.tensor(bias.get().astype(np.float64))[:, None, None]
    close(cuda.conv2d(x, weight, None, case.geometry), without_bias, 1e-3)
    close(cuda.conv2d(x, weight, bias, case.geometry), case.out.detach(), 1e-3)


@pytest.mark.parametrize("splits", [1, 2])
def test_relu_keeps_nan(cp: Any, to_gpu: Any, splits: int) -> None:
    with planned(splits=splits):
        case = Convolution(to_gpu, "3x3", minicnn.bfloat16)
        x, weight, bias, _ = case.arguments
        x[0, 0, 0, 0] = np.nan
        out = cp.asnumpy(cuda.conv2d_relu(x, weight, bias, case.geometry)).astype(np.float32)
        assert np.isnan(out[0, :, 0, 0]).all()
        assert not np.isnan(out[1]).any()


@pytest.mark.parametrize("layout", ["channels-first", "unaligned"])
@pytest.mark.parametrize("name", ["3x3", "4 channels"])
def test_memory_layouts(to_gpu: Any, close: Any, name: str, layout: str) -> None:
    Convolution(functools.partial(to_gpu, layout=layout), name, minicnn.bfloat16).check(close, 8e-3)


def test_gradient_of_the_weight_defaults_to_the_dtype_of_x(to_gpu: Any, close: Any) -> None:
    case = Convolution(to_gpu, "3x3", minicnn.float16)
    x, _, _, grad = case.arguments
    result = cuda.conv2d_weight_grad(grad, x, case.geometry)
    assert result.dtype == minicnn.float16
    close(result, case.grad_weight, 1e-3)


def test_empty_batch(cp: Any) -> None:
    geometry = Geometry((4, 5), (4, 5), (3, 3), padding=(1, 1))
    x = cp.zeros((0, 8, 4, 5), np.float32)
    weight = cp.ones((6, 8, 3, 3), np.float32)
    grad = cuda.conv2d(x, weight, None, geometry)
    assert grad.shape == (0, 6, 4, 5)
    assert cuda.conv2d_input_grad(grad, weight, geometry).shape == x.shape
    assert not cp.asnumpy(cuda.conv2d_weight_grad(grad, x, geometry)).any()
    assert cuda.linear(cp.zeros((0, 3), np.float32), cp.ones((2, 3), np.float32), None).shape == (
        0,
        2,
    )


def test_same_bits_in_every_run(cp: Any, to_gpu: Any) -> None:
    with planned(splits=3):
        case = Convolution(to_gpu, "more than a tile", minicnn.float32)
        x, _, _, grad = case.arguments
        first = cp.asnumpy(cuda.conv2d_weight_grad(grad, x, case.geometry))
        again = cp.asnumpy(cuda.conv2d_weight_grad(grad, x, case.geometry))
        np.testing.assert_array_equal(first, again)


def test_operands_of_two_dtypes_are_refused(to_gpu: Any) -> None:
    case = Convolution(to_gpu, "3x3", minicnn.bfloat16)
    x, weight, *_ = case.arguments
    with pytest.raises(TypeError, match="one dtype, got bfloat16 and float32"):
        cuda.conv2d(x, weight.astype(np.float32), None, case.geometry)
    with pytest.raises(TypeError, match="conv on CUDA takes float16, bfloat16, .*, got int64"):
        cuda.conv2d(x.astype(np.int64), weight.astype(np.int64), None, case.geometry)


# ---- linear ----


@types
@pytest.mark.parametrize("splits", [None, 2])
@pytest.mark.parametrize("M, N, K", [(3, 10, 40), (70, 66, 100), (1, 5, 7)])
def test_linear(
    to_gpu: Any,
    close: Any,
    allow_tf32: Any,
    M: int,
    N: int,
    K: int,
    splits: int | None,
    type_: str,
) -> None:
    dtype, _, tolerance = TYPES[type_]
    allow_tf32(type_)
    with planned(splits=splits):
        x, weight, bias, grad = (random(s, dtype) for s in ((M, K), (N, K), (N,), (M, N)))
        x64, weight64, bias64, grad64 = (a.astype(np.float64) for a in (x, weight, bias, grad))
        x, weight, bias, grad = (to_gpu(a) for a in (x, weight, bias, grad))
        out = x64 @ weight64.T + bias64
        close(cuda.linear(x, weight, bias), out, tolerance)
        close(cuda.linear_relu(x, weight, bias), np.maximum(out, 0), tolerance)
        close(cuda.linear(x, weight, None), out - bias64, tolerance)
        close(cuda.linear_input_grad(grad, weight), grad64 @ weight64, tolerance)
        close(cuda.linear_weight_grad(grad, x), grad64.T @ x64, tolerance)
        close(cuda.linear_weight_grad(grad, x, np.dtype(np.float32)), grad64.T @ x64, tolerance)


def test_switches_of_tf32_are_separate(
    to_gpu: Any, close: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tf32.allow_tf32, "linear", True)
    case = Convolution(to_gpu, "3x3", minicnn.float32)
    case.check(close, TYPES["float"][2])
    monkeypatch.setitem(tf32.allow_tf32, "conv", True)
    with pytest.raises(AssertionError):
        case.check(close, TYPES["float"][2])


# ---- im2col and cuBLAS ----


@pytest.mark.parametrize(
    "dtype, tolerance",
    [(minicnn.float64, 1e-13), (minicnn.float32, 2e-6), (minicnn.bfloat16, 8e-3)],
    ids=str,
)
@pytest.mark.parametrize("name", ["3x3", "groups", "stride and dilation"])
def test_convolution_by_im2col(
    to_gpu: Any,
    close: Any,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    dtype: Any,
    tolerance: float,
) -> None:
    monkeypatch.setenv("MINICNN_CUDA_CONV", "im2col")
    monkeypatch.setattr(conv, "_multiply", None)
    Convolution(to_gpu, name, dtype).check(close, tolerance)


def test_float64_uses_cublas(to_gpu: Any, close: Any) -> None:
    Convolution(to_gpu, "3x3", minicnn.float64).check(close, 1e-7)
    x, weight = random((4, 6), np.float64), random((5, 6), np.float64)
    close(cuda.linear(to_gpu(x), to_gpu(weight), None), x @ weight.T, 1e-13)


def test_too_many_pixels_are_refused() -> None:
    x = np.broadcast_to(np.float16(0), (1 << 31, 1, 1, 4))
    problem = tiles.Problem("forward", "float16", 1 << 31, 4, 4, 1, 2)
    with pytest.raises(ValueError, match=r"less than 2\*\*31 rows, .*, got 2147483648"):
        conv._check_sizes(problem, (x, x))
