"""Drawn shapes with masks: a small dataset for segmentation that needs no download."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ...random import Generator
from ..dataset import Dataset

__all__ = ["SHAPES", "DrawnShapes"]

SHAPES = ("background", "disc", "square", "triangle", "star")
_CORNERS = {"square": 4, "triangle": 3}
VOID_WIDTH = 1  # pixels along a shape's edge that belong to no class, as in VOC


class DrawnShapes(Dataset):
    """Sample i is (picture in mode RGB, mask in mode L) of one or two shapes on a noisy background.

    Shapes differ in colour, size, place and angle, and do not touch. Only their form decides their
    class. A picture depends on ``seed`` and its index alone, not on which were drawn before it.

    Args:
        length: number of pictures.
        size: height and width of the pictures, in pixels.
        seed: of the random numbers.
        transforms: called with picture and mask, such as
            :class:`~minicnn.transforms.JointTransform`.

    Raises:
        IndexError: when indexed outside 0 … ``length`` - 1.
    """

    def __init__(
        self,
        length: int,
        size: int = 128,
        seed: int = 0,
        transforms: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self.length, self.size, self.seed, self.transforms = length, size, seed, transforms

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not 0 <= index < self.length:
            raise IndexError(f"index must be between 0 and {self.length - 1}, got {index}")
        random = Generator().seed_with(self.seed, index)
        image = _background(random, self.size)
        mask = Image.new("L", image.size, 0)
        circles: list[tuple[np.ndarray, float]] = []
        for _ in range(random.integers(1, 3)):
            if circle := _find_place(random, self.size, circles):
                circles.append(circle)
                _draw_shape(random, image, mask, *circle)
        noise = 12 * random.normal((self.size, self.size, 3))
        pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.6))) + noise
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        return (image, mask) if self.transforms is None else self.transforms(image, mask)


def _background(random: Generator, size: int) -> Image.Image:
    """Soft patches of two colours."""
    coarse = random.random((6, 6, 1))
    colours = random.integers(0, 256, (2, 3))
    patches = (coarse * colours[0] + (1 - coarse) * colours[1]).astype(np.uint8)
    return Image.fromarray(patches).resize((size, size), Image.Resampling.BICUBIC)


def _find_place(
    random: Generator, size: int, taken: list[tuple[np.ndarray, float]]
) -> tuple[np.ndarray, float] | None:
    """Centre and radius of a circle that overlaps none of ``taken``; None after twenty tries."""
    for _ in range(20):
        radius = size * (0.18 + 0.16 * float(random.random()))
        centre = radius + (size - 2 * radius) * random.random(2)
        if all(math.dist(centre, other) > radius + r for other, r in taken):
            return centre, radius
    return None


def _draw_shape(
    random: Generator, image: Image.Image, mask: Image.Image, centre: np.ndarray, radius: float
) -> None:
    label = int(random.integers(1, len(SHAPES)))
    outline = _outline(SHAPES[label], 2 * math.pi * float(random.random()))
    points = [tuple(point) for point in centre + radius * outline]
    ImageDraw.Draw(image).polygon(points, tuple(map(int, random.integers(0, 256, 3))))
    ImageDraw.Draw(mask).polygon(points, label, outline=255, width=VOID_WIDTH)


def _outline(shape: str, angle: float) -> np.ndarray:
    """Corners (K, 2) on a circle of radius 1; a star's inner corners lie closer to its centre."""
    if shape == "star":
        radii = np.tile([1.0, 0.45], 5)
    else:
        radii = np.ones(_CORNERS.get(shape, 48))
    angles = angle + 2 * math.pi * np.arange(len(radii)) / len(radii)
    return radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
