"""The dimension arguments of operations: checked, and negative ones counted from the front."""

from __future__ import annotations

import operator
from typing import Any

from ..tensor import Tensor


def normalize_dims(x: Tensor, dim: Any) -> tuple[int, ...]:
    """The dimensions that a reduction runs over: all of them for None and for ``()``.

    Errors as in :func:`normalize_each`.
    """
    if dim is None or (isinstance(dim, (tuple, list)) and len(dim) == 0):
        return tuple(range(x.ndim))
    return normalize_each(x, dim)


def normalize_each(x: Tensor, dim: Any) -> tuple[int, ...]:
    """One dimension or several as a tuple of non-negative ones, none if ``dim`` is ``()``.

    A tensor of shape () may be given 0 and -1, which name no dimension of it.

    Raises:
        IndexError: for a dimension that does not exist.
        RuntimeError: for a repeated dimension.
        TypeError: for something other than integers.
    """
    given = dim if isinstance(dim, (tuple, list)) else (dim,)
    dims = [normalize_dim(x, d) for d in given]
    if len(set(dims)) != len(dims):
        raise RuntimeError(
            f"a dimension may be named once, got dim={dim} for shape {tuple(x.shape)}"
        )
    return tuple(dims) if x.ndim else ()


def normalize_dim(x: Tensor, dim: int) -> int:
    """``dim`` as a non-negative dimension; 0 for a tensor of shape (), as in torch.

    Raises:
        IndexError: for a dimension that does not exist.
        TypeError: for something other than an integer.
    """
    if type(dim) is not int:
        if isinstance(dim, bool) or not hasattr(dim, "__index__"):
            raise TypeError(f"dim must be an integer, got {dim!r}")
        dim = operator.index(dim)
    limit = x.array.ndim or 1
    if -limit <= dim < limit:
        return dim % limit
    raise IndexError(
        f"dim must lie in [{-limit}, {limit - 1}] for shape {tuple(x.shape)}, got {dim}"
    )
