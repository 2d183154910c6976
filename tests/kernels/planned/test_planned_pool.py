"""Pooling, linear and elementwise steps against the plain kernels."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels import Geometry, plain
from minicnn.kernels.cpu import planned
from minicnn.kernels.cpu.planned import elementwise, pool

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]

# N, (H, W), C, kernel size, stride, padding, output size
POOLS = {
    "3x3/2": (2, (15, 13), 7, 3, 2, 0, (7, 6)),
    "3x3/2, beyond the input": (1, (14, 12), 8, 3, 2, 0, (7, 6)),
    "3x3/2 with padding": (3, (7, 8), 4, 3, 2, 1, (4, 4)),
    "3x3/1 with padding": (2, (9, 8), 9, 3, 1, 1, (9, 8)),
    "2x2/2": (1, (14, 15), 8, 2, 2, 0, (7, 7)),
    "5x5/1 with padding": (1, (5, 4), 3, 5, 1, 2, (5, 4)),
    "1x1/2": (2, (9, 9), 3, 1, 2, 0, (5, 5)),
    "a window outside": (1, (4, 4), 3, 2, 3, 0, (3, 3)),
}


@pytest.fixture(params=["one block", "many blocks"], autouse=True)
def blocks(request, monkeypatch):
    if request.param == "many blocks":
        monkeypatch.setattr(pool, "_BAND_VALUES", 50)
        monkeypatch.setattr(elementwise, "_BLOCK_VALUES", 50)


def nchw(images):
    return images.transpose(0, 3, 1, 2)


def images(*shape, seed=0):
    """Random images (n, H, W, C) that are a slice of the channels of wider ones."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*shape[:3], shape[3] + 3), dtype=np.float32)[..., 1 : 1 + shape[3]]


def pooling(name):
    N, size, C, K, S, P, output_size = POOLS[name]
    geometry = Geometry(size, output_size, (K, K), (S, S), (P, P))
    return images(N, *size, C), geometry, images(N, *output_size, C)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", POOLS)
def test_max_pool2d(name, threads):
    x, geometry, out = pooling(name)
    x[0, 2, 3, 1] = np.nan
    exact, _ = plain.max_pool2d(nchw(x), geometry, False)
    planned.max_pool2d(x, geometry, out, threads=threads)()
    np.testing.assert_array_equal(nchw(out), exact)
    planned.max_pool2d(x, geometry, out, limits=(0, np.inf), threads=threads)()
    np.testing.assert_array_equal(nchw(out), np.maximum(exact, 0))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", POOLS)
def test_avg_pool2d(name, threads):
    x, geometry, out = pooling(name)
    scale = np.random.default_rng(1).random(geometry.output_size, dtype=np.float32)
    planned.avg_pool2d(x, scale, geometry, out, threads)()
    np.testing.assert_allclose(nchw(out), plain.avg_pool2d(nchw(x), scale, geometry), atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [1, 4, 5, 30])
@pytest.mark.parametrize("beta", [0.5, 0.75, 0.6])
def test_local_response_norm(beta, size, threads):
    x, out = images(2, 5, 6, 11), images(2, 5, 6, 11)
    planned.local_response_norm(x, size, 0.3, beta, 2.0, out, threads)()
    exact = plain.local_response_norm(nchw(x), size, 0.3, beta, 2.0)
    np.testing.assert_allclose(nchw(out), exact, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("limits", [None, (0, np.inf), (-1, 0.5)])
def test_elementwise_steps(limits, threads):
    a, b, out = images(2, 5, 6, 4), images(2, 5, 6, 4, seed=1), images(2, 5, 6, 4)
    a[0, 0, 0, 0] = np.nan
    scale, shift = np.random.default_rng(2).standard_normal((2, 4), dtype=np.float32)

    def after(exact):
        return np.clip(exact, *limits) if limits else exact

    planned.add(a, b, out, limits, threads)()
    np.testing.assert_array_equal(out, after(a + b))
    planned.channel_affine(a, scale, shift, out, limits, threads)()
    np.testing.assert_allclose(out, after(a * scale + shift), atol=1e-6)
    planned.clip(10 * a, (0, 6), out, threads)()
    np.testing.assert_array_equal(out, np.clip(10 * a, 0, 6))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("N", [1, 5])
def test_linear(N, threads):
    rng = np.random.default_rng(0)
    shapes = (N, 30), (17, 30), 17, (N, 17)
    x, weight, bias, out = (rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
    for b in (None, bias):
        exact = np.maximum(plain.linear(x, weight, b), 0)
        for step in planned.linear(x, weight, b, out, limits=(0, np.inf), threads=threads):
            out.fill(np.nan)
            step()
            np.testing.assert_allclose(out, exact, atol=1e-5)
