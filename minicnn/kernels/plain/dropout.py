"""Dropout, with a mask of uniform random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...typing import Array

if TYPE_CHECKING:
    from ...random import Generator


def dropout(x: Array, p: float, generator: Generator) -> tuple[Array, Array]:
    """0 with probability p, else x / (1 - p); and the mask, True where x is kept.

    Numbers are drawn in the order of memory, the axis with the largest stride first, as in torch; for
    channels-last images and signals in C order, in which torch's lie.
    """
    uniform = (generator.words64(x.size) & (2**53 - 1)) * 2.0**-53
    mask = np.empty_like(x, bool)
    order = np.argsort([-stride for stride in x.strides], kind="stable").tolist()
    order = sorted(order) if order in ([0, 2, 3, 1], [0, 2, 1]) else order
    ordered = mask.transpose(order)
    ordered[...] = (uniform < 1 - p).reshape(ordered.shape)
    return dropout_backward(x, mask, p), mask


def dropout_backward(grad: Array, mask: Array, p: float) -> Array:
    """grad / (1 - p) where the mask is True, else 0; 1 / (1 - p) is rounded to the dtype first."""
    real = np.promote_types(grad.dtype, np.float32).type
    scale = (real(1) / real(1 - p) if p < 1 else real(0)).astype(grad.dtype).astype(real)
    return np.where(mask, grad * scale, 0).astype(grad.dtype)
