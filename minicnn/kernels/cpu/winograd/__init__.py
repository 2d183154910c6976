"""Winograd's minimal filtering: convolution with fewer multiplications."""

from .conv import (
    FIXED_COST,
    conv2d,
    conv2d_input_grad,
    conv2d_weight_grad,
    cost,
    possible,
    tiles,
)

__all__ = [
    "FIXED_COST",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "cost",
    "possible",
    "tiles",
]
