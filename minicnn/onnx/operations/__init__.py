"""The functions that write operations, by subject."""

from ..registry import WRITERS
from . import (
    activation,
    assign,
    comparison,
    convolution,
    elementwise,
    index,
    layout,
    linear,
    norm,
    pooling,
    reduction,
    resampling,
    scatter,
    sorting,
)

__all__ = [
    "ALL", "activation", "assign", "comparison", "convolution", "elementwise",
    "index", "layout", "linear", "norm", "pooling", "reduction", "resampling", "scatter", "sorting",
]  # fmt: skip

ALL = tuple(WRITERS)
