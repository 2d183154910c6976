"""Boxes that suppress others."""

from __future__ import annotations

import numpy as np
from some_boxes import boxes

from .arrays import INF, NAN, Cases

CASES: Cases = {
    **{
        f"nms, {count} boxes of up to {size}, {threshold}": (
            "nms",
            (boxes(count, size=size), threshold),
        )
        for count, size, threshold in [
            *[(0, 3, 0.5), (1, 3, 0.5), (70, 4, 0.3), (130, 9, 0.5), (600, 2, 0.7), (60, 3, 0.0)],
            *[(20, 3, -0.5), (20, 3, 1.0), (20, 3, NAN)],
        ]
    },
    "nms, turned round, empty and infinite": (
        "nms",
        (
            np.array(
                [
                    *[[0, 0, 4, 4], [4, 4, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, NAN, 3, 3]],
                    *[[0, 0, INF, 4], [0, 0, 3, 4], [-INF, 0, 3, 4], [0, 0, 4, 3.75], [NAN] * 4],
                ]
            ),
            0.5,
        ),
    ),
}
