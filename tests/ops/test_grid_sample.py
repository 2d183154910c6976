"""grid_sample and affine_grid against torch's."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from oracle import assert_agrees, assert_same, normal

import minicnn as mc
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck

CASES = list(
    itertools.product(
        ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (True, False)
    )
)


def sample(lib: Any, x: Any, grid: Any, mode: str, padding: str, corners: bool) -> Any:
    return lib.nn.functional.grid_sample(x, grid, mode, padding, corners)


@pytest.mark.parametrize(("mode", "padding", "corners"), CASES)
def test_images(mode: str, padding: str, corners: bool) -> None:
    grid = 1.5 * normal(2, 4, 6, 2, seed=1)
    assert_agrees(
        lambda lib, x, grid: sample(lib, x, grid, mode, padding, corners),
        normal(2, 3, 5, 7),
        grid,
    )


@pytest.mark.parametrize(("mode", "padding", "corners"), [c for c in CASES if c[0] != "bicubic"])
def test_volumes(mode: str, padding: str, corners: bool) -> None:
    assert_agrees(
        lambda lib, x, grid: sample(lib, x, grid, mode, padding, corners),
        normal(2, 3, 4, 5, 3),
        normal(2, 2, 3, 2, 3, seed=1),
    )


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_far_away_and_at_the_border(mode: str, padding: str) -> None:
    points = np.array([[-1, -1], [1, 1], [0, 1], [1e6, 0], [-3.5, 2.5], [np.inf, -np.inf]])
    for x in (normal(1, 2, 4, 5), normal(1, 1, 1, 1)):
        for corners in (True, False):

            def call(lib: Any, x: Any, grid: Any, corners: bool = corners) -> Any:
                return sample(lib, x, grid, mode, padding, corners)

            assert_agrees(call, x, points[None, None, :5])


def test_a_value_outside_is_not_read() -> None:
    x = np.full((1, 1, 2, 2), np.inf)
    out = F.grid_sample(
        mc.tensor(x), mc.full((1, 1, 1, 2), 5.0, dtype=mc.float64), align_corners=True
    )
    assert out.item() == 0


@pytest.mark.not_emulated
def test_second_gradients() -> None:
    tensors = [
        mc.tensor(normal(1, 2, 4, 4), requires_grad=True),
        mc.tensor(0.5 * normal(1, 2, 2, 2, seed=3), requires_grad=True),
    ]
    for mode in ("bilinear", "bicubic"):

        def call(x: Any, grid: Any, mode: str = mode) -> Any:
            return F.grid_sample(x, grid, mode, "reflection", align_corners=False)

        assert gradcheck(call, tensors) and gradgradcheck(call, tensors)


@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 3, 1, 5), (2, 3, 2, 4, 3)])
def test_affine_grid(size: tuple[int, ...], corners: bool) -> None:
    dims = len(size) - 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of sizes of 1
        assert_same(
            lambda theta: F.affine_grid(theta, size, align_corners=corners),
            lambda theta: torch.nn.functional.affine_grid(theta, size, align_corners=corners),
            [normal(2, dims, dims + 1)],
        )


@pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])
def test_warning_and_errors(lib: Any) -> None:
    f = lib.nn.functional
    x, grid = lib.ones(1, 1, 2, 2), lib.zeros(1, 1, 1, 2)
    for call in (
        lambda: f.grid_sample(x, grid),
        lambda: f.affine_grid(lib.ones(1, 2, 3), (1, 1, 2, 2)),
    ):
        with pytest.warns(UserWarning, match=r"align_corners=False since 1\.3\.0") as caught:
            call()
        assert [warning.filename for warning in caught] == [__file__]
    for call in (
        lambda: f.grid_sample(x, grid, mode="area", align_corners=False),
        lambda: f.grid_sample(x, grid, padding_mode="mirror", align_corners=False),
        lambda: f.affine_grid(lib.ones(1, 3, 3), (1, 1, 2, 2), align_corners=False),
        lambda: f.affine_grid(lib.ones(1, 2, 3), (1, 1, 0, 2), align_corners=False),
    ):
        with pytest.raises(ValueError, match=r"grid_sample|theta|matrices|size"):
            call()
    for call in (
        lambda: f.grid_sample(x, lib.zeros(2, 1, 1, 2), align_corners=False),
        lambda: f.grid_sample(x, lib.zeros(1, 1, 1, 3), align_corners=False),
        lambda: f.grid_sample(x, lib.zeros(1, 1, 1, 2, dtype=lib.float64), align_corners=False),
    ):
        with pytest.raises(RuntimeError):
            call()


def test_an_empty_batch():
    images, points = mc.zeros(0, 3, 4, 5, requires_grad=True), mc.zeros(0, 2, 6, 2)
    out = F.grid_sample(images, points, align_corners=False)
    assert out.shape == (0, 3, 2, 6)
    out.sum().backward()
    assert images.grad.shape == images.shape
