"""Regions of interest."""

from __future__ import annotations

import numpy as np

from .arrays import FEW_SPECIAL, INF, NAN, TIES, WITH_NAN, Cases, normal

# The number of an image, x1, y1, x2, y2: inside, on the border, partly and wholly outside, empty, the
# whole image, turned round, and not finite.
ROIS = np.array(
    [
        *[[0, 1, 2, 6, 7.5], [1, 0.25, 0.5, 9.75, 3], [1, -3, -2.5, 4, 5], [0, 7, 6, 14, 13.5]],
        *[[1, 20, 20, 24, 26], [0, -9, 1, -4, 5], [0, 4, 4, 4, 4], [1, 0, 0, 10, 9]],
        *[[1, 6, 7, 2, 3], [0, NAN, 1, 5, 5], [1, 1, 1, INF, 5], [0, -INF, 2, 3, 4]],
        *[[0, 3, 2, 3.5, 8], [1, 2.5, 0.5, 8, 1.5]],
    ]
)
# The output size, spatial_scale, sampling_ratio, aligned.
ROI_ALIGNS = {
    "2x3 bins": ((2, 3), 1.0, -1, False),
    "2x3 bins, aligned": ((2, 3), 1.0, -1, True),
    "one sample": ((3, 2), 0.5, 1, False),
    "two samples, aligned": ((2, 2), 1.5, 2, True),
    "one bin": ((1, 1), 1.0, 0, True),
}


def roi_cases(C: int, rois: np.ndarray, then: str = "") -> Cases:
    x = normal(2, C, 9, 10)
    cases = {}
    for name, (size, *options) in ROI_ALIGNS.items():
        grad = normal(len(rois), C, *size, seed=1)
        backward = (grad, rois, x.shape, *options)
        cases[f"roi_align, {name}{then}"] = ("roi_align", (x, rois, size, *options))
        cases[f"roi_align_backward, {name}{then}"] = ("roi_align_backward", backward)
        if not options[-1]:
            cases[f"roi_pool, {name}{then}"] = ("roi_pool", (x, rois, size, options[0]))
    return cases


CASES: Cases = {
    **roi_cases(5, ROIS),
    **{k: case for k, case in roi_cases(3, ROIS[:0], ", no boxes").items() if "one sample" in k},
    "roi_align, NaN": (
        "roi_align",
        (FEW_SPECIAL, ROIS[[0, 1, 7]] * [1, 0.5, 0.5, 0.5, 0.5], (3, 3), 1.0, 2, False),
    ),
    "roi_align_backward, NaN": (
        "roi_align_backward",
        (WITH_NAN[:, :, :2, :2], ROIS[[0, 1]], (2, 4, 9, 10), 1.0, 2, False),
    ),
    "roi_pool, NaN": ("roi_pool", (WITH_NAN, ROIS, (5, 4), 0.75)),
    "roi_pool, ties": ("roi_pool", (TIES, ROIS, (2, 2), 1.0)),
}
