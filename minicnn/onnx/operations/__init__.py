"""The functions that write operations, by subject. Importing them fills the registry."""

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
    regions,
    resampling,
    scatter,
    sorting,
)

__all__ = [
    "WRITERS", "activation", "assign", "comparison", "convolution", "elementwise",
    "index", "layout", "linear", "norm", "pooling", "reduction", "regions", "resampling", "scatter",
    "sorting",
]  # fmt: skip
