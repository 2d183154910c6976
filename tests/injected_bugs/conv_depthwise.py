"""Bugs in depthwise convolutions."""

from __future__ import annotations

from dataclasses import replace

import cupy

from minicnn.kernels import cuda, plain

from .bug import HALVED, OUTSIDE, WRONG, Bug, is_close, normal


def depthwise() -> bool:
    x, weight, grad = normal(2, 12, 10, 9), normal(12, 1, 3, 3), normal(2, 12, 5, 5, seed=1)
    geometry = replace(HALVED, groups=12)
    arguments = [(x, weight, None), (grad, weight), (grad, x)]
    names = "conv2d", "conv2d_input_grad", "conv2d_weight_grad"
    return all(
        is_close(
            getattr(cuda, name)(*(a if a is None else cupy.asarray(a) for a in given), geometry),
            getattr(plain, name)(*(a if a is None else a.astype(float) for a in given), geometry),
        )
        for name, given in zip(names, arguments, strict=True)
    )


BUGS = [
    Bug(
        "padding of a depthwise convolution is read",
        "conv_depthwise",
        depthwise,
        "if (!g.inside(h, w)) continue;\n            const",
        "const",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "vectors of weights counted in channels",
        "conv_depthwise",
        depthwise,
        "load<V>(weight, (kh * g.KW + kw) * vectors + window.c)",
        "load<V>(weight, (kh * g.KW + kw) * C + window.c)",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "all taps write the same partial sums",
        "conv_depthwise",
        depthwise,
        "partial + (long long)blockIdx.z * gridDim.y * C * M, C * M",
        "partial, C * M",
        f"{WRONG}|race|uninitialised",
    ),
]
