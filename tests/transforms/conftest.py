"""Pictures to transform, and torchvision to compare with where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def picture() -> Image.Image:
    """A 23 x 17 picture of noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (17, 23, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="session")
def torchvision():
    """``torchvision.transforms``; not in the test extra, so tests that want it are skipped."""
    torch = pytest.importorskip("torch")
    # torchvision registers fakes for its C++ operators, which a build for another torch lacks.
    library = torch.library.Library("torchvision", "DEF")
    operators = ["nms", "qnms"]
    for name in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d"):
        operators += [name, f"_{name}_backward"]
    for name in (*operators, "qroi_align"):
        library.define(f"{name}(Tensor a) -> Tensor")
    transforms = pytest.importorskip("torchvision.transforms")
    return transforms
