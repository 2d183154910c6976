"""Bytes of pictures as normalized images."""

from __future__ import annotations

import numpy as np

from minicnn import bfloat16

from .arrays import FLOAT16, FLOAT32, Cases

# Vectors of a GPU end within a pixel and reach into the next image; the second has no vectors.
PICTURES = [(2, 3, 4, 5), (1, 3, 3, 3), (3, 1, 8, 6), (0, 3, 4, 4)]
# Two pictures of 3 channels, 6 and 7 pixels wide; of each a crop, and one more that is mirrored.
PIXELS = np.random.default_rng(0).integers(0, 256, 5 * 6 * 3 + 4 * 7 * 3, np.uint8)
CROPS = np.array([[0, 18, 0], [39, 18, 1], [90, 21, 0], [90 + 27, 21, 1]])

CASES: Cases = {
    **{
        f"normalize_images, {shape}, {dtype}": (
            "normalize_images",
            (
                np.random.default_rng(0).integers(0, 256, shape, np.uint8),
                [0.5, 0.4, 0.3][3 - shape[1] :],
                [0.2, 0.3, 0.4][: shape[1]],
                dtype,
            ),
        )
        for shape in PICTURES
        for dtype in (FLOAT16, bfloat16, FLOAT32)
    },
    **{
        f"normalize_crops, {dtype}": (
            "normalize_crops",
            (PIXELS, CROPS, (3, 5), [0.5, 0.4, 0.3], [0.2, 0.3, 0.4], dtype),
        )
        for dtype in (FLOAT16, bfloat16, FLOAT32)
    },
}
