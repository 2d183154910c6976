"""Normalization, and what it does for each channel."""

from __future__ import annotations

from typing import Any

from .arrays import C, Cases, N, float32, named, normal, tabled

NORMS = [
    *[(6, C), (4, C, 7), (3, C, 4, 6), (2, 5, 1, 1)],
    *[(3, 24, 4, 5), (3, 5, 4, 6), (70, 24), (2, 264, 3)],
]


def norm_cases(shape: tuple[int, ...], affine: bool) -> dict[str, tuple[Any, ...]]:
    x, grad = 3 * normal(*shape) + 2, normal(*shape, seed=1)
    weight, bias = float32(normal(2, shape[1], seed=2)) if affine else (None, None)
    scale, shift = float32(normal(2, shape[1], seed=3))
    axes = (0, *range(2, x.ndim))
    mean, variance = float32(x.mean(axes)), float32(x.var(axes))
    return {
        "batch_norm": (x, weight, bias, 0.1),
        "batch_norm_backward": (grad, x, weight, mean, variance, 0.1),
        "channel_affine": (x, scale, shift),
    }


def local_response_cases(shape: tuple[int, ...], size: int) -> dict[str, tuple[Any, ...]]:
    x, grad = normal(*shape), normal(*shape, seed=1)
    return {
        "local_response_norm": (x, size, 0.8, 0.75, 1.5),
        "local_response_norm_backward": (grad, x, size, 0.8, 0.75, 1.5),
    }


CASES: Cases = {
    **tabled({str(s): (s, True) for s in NORMS}, norm_cases),
    **named("no weight", norm_cases((3, C, 4, 6), False)),
    **named("of 1", local_response_cases((N, C, 3, 2), 1)),
    **named("of 2", local_response_cases((N, 7, 3, 2), 2)),
    **named("of 3", local_response_cases((N, C, 3, 2), 3)),
    **named("of 5", local_response_cases((N, 7, 3, 2), 5)),
    **named("of 4", local_response_cases((N, 7, 3), 4)),
    **named("of more than there are", local_response_cases((N, C, 3, 2), 20)),
    **named("no images", local_response_cases((0, C, 3, 2), 3)),
    **{
        f"channel_affine, {s}": ("channel_affine", (normal(*s), *float32(normal(2, s[1]))))
        for s in [(0, 24, 3, 5), (0, 5, 2, 2)]
    },
    "running average": ("running_average_step", (normal(7), normal(7, seed=1), 0.1, 1.25)),
}
