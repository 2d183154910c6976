"""The plain pooling on a GPU against torch, and against NumPy where torch has no such window."""

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
NAN, INF = float("nan"), float("inf")

CASES = {
    "AlexNet's": Geometry((7, 9), (3, 4), (3, 3), (2, 2)),
    "ResNet's": Geometry((7, 6), (4, 3), (3, 3), (2, 2), (1, 1)),
    "uneven padding": Geometry((5, 6), (5, 6), (4, 2), (1, 1), (1, 0)),
    "ceil_mode": Geometry((6, 7), (3, 4), (3, 2), (2, 2), (0, 0)),
    "stride beyond the kernel": Geometry((9, 8), (3, 3), (2, 2), (4, 3)),
    "dilation": Geometry((9, 12), (5, 4), (3, 2), (2, 3), (1, 1), (2, 3)),
    "windows wholly outside": Geometry((3, 4), (4, 3), (2, 2), (2, 3), (2, 2)),
    "256 positions": Geometry((17, 16), (3, 2), (16, 16), (8, 8), (8, 3)),
}
cases = pytest.mark.parametrize("name", CASES)


class Windows:
    """Where the taps of a geometry's windows lie in its input, for arrays (KH * KW, OH, OW)."""

    def __init__(self, geometry: Geometry) -> None:
        (KH, KW), (OH, OW) = geometry.kernel_size, geometry.output_size
        tap, oh, ow = np.ogrid[: KH * KW, :OH, :OW]
        (SH, SW), (PH, PW), (DH, DW) = geometry.stride, geometry.padding, geometry.dilation
        h = oh * SH - PH + tap // KW * DH
        w = ow * SW - PW + tap % KW * DW
        H, W = geometry.input_size
        self.inside = (h >= 0) & (h < H) & (w >= 0) & (w < W)
        self.pixels = np.clip(h, 0, H - 1), np.clip(w, 0, W - 1)

    def gather(self, x: np.ndarray, padding: float) -> np.ndarray:
        """(N, C, H, W) -> (N, C, KH * KW, OH, OW)."""
        return np.where(
            self.inside, x[(slice(None), slice(None), *self.pixels)].astype(np.float64), padding
        )

    def scatter(self, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """(N, C, KH * KW, OH, OW) -> (N, C, H, W): sums where windows overlap."""
        out = np.zeros(shape)
        np.add.at(out, (slice(None), slice(None), *self.pixels), np.where(self.inside, values, 0))
        return out


def small_integers(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> np.ndarray:
    """Few distinct numbers, so that maxima are tied; 16 bits hold them and their sums exactly."""
    return np.random.default_rng(seed).integers(-4, 0, shape).astype(dtype)


@cases
def test_max_pool(cp: Any, assert_close: Any, dtype: Any, name: str) -> None:
    geometry = CASES[name]
    windows = Windows(geometry)
    x = small_integers((2, 3, *geometry.input_size), dtype)  # negative: zeros as padding would win
    values = windows.gather(x, -INF)
    taps = values.argmax(axis=2)  # the first maximum
    positions = values.shape[2]
    taps[:, :, ~windows.inside.any(axis=0)] = positions
    out, argmax = plain.max_pool2d(cp.asarray(x), geometry)
    assert_close(out, values.max(axis=2), roundings=0)
    assert argmax.dtype == (np.int32 if positions == 256 else np.uint8)
    np.testing.assert_array_equal(cp.asnumpy(argmax), taps)
    alone, nothing = plain.max_pool2d(cp.asarray(x), geometry, with_argmax=False)
    assert_close(alone, values.max(axis=2), roundings=0)
    assert nothing is None

    chosen = taps[:, :, None] == np.arange(positions)[:, None, None]
    grad = small_integers(out.shape, dtype, seed=1)
    grad_x = plain.max_pool2d_scatter(cp.asarray(grad), argmax, geometry)
    assert_close(grad_x, windows.scatter(chosen * grad[:, :, None].astype(np.float64), x.shape))
    other = small_integers(x.shape, dtype, seed=2)
    gathered = plain.max_pool2d_gather(cp.asarray(other), argmax, geometry)
    assert_close(gathered, (chosen * windows.gather(other, 0)).sum(axis=2), roundings=0)


@cases
def test_avg_pool(cp: Any, assert_close: Any, dtype: Any, name: str) -> None:
    geometry = CASES[name]
    windows = Windows(geometry)
    x = small_integers((2, 3, *geometry.input_size), dtype)
    scale = 1 / np.maximum(windows.inside.sum(axis=0), 1)
    expected = windows.gather(x, 0).sum(axis=2) * scale
    assert_close(plain.avg_pool2d(cp.asarray(x), cp.asarray(scale), geometry), expected)

    grad = small_integers(expected.shape, dtype, seed=1)
    scaled = (grad.astype(np.float64) * scale)[:, :, None] * windows.inside
    grad_x = plain.avg_pool2d_scatter(cp.asarray(grad), cp.asarray(scale), geometry)
    assert_close(grad_x, windows.scatter(scaled, x.shape))


@pytest.mark.parametrize("padding", [0, 1])
def test_nan_and_infinities_as_in_torch(
    cp: Any, assert_close: Any, dtype: Any, padding: int
) -> None:
    values = np.array([NAN, INF, -INF, -INF, -INF, 1.0])
    x = np.random.default_rng(0).choice(values, (2, 24, 7, 9)).astype(dtype)
    expected, indices = F.max_pool2d(
        torch.tensor(x.astype(np.float64)), 3, 2, padding, return_indices=True
    )
    geometry = Geometry((7, 9), tuple(expected.shape[2:]), (3, 3), (2, 2), (padding, padding))
    out, argmax = plain.max_pool2d(cp.asarray(x), geometry)
    assert_close(out, expected, roundings=0)
    kh, kw = np.divmod(cp.asnumpy(argmax).astype(np.int64), 3)
    oh, ow = np.ogrid[: out.shape[2], : out.shape[3]]
    h, w = oh * 2 - padding + kh, ow * 2 - padding + kw
    np.testing.assert_array_equal(h * 9 + w, indices)


@pytest.mark.parametrize("corner", [0, 2])  # whose gradient is added first, or last
@pytest.mark.parametrize("half, large", [(minicnn.float16, 2048), (minicnn.bfloat16, 256)])
def test_gradients_of_half_precision_are_summed_in_float32(
    cp: Any, half: Any, large: int, corner: int
) -> None:
    geometry = Geometry((3, 3), (3, 3), (3, 3), padding=(1, 1))
    x = np.zeros((1, 1, 3, 3), half)
    x[0, 0, 1, 1] = 1  # the maximum of all nine windows
    grad = np.ones_like(x)
    grad[0, 0, corner, corner] = large  # large + 1 is large in 16 bits
    _, argmax = plain.max_pool2d(cp.asarray(x), geometry)
    for total in (
        plain.max_pool2d_scatter(cp.asarray(grad), argmax, geometry),
        plain.avg_pool2d_scatter(cp.asarray(grad), cp.ones((3, 3)), geometry),
    ):
        assert total.dtype == half
        assert float(cp.asnumpy(total)[0, 0, 1, 1]) == large + 8


@pytest.mark.parametrize("layout", ["channels-last", "unaligned"])
def test_any_memory_order(cp: Any, put: Any, assert_close: Any, layout: str) -> None:
    geometry = CASES["ResNet's"]
    x = small_integers((2, 5, *geometry.input_size), np.float32)
    scale = cp.ones(geometry.output_size)
    out, argmax = (cp.asnumpy(array) for array in plain.max_pool2d(cp.asarray(x), geometry))
    for function, *arguments in (
        (lambda *args: plain.max_pool2d(*args)[0], x, geometry),
        (plain.max_pool2d_scatter, out, argmax, geometry),
        (plain.max_pool2d_gather, x, argmax, geometry),
        (plain.avg_pool2d, x, scale, geometry),
        (plain.avg_pool2d_scatter, out, scale, geometry),
    ):
        results = [
            function(*(put(a, order) if isinstance(a, np.ndarray) else a for a in arguments))
            for order in (layout, "channels-first")
        ]
        assert_close(results[0], cp.asnumpy(results[1]), roundings=0)


def test_empty_batch(cp: Any) -> None:
    geometry = CASES["AlexNet's"]
    x, scale = cp.zeros((0, 5, *geometry.input_size)), cp.ones(geometry.output_size)
    out, argmax = plain.max_pool2d(x, geometry)
    assert out.shape == argmax.shape == (0, 5, *geometry.output_size)
    assert plain.max_pool2d_scatter(out, argmax, geometry).shape == x.shape
    assert plain.max_pool2d_gather(x, argmax, geometry).shape == out.shape
    assert plain.avg_pool2d(x, scale, geometry).shape == out.shape
    assert plain.avg_pool2d_scatter(out, scale, geometry).shape == x.shape
