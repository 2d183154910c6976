"""Every step for a convolution against the plain kernels in float64."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels import Geometry, plain
from minicnn.kernels.cpu.planned import Scratch, candidates
from minicnn.kernels.cpu.planned import products as small

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]

# N, C, O, input size, kernel size, stride, padding, dilation, groups
RELU = (0, np.inf)

CASES = {
    "1x1": (2, 8, 6, (9, 7), 1, 1, 0, 1, 1),
    "1x1 with many filters": (1, 20, 150, (7, 7), 1, 1, 0, 1, 1),
    "1x1 with stride": (2, 8, 6, (9, 8), 1, 2, 0, 1, 1),
    "1x1 with padding": (1, 3, 4, (5, 6), 1, 1, 1, 1, 1),
    "3x3": (2, 5, 70, (13, 11), 3, 1, 1, 1, 1),
    "3x3 without padding": (3, 4, 6, (12, 9), 3, 1, 0, 1, 1),
    "3x3 with stride": (2, 6, 8, (15, 12), 3, 2, 1, 1, 1),
    "5x5": (2, 7, 9, (10, 14), 5, 1, 2, 1, 1),
    "ResNet's first": (2, 3, 8, (27, 31), 7, 2, 3, 1, 1),
    "AlexNet's first": (1, 3, 8, (67, 71), 11, 4, 2, 1, 1),
    "dilation": (2, 4, 6, (12, 9), 3, 1, 2, 2, 1),
    "groups": (2, 8, 12, (12, 9), 3, 1, 1, 1, 4),
    "depthwise": (2, 8, 8, (12, 9), 3, 2, 1, 1, 8),
    "depthwise with stride 1": (2, 8, 8, (12, 9), 3, 1, 1, 1, 8),
    "depthwise with dilation": (1, 6, 6, (12, 9), 3, 2, 2, 2, 6),
    "depthwise with many channels": (1, 200, 200, (7, 6), 3, 2, 1, 1, 200),
    "two filters for each channel": (1, 4, 8, (7, 6), 3, 1, 1, 1, 4),
    "one pixel": (2, 3, 4, (3, 3), 3, 1, 0, 1, 1),
}


def case(name, in_slices):
    """Images, weight, bias and residual, the geometry, and NaN where the results belong."""
    N, C, O, (H, W), K, S, P, D, G = CASES[name]
    OH, OW = [(size + 2 * P - D * (K - 1) - 1) // S + 1 for size in (H, W)]
    geometry = Geometry((H, W), (OH, OW), (K, K), (S, S), (P, P), (D, D), G)
    rng = np.random.default_rng(0)

    def channels(shape):
        """Random images, as a slice of wider ones if wanted."""
        wide = rng.standard_normal((*shape[:3], shape[3] + 5), dtype=np.float32)
        return wide[..., 2 : 2 + shape[3]] if in_slices else wide[..., : shape[3]].copy()

    x, residual, out = (channels((N, *size)) for size in ((H, W, C), (OH, OW, O), (OH, OW, O)))
    weight = rng.standard_normal((O, C // G, K, K), dtype=np.float32)
    bias = rng.standard_normal(O, dtype=np.float32)
    return x, weight, bias, residual, geometry, out


def expected(x, weight, bias, residual, geometry, limits):
    images = x.transpose(0, 3, 1, 2).astype(np.float64)
    out = plain.conv2d(images, weight.astype(np.float64), bias, geometry).transpose(0, 2, 3, 1)
    if residual is not None:
        out = out + residual
    return np.clip(out, *limits) if limits else out


def assert_steps_write(steps, out, exact):
    assert steps
    for step in steps:
        for _ in range(2):  # the second time with what the first one left in scratch memory
            out.fill(np.nan)
            step()
            error = np.abs(out - exact).max() / np.abs(exact).max()
            assert error < 1e-5, (step, error)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("in_slices", [False, True], ids=["dense", "slices"])
@pytest.mark.parametrize("name", CASES)
def test_steps_compute_the_convolution(name, in_slices, threads):
    x, weight, bias, residual, geometry, out = case(name, in_slices)
    steps = list(candidates(x, weight, bias, geometry, out, RELU, residual, threads))
    assert_steps_write(steps, out, expected(x, weight, bias, residual, geometry, RELU))
    assert all(len(step.parts) <= threads for step in steps)


@pytest.mark.parametrize("limits", [None, RELU, (-50, 9)])
@pytest.mark.parametrize("with_residual", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("name", ["1x1", "3x3", "3x3 with stride", "groups"])
def test_what_follows_the_product(name, with_bias, with_residual, limits):
    x, weight, bias, residual, geometry, out = case(name, True)
    bias = bias if with_bias else None
    residual = residual if with_residual else None
    exact = expected(x, weight, bias, residual, geometry, limits)
    assert_steps_write(candidates(x, weight, bias, geometry, out, limits, residual), out, exact)


@pytest.mark.parametrize("name", ["1x1 with many filters", "3x3", "5x5", "groups"])
def test_products_in_pieces(name, monkeypatch):
    """Products of few rows and filters, with a rest of both."""
    monkeypatch.setattr(small, "_SMALL", 16 * 20 * 5)
    x, weight, bias, residual, geometry, out = case(name, False)
    steps = candidates(x, weight, bias, geometry, out, RELU, residual)
    assert_steps_write(steps, out, expected(x, weight, bias, residual, geometry, RELU))


def test_an_output_with_rows_apart():
    x, weight, bias, residual, geometry, out = case("3x3", False)
    N, OH, OW, O = out.shape
    inside = np.empty((N, OH + 2, OW + 2, O), np.float32)[:, 1:-1, 1:-1]
    steps = candidates(x, weight, bias, geometry, inside, RELU, residual, 2)
    assert_steps_write(steps, inside, expected(x, weight, bias, residual, geometry, RELU))


def test_steps_of_a_thread_share_scratch_memory():
    scratch = [Scratch()]
    cases = [case(name, False) for name in CASES]
    steps = [
        list(candidates(x, weight, bias, geometry, out, RELU, residual, 1, scratch))
        for x, weight, bias, residual, geometry, out in cases
    ]
    for (x, weight, bias, residual, geometry, out), some in zip(cases, steps, strict=True):
        assert_steps_write(some, out, expected(x, weight, bias, residual, geometry, RELU))


@pytest.mark.parametrize("name", ["1x1", "3x3", "3x3 with stride"])
def test_nan_stays_in_its_windows(name):
    """With products of columns, as in the kernels that are not planned."""
    x, weight, bias, _, geometry, out = case(name, False)
    x[0, 4, 4, 0] = np.nan
    is_nan = np.isnan(expected(x, weight, bias, None, geometry, RELU))
    assert 0 < is_nan.sum() < is_nan.size
    for step in candidates(x, weight, bias, geometry, out, RELU):
        if "winograd" not in step.name:
            step()
            np.testing.assert_array_equal(np.isnan(out), is_nan)


def test_one_step_by_its_name():
    x, weight, bias, _, geometry, out = case("3x3", False)
    names = [step.name for step in candidates(x, weight, bias, geometry, out, threads=2)]
    assert len(set(names)) == len(names)
    for name in names:
        (step,) = candidates(x, weight, bias, geometry, out, threads=2, only=name)
        assert step.name == name


def test_padded_images_are_shared_and_freed():
    scratch = Scratch()
    first = scratch.zeroed((2, 3), "middle")
    assert scratch.zeroed((2, 3), "middle") is first
    assert scratch.zeroed((2, 3), "left") is not first
    first[:] = 1
    view = first[1:]
    del first
    assert scratch.zeroed((2, 3), "middle")[1].tolist() == [1, 1, 1]  # a step still has a view
    del view
    assert not scratch.zeroed((2, 3), "middle").any()
