"""Pictures to transform, and torchvision to compare with."""

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
    """``torchvision.transforms``."""
    from with_torchvision import torchvision

    return torchvision.transforms
