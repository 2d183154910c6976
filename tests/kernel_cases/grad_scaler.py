"""Gradients that are unscaled, and the scale that follows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import FEATURES, IMAGES, SPECIAL, Cases, float32


def update_scale_arguments(scale: float, tracker: int, found_inf: float) -> tuple[Any, ...]:
    state = float32(scale), float32(1 / scale), np.array(tracker, np.int32), float32(found_inf)
    return *state, 2.5, 0.25, 3


CASES: Cases = {
    "unscale": ("unscale_step", ([FEATURES, IMAGES], float32(0.25), float32(0))),
    "unscale, overflow": ("unscale_step", ([FEATURES, SPECIAL], float32(0.25), float32(0))),
    "unscale, only look": ("unscale_step", ([SPECIAL], None, float32(0))),
    "update scale": ("update_scale_step", update_scale_arguments(8, 1, 0)),
    "update scale, grow": ("update_scale_step", update_scale_arguments(8, 2, 0)),
    "update scale, not to infinity": ("update_scale_step", update_scale_arguments(2.0**127, 2, 0)),
    "update scale, overflow": ("update_scale_step", update_scale_arguments(8, 2, 1)),
}
