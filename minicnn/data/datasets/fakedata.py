"""Random pictures, to try a program without a dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from ...creation import randint, randn
from ...random import Generator
from ..vision_dataset import VisionDataset

__all__ = ["FakeData"]


class FakeData(VisionDataset):
    """Pictures of noise: sample i is (picture, class), always the same.

    Args:
        size: number of samples.
        image_size: (C, H, W).
        num_classes: number of classes.
        transform: called with the picture.
        target_transform: called with the class.
        random_offset: added to the index to give the seed.

    The numbers are those of ``torchvision.datasets.FakeData``: normally distributed, times 255, and
    wrapped round to 0 … 255 as a C program casts them.
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size, self.num_classes = size, num_classes
        self.image_size, self.random_offset = image_size, random_offset

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if index >= len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        generator = Generator().manual_seed(index + self.random_offset)
        noise = randn(*self.image_size, generator=generator, device="cpu").array
        target = randint(0, self.num_classes, (1,), generator=generator, device="cpu")[0]
        pixels = (noise * np.float32(255)).astype(np.int64).astype(np.uint8)
        picture, label = self._transformed(_picture(pixels), target)
        return picture, int(label)


def _picture(pixels: np.ndarray) -> Image.Image:
    """A picture from (1 or 3, H, W)."""
    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0).copy())
