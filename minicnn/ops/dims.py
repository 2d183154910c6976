"""The dimension arguments of operations: checked, and negative ones counted from the front."""

from __future__ import annotations

import operator
from typing import Any

from ..tensor import Tensor


def normalize_dims(x: Tensor, dim: Any) -> tuple[int, ...]:
    """``dim`` as a tuple of non-negative dimensions; None means all of them.

    Raises:
        IndexError: for a dimension that does not exist.
        RuntimeError: for a repeated dimension.
        TypeError: for something other than integers.
    """
    if dim is None or (isinstance(dim, (tuple, list)) and len(dim) == 0):
        return tuple(range(x.ndim))
    dims = []
    for d in dim if isinstance(dim, (tuple, list)) else (dim,):
        if isinstance(d, bool):  # var(False), for instance, means unbiased=False in torch
            raise TypeError(f"dim must be an integer, got {d}")
        d, limit = operator.index(d), max(x.ndim, 1)
        if not -limit <= d < limit:
            raise IndexError(
                f"dim must lie in [{-limit}, {limit - 1}] for shape {x.shape}, got {d}"
            )
        dims.append(d % limit)
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"a dimension may be named once, got dim={dim} for shape {x.shape}")
    return tuple(d for d in dims if x.ndim)


def normalize_dim(x: Tensor, dim: int) -> int:
    """``dim`` as a non-negative dimension.

    Raises:
        IndexError: for a dimension that does not exist.
    """
    if x.ndim == 0:
        raise IndexError(
            f"expects a tensor with at least one dimension, got shape () and dim={dim}"
        )
    return normalize_dims(x, (dim,))[0]
