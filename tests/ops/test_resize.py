"""Resizing against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_same, channels_last, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck

SHAPES = [(2, 3, 4, 5), (1, 1, 1, 1), (1, 2, 7, 3), (2, 1, 1, 6)]
HOW_LARGE: list[dict[str, Any]] = [
    {"size": 7},
    {"size": (3, 11)},
    {"size": (1, 1)},
    {"size": (1, 8)},
    {"scale_factor": 2},
    {"scale_factor": (1.5, 2.3)},
    {"scale_factor": (1.5, 2.3), "recompute_scale_factor": True},
    {"scale_factor": 1.7, "recompute_scale_factor": False},
    {"scale_factor": 1},
]
MODES: list[dict[str, Any]] = [
    {"mode": "nearest"},
    {"mode": "bilinear"},
    {"mode": "bilinear", "align_corners": False},
    {"mode": "bilinear", "align_corners": True},
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("how_large", HOW_LARGE)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_interpolate(shape: Any, how_large: Any, mode: Any, dtype: Any) -> None:
    options = {**how_large, **mode}
    assert_same(
        lambda x: F.interpolate(x, **options),
        lambda x: TF.interpolate(x, **options),
        [normal(*shape)],
        dtype,
    )


@pytest.mark.parametrize("mode", MODES)
def test_shrinking(mode: Any) -> None:
    for options in ({"scale_factor": 0.5}, {"scale_factor": (0.3, 0.7)}, {"size": (5, 2)}):
        options = {**options, **mode}
        assert_same(
            lambda x, options=options: F.interpolate(x, **options),
            lambda x, options=options: TF.interpolate(x, **options),
            [normal(2, 3, 11, 9)],
        )


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_many_sizes(mode: str) -> None:
    """Where rounding decides between two pixels, torch's side is taken."""
    x = np.arange(29.0).reshape(1, 1, 1, 29)
    for width in range(1, 120):
        for options in ({"size": (1, width)}, {"scale_factor": (1, width / 17)}):
            ours = F.interpolate(minicnn.tensor(x), mode=mode, **options).cpu().numpy()
            theirs = TF.interpolate(torch.tensor(x), mode=mode, **options).cpu().numpy()
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_memory_layouts(mode: Any) -> None:
    x = normal(2, 4, 6, 5)
    for view in (channels_last(x), x[:, ::2, 1:, ::2]):
        assert_same(
            lambda x: F.interpolate(x, (7, 4), **mode),
            lambda x: TF.interpolate(x, (7, 4), **mode),
            [view],
        )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences(mode: Any, check: Any) -> None:
    x = minicnn.tensor(normal(1, 2, 3, 2), requires_grad=True)
    assert check(lambda x: F.interpolate(x, scale_factor=(2, 1.5), **mode) ** 2, (x,))


x = (1, 2, 4, 4)
ERRORS = [
    (ValueError, x, {}, "either size or scale_factor"),
    (ValueError, x, {"size": 3, "scale_factor": 2}, "either size or scale_factor"),
    (ValueError, x, {"size": 3, "align_corners": True}, "needs mode='bilinear'"),
    (ValueError, x, {"size": 3, "recompute_scale_factor": True}, "needs scale_factor"),
    (NotImplementedError, x, {"size": 3, "mode": "cubic"}, "got 'cubic'"),
    (RuntimeError, x, {"scale_factor": 0.1}, "output size must be at least 1"),
    (RuntimeError, x, {"size": 0}, "size must be at least 1, got 0"),
]


@pytest.mark.parametrize("kind, shape, options, message", ERRORS)
def test_errors(kind: Any, shape: Any, options: Any, message: str) -> None:
    with pytest.raises(kind):
        TF.interpolate(torch.zeros(shape), **options)
    with pytest.raises(kind, match=message):
        F.interpolate(minicnn.zeros(shape), **options)


def test_needs_images() -> None:
    with pytest.raises(NotImplementedError, match=r"\(N, C, H, W\), got \(2, 4, 4\)"):
        F.interpolate(minicnn.zeros(2, 4, 4), 2)
