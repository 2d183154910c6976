"""Distances between all pairs of points: cdist."""

from __future__ import annotations

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import is_floating
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .linear import matmul
from .reduce import norm
from .shape import unsqueeze


class EuclideanDistance(Function):
    """Distances by a matrix product: |x|^2 + |y|^2 - 2 x y, which is fast, and less exact for near
    points. The gradient at a distance of 0 is 0.
    """

    def forward(self, x: Array, y: Array) -> Array:
        xp = xp_of(x)
        x_square = (x * x).sum(-1, keepdims=True)
        y_square = (y * y).sum(-1, keepdims=True)
        square = xp.matmul(-2 * x, y.swapaxes(-1, -2)) + x_square + y_square.swapaxes(-1, -2)
        out = xp.sqrt(xp.maximum(square, 0, dtype=x.dtype))
        self.save_for_backward(x, y, out)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, y, out = self.saved_tensors
        weight = where(out == 0, 0.0, grad / where(out == 0, 1.0, out))
        back = weight.transpose(-2, -1)
        return (
            x * weight.sum(-1, keepdim=True) - matmul(weight, y),
            y * back.sum(-1, keepdim=True) - matmul(back, x),
        )


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
        compute_mode: whether euclidean distances are computed by a matrix product, which is faster
            and less exact: ``"use_mm_for_euclid_dist"``, ``"donot_use_mm_for_euclid_dist"``, or by
            default for more than 25 points.

    Returns:
        (..., P, R).

    Raises:
        RuntimeError: for other shapes or dtypes, or a negative p.

    As ``torch.cdist``.
    """
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"cdist expects (..., P, M) and (..., R, M), got {tuple(x1.shape)}, {tuple(x2.shape)}"
        )
    if not is_floating(x1.array.dtype) or not is_floating(x2.array.dtype):
        raise RuntimeError(
            f"cdist expects floating-point numbers, got {x1.array.dtype} and {x2.array.dtype}"
        )
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
    exact = compute_mode == "donot_use_mm_for_euclid_dist"
    forced = compute_mode == "use_mm_for_euclid_dist"
    many = x1.shape[-2] > 25 or x2.shape[-2] > 25
    if p == 2 and x1.shape[-1] and (forced or (many and not exact)):
        return EuclideanDistance.apply(x1, x2)
    difference = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    if difference.shape[-1] == 0:
        return difference.sum(-1)
    return norm(difference, p, -1)
