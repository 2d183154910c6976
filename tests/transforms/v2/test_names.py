"""The names of ``transforms.v2`` are torchvision's."""

from __future__ import annotations

from typing import Any

import pytest

from minicnn.transforms import v2

# Kernels that take the format and the canvas of boxes and points as arguments; here the kernels
# for boxes and points take objects that know both, and have no names.
POINT_KERNELS = ("_bounding_boxes", "_keypoints")
FUNCTIONS_OF_POINTS = {
    f"{verb}{ending}" for verb in ("clamp", "sanitize", "get") for ending in POINT_KERNELS
}


def public(module: Any) -> set[str]:
    return {name for name in dir(module) if not name.startswith("_")}


def test_classes(torchvision):
    from torchvision.transforms import v2 as theirs

    assert public(theirs) <= public(v2)


def test_functions(torchvision):
    from torchvision.transforms.v2 import functional as theirs

    expected = {
        name
        for name in public(theirs)
        if not name.endswith(POINT_KERNELS) or name in FUNCTIONS_OF_POINTS
    }
    assert len(expected) > 130
    assert expected <= public(v2.functional)


def test_kernels_by_name():
    import minicnn as mc
    from minicnn.transforms.v2.functional import horizontal_flip_mask, invert_image, invert_video

    pixels = mc.arange(6, dtype=mc.uint8).reshape(1, 2, 3)
    assert horizontal_flip_mask(pixels)[0, 0].tolist() == [2, 1, 0]
    assert invert_image(pixels).tolist() == invert_video(pixels).tolist() == (255 - pixels).tolist()
    with pytest.raises(AttributeError, match="has no attribute 'invert_mask'"):
        _ = v2.functional.invert_mask
