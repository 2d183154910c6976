"""Distances between all pairs of points: cdist."""

from __future__ import annotations

from ..dtypes import is_floating
from ..tensor import Tensor
from .reduce import norm
from .shape import unsqueeze


def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """The p-norm distances of each point of ``x1`` to each one of ``x2``.

    Args:
        x1: (..., P, M), P points of M coordinates.
        x2: (..., R, M); the leading dimensions broadcast.
        p: at least 0, or inf.
        compute_mode: accepted for torch's scripts. torch may compute euclidean distances by a matrix
            product, which is less exact.

    Returns:
        (..., P, R).

    Raises:
        RuntimeError: for other shapes or dtypes, or a negative p.

    As ``torch.cdist``.
    """
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"cdist expects (..., P, M) and (..., R, M), got {x1.shape}, {x2.shape}")
    if not is_floating(x1.dtype) or not is_floating(x2.dtype):
        raise RuntimeError(f"cdist expects floating-point numbers, got {x1.dtype} and {x2.dtype}")
    if p < 0:
        raise RuntimeError(f"cdist expects p of at least 0, got {p}")
    modes = (
        None,
        "use_mm_for_euclid_dist_if_necessary",
        "use_mm_for_euclid_dist",
        "donot_use_mm_for_euclid_dist",
    )
    if compute_mode not in modes:
        raise ValueError(f"compute_mode must be one of {modes[1:]}, got {compute_mode!r}")
    difference = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    if difference.shape[-1] == 0:
        return difference.sum(-1)
    return norm(difference, p, -1)
