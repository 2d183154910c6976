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
    (ValueError, x, {"size": 3, "align_corners": True}, "align_corners is not for mode='nearest'"),
    (ValueError, x, {"size": 3, "recompute_scale_factor": True}, "needs scale_factor"),
    (NotImplementedError, x, {"size": 3, "mode": "cubic"}, "got 'cubic' for 4 dim"),
    (NotImplementedError, (2, 4), {"size": 3}, "got 'nearest' for 2 dimensions"),
    (NotImplementedError, (1, 2, 4), {"size": 3, "mode": "bilinear"}, "got 'bilinear' for 3"),
    (NotImplementedError, x, {"size": 3, "mode": "trilinear"}, "got 'trilinear' for 4"),
    (RuntimeError, x, {"scale_factor": 0.1}, "sizes of at least 1"),
    (RuntimeError, x, {"scale_factor": -1}, "sizes of at least 1"),
    (RuntimeError, x, {"size": 0}, "sizes of at least 1, .* output size \\(0, 0\\)"),
    (RuntimeError, (1, 0, 4, 4), {"size": 3}, r"sizes of at least 1, got .* \(1, 0, 4, 4\)"),
    (RuntimeError, (1, 2, 0, 4), {"size": 3, "mode": "bicubic"}, "sizes of at least 1"),
    (RuntimeError, (1, 2, 0, 4), {"size": 3, "mode": "area"}, "images that are not empty"),
    (ValueError, x, {"size": (3,)}, "size must be one number or 2"),
    (ValueError, x, {"scale_factor": (1, 2, 3)}, "scale_factor must be one number or 2"),
    (TypeError, x, {"size": 3.0}, "size must hold integers, got 3.0"),
    (ValueError, x, {"size": 3, "antialias": True}, "antialias needs one of the modes"),
    (ValueError, x, {"size": 3, "mode": "lanczos"}, "'lanczos' needs antialias=True"),
]


@pytest.mark.parametrize("kind, shape, options, message", ERRORS)
def test_errors(kind: Any, shape: Any, options: Any, message: str) -> None:
    with pytest.raises(kind):
        TF.interpolate(torch.zeros(shape), **options)
    with pytest.raises(kind, match=message):
        F.interpolate(minicnn.zeros(shape), **options)


@pytest.mark.parametrize(
    "mode, dtype", [("nearest", "int64"), ("area", "uint8"), ("bicubic", "int64")]
)
def test_integers_are_refused(mode: str, dtype: str) -> None:
    with pytest.raises(NotImplementedError):
        TF.interpolate(torch.zeros(x, dtype=getattr(torch, dtype)), 3, mode=mode)
    with pytest.raises(NotImplementedError, match=f"expects floating point.*got {dtype}"):
        F.interpolate(minicnn.zeros(x, dtype=getattr(minicnn, dtype)), 3, mode=mode)


# Modes, and the shapes that they take.
ALL_MODES = {
    "nearest": [(2, 3, 7), (2, 1, 4, 3, 5)],
    "nearest-exact": [(2, 3, 7), (2, 3, 6, 4), (2, 1, 4, 3, 5)],
    "linear": [(2, 3, 7), (1, 1, 1)],
    "bicubic": [(2, 3, 6, 4), (1, 2, 1, 7)],
    "trilinear": [(2, 1, 4, 3, 5), (1, 2, 1, 1, 6)],
    "area": [(2, 3, 7), (2, 3, 6, 4), (2, 1, 4, 3, 5)],
}
FACTORS: list[dict[str, Any]] = [
    {"size": 5},
    {"scale_factor": 2},
    {"scale_factor": 1.7},
    {"scale_factor": 0.6, "recompute_scale_factor": True},
    {"scale_factor": 2.6, "recompute_scale_factor": False},
]


@pytest.mark.parametrize("mode, shape", [(mode, s) for mode in ALL_MODES for s in ALL_MODES[mode]])
@pytest.mark.parametrize("align_corners", [None, False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_every_mode(mode: str, shape: Any, align_corners: bool | None, dtype: Any) -> None:
    if align_corners is not None and mode in ("nearest", "nearest-exact", "area"):
        return
    for options in FACTORS:
        if 1 in shape[2:] and options.get("recompute_scale_factor"):
            continue  # nothing would be left
        options = {**options, "mode": mode, "align_corners": align_corners}
        assert_same(
            lambda x, options=options: F.interpolate(x, **options),
            lambda x, options=options: TF.interpolate(x, **options),
            [normal(*shape)],
            dtype,
        )


ANTIALIASED = ["bilinear", "bicubic", "lanczos"]


@pytest.mark.parametrize("mode", ANTIALIASED)
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(5, 4), (9, 11), (30, 3), (17, 13)])
def test_antialias(mode: str, align_corners: bool, size: Any) -> None:
    if align_corners and mode == "lanczos":
        return
    options = {"size": size, "mode": mode, "align_corners": align_corners, "antialias": True}
    assert_same(
        lambda x: F.interpolate(x, **options),
        lambda x: TF.interpolate(x, **options),
        [normal(2, 3, 17, 13)],
    )


@pytest.mark.parametrize("mode", ["bicubic", "area", "bicubic, antialias"])
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences_of_weighted_sums(mode: str, check: Any) -> None:
    x = minicnn.tensor(normal(1, 2, 5, 4), requires_grad=True)
    options = {"mode": mode.split(",")[0], "antialias": "antialias" in mode}
    assert check(lambda x: F.interpolate(x, (3, 6), **options) ** 2, (x,))


@pytest.mark.parametrize("mode", ["bilinear", *ANTIALIASED])
@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("size", [(39, 21), (23, 60), (10, 20), (23, 9)])
def test_bytes_are_rounded_where_torch_rounds(mode: str, channels: int, size: Any) -> None:
    x = np.random.default_rng(0).integers(0, 256, (2, channels, 23, 20), np.uint8)
    for antialias in (False, True) if mode != "lanczos" else (True,):
        options = {"mode": mode, "antialias": antialias}
        ours = F.interpolate(minicnn.tensor(x), size, **options)
        assert ours.dtype == minicnn.uint8
        theirs = TF.interpolate(torch.tensor(x), size, **options)
        np.testing.assert_array_equal(ours.cpu().numpy(), theirs.numpy())


@pytest.mark.parametrize("scale_factor", [1.2, (1.2, 2), (2, 1.2)])
def test_bilinear_copies_a_side_whose_size_stays(scale_factor: Any) -> None:
    x = normal(2, 3, 4, 4)
    x[0, 0, 1, 2] = np.nan  # and reads nothing beside it
    assert_same(
        lambda x: F.interpolate(x, scale_factor=scale_factor, mode="bilinear"),
        lambda x: TF.interpolate(x, scale_factor=scale_factor, mode="bilinear"),
        [x],
        grad=False,
    )


@pytest.mark.parametrize("mode", ["nearest-exact", "bilinear", "bicubic", "area"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_special_number_reaches_what_it_reaches_in_torch(mode: str, value: float) -> None:
    x = normal(1, 2, 9, 8)
    x[0, 0, 4, 3] = value
    for size in ((5, 5), (9, 12), (18, 16)):
        assert_same(
            lambda x, size=size: F.interpolate(x, size, mode=mode),
            lambda x, size=size: TF.interpolate(x, size, mode=mode),
            [x],
            np.float32,
            grad=False,
        )


def test_no_images() -> None:
    for mode in ("nearest", "bilinear", "bicubic", "area", "nearest-exact"):
        assert F.interpolate(minicnn.zeros(0, 3, 4, 4), 3, mode=mode).shape == (0, 3, 3, 3)
