"""Activations, and sums over all but the channels."""

from __future__ import annotations

import numpy as np

from .arrays import FEATURES, FLOAT64, IMAGES, INF, NAN, SPECIAL, SUMS, C, Cases, N, normal

CASES: Cases = {
    "relu": ("relu", (IMAGES,)),
    "relu, special numbers": ("relu", (SPECIAL,)),
    "relu, to another array": ("relu", (IMAGES, np.zeros_like(IMAGES))),
    "relu, in place": ("relu", (IMAGES, IMAGES)),
    "relu, in place, special numbers": ("relu", (SPECIAL, SPECIAL)),
    "relu, in place, 24 channels": ("relu", (normal(2, 24, 3, 5),) * 2),
    "relu, in place, no images": ("relu", (IMAGES[:0],) * 2),
    "relu_backward": ("relu_backward", (IMAGES, np.maximum(normal(N, C, 5, 3, seed=1), 0))),
    "relu_backward, infinities": ("relu_backward", (np.full_like(SPECIAL, INF), SPECIAL)),
    **{
        f"relu, {s}": ("relu", (np.random.default_rng(0).choice([NAN, INF, -INF, 1, -1, -0.5], s),))
        for s in SUMS
    },
    "hardtanh": ("hardtanh", (IMAGES, -0.5, 0.75)),
    "hardtanh, special numbers": ("hardtanh", (SPECIAL, 0.0, 6.0)),
    **{f"hardtanh, {s}": ("hardtanh", (4 * normal(*s), 0.0, 6.0)) for s in SUMS},
    "hardtanh_backward, special numbers": (
        "hardtanh_backward",
        (np.full_like(SPECIAL, INF), SPECIAL, 0.0, 6.0),
    ),
    **{
        f"hardtanh_backward, {s}": (
            "hardtanh_backward",
            (normal(*s), np.clip(normal(*s, seed=1), -0.5, None), -0.5, 0.5),
        )
        for s in SUMS
    },
    "silu": ("silu", (IMAGES,)),
    "silu, special numbers": ("silu", (SPECIAL,)),
    **{f"silu, {s}": ("silu", (9 * normal(*s),)) for s in SUMS},
    "silu_backward, special numbers": ("silu_backward", (np.full_like(SPECIAL, 2), SPECIAL)),
    **{
        f"silu_backward, {s}": ("silu_backward", (normal(*s), 9 * normal(*s, seed=1))) for s in SUMS
    },
    "gelu": ("gelu", (3 * IMAGES,)),
    "gelu, special numbers": ("gelu", (SPECIAL,)),
    "gelu, nothing": ("gelu", (IMAGES[:0],)),
    **{f"gelu, {s}": ("gelu", (3 * normal(*s),)) for s in SUMS},
    "gelu_backward, special numbers": ("gelu_backward", (np.full_like(SPECIAL, 2), SPECIAL)),
    **{
        f"gelu_backward, {s}": ("gelu_backward", (normal(*s), 3 * normal(*s, seed=1))) for s in SUMS
    },
    **{f"channel_sum, {s}": ("channel_sum", (normal(*s),)) for s in SUMS},
    **{
        f"relu_backward, {s}": ("relu_backward", (normal(*s), np.maximum(normal(*s, seed=1), 0)))
        for s in SUMS
    },
    "channel_sum": ("channel_sum", (IMAGES,)),
    "channel_sum, dtype": ("channel_sum", (FEATURES, FLOAT64)),
    "channel_sum, no channels": ("channel_sum", (FEATURES[:, :0],)),
    "channel_sum, no pixels": ("channel_sum", (IMAGES[:, :, :0],)),
    "channel_sum, no images": ("channel_sum", (IMAGES[:0],)),
    "erf": ("erf", (3 * IMAGES,)),
    "erf, special numbers": ("erf", (SPECIAL,)),
    "erf, nothing": ("erf", (IMAGES[:0],)),
}
