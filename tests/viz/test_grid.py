"""Grids of images: the pixels and the files are torchvision's."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from with_torchvision import torchvision

import minicnn as mc
from minicnn import viz

RNG = np.random.default_rng(0)
FLOATS = RNG.normal(size=(5, 3, 4, 6)).astype(np.float32)
BYTES = RNG.integers(0, 256, (5, 3, 4, 6), np.uint8)


def both(function: str, array: np.ndarray, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    ours = getattr(viz, function)(mc.tensor(array), **options)
    theirs = getattr(torchvision.utils, function)(torch.from_numpy(array), **options)
    assert ours.cpu().numpy().dtype == theirs.numpy().dtype
    return ours.cpu().numpy(), theirs.numpy()


@pytest.mark.parametrize("array", [FLOATS, BYTES, FLOATS[:, :1], FLOATS[:1], FLOATS[0], FLOATS[0, 0],
                                   FLOATS[0, :1], FLOATS.astype(np.float64)])  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"nrow": 2, "padding": 0}, {"nrow": 3, "pad_value": 1}])
def test_grids(array: np.ndarray, options: Any) -> None:
    np.testing.assert_array_equal(*both("make_grid", array, **options))


@pytest.mark.parametrize(
    "options", [{}, {"value_range": (-1, 0.5)}, {"scale_each": True},
                {"scale_each": True, "value_range": (0, 1)}],
)  # fmt: skip
def test_normalized(options: Any) -> None:
    before = FLOATS.copy()
    for array in (FLOATS, FLOATS[:2, :1] * 0):
        np.testing.assert_array_equal(*both("make_grid", array, normalize=True, **options))
    np.testing.assert_array_equal(FLOATS, before)


def test_lists_and_what_is_no_image() -> None:
    images = mc.tensor(FLOATS).requires_grad_()
    listed = viz.make_grid(list(images))
    assert not listed.requires_grad
    np.testing.assert_array_equal(listed.cpu().numpy(), both("make_grid", FLOATS)[1])
    for wrong in (FLOATS, [FLOATS], 3):
        with pytest.raises(TypeError, match="expects a tensor or a list of them"):
            viz.make_grid(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"value_range must be a tuple \(min, max\), got \[0, 1\]"):
        viz.make_grid(images, normalize=True, value_range=[0, 1])  # type: ignore[arg-type]


@pytest.mark.parametrize("array", [FLOATS, FLOATS[0], FLOATS[:, :1]])
def test_files(array: np.ndarray, tmp_path: Path) -> None:
    viz.save_image(mc.tensor(array), tmp_path / "ours.png", nrow=2, normalize=True)
    torchvision.utils.save_image(
        torch.from_numpy(array), tmp_path / "theirs.png", nrow=2, normalize=True
    )
    ours, theirs = (Image.open(tmp_path / f"{name}.png") for name in ("ours", "theirs"))
    assert ours.mode == theirs.mode and ours.tobytes() == theirs.tobytes()
    buffer = io.BytesIO()
    viz.save_image(mc.tensor(array * 2), buffer, "BMP")  # values beyond 0 … 1 are cut off
    expected = io.BytesIO()
    torchvision.utils.save_image(torch.from_numpy(array * 2), expected, "BMP")
    assert buffer.getvalue() == expected.getvalue()
