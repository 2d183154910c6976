"""Distances and similarities of vectors, and the bilinear form."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..autograd import Function, no_grad
from ..devices import on_own_device, xp_of
from ..dtypes import is_floating
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .edge import in_float32
from .elementwise import add, div, mul, sub
from .index import getitem
from .linear import matmul
from .promotion import promote, require_tensors, widen
from .reduce import norm, sum
from .shape import expand, permute, reshape, squeeze, unsqueeze


@in_float32
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors: x1 · x2 / (|x1| |x2|).

    Args:
        x1, x2: shapes that broadcast.
        dim: the dimension of the vectors.
        eps: the least length a vector counts with.

    Returns:
        The broadcast shape without ``dim``.

    Raises:
        RuntimeError: for integers.

    As ``torch.nn.functional.cosine_similarity``.
    """
    require_tensors("cosine_similarity", x1, x2)
    x1, x2 = promote("cosine_similarity", x1, x2)
    if not is_floating(x1.array.dtype):
        raise RuntimeError(
            f"cosine_similarity expects floating-point numbers, got {x1.array.dtype}"
        )
    dtype, shape = x1.dtype, np.broadcast_shapes(x1.shape, x2.shape)
    x1, x2 = (expand(x, shape) for x in widen(x1, x2))
    return sum(mul(_unit(x1, dim, eps), _unit(x2, dim, eps)), dim).to(dtype)


def _unit(x: Tensor, dim: int, eps: float) -> Tensor:
    """x divided by its length along ``dim``; the gradient ignores ``eps``, as in torch."""
    length = norm(x, 2, dim, keepdim=True).clone()
    with no_grad():
        length.clamp_(min=eps)
    return div(x, length)


@in_float32
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last dimension.

    Args:
        x1, x2: (N, D) or (D,), or other shapes that broadcast.
        p: order of the norm.
        eps: added to each difference.
        keepdim: keep the last dimension, with length 1.

    Returns:
        (N,) or (), with ``keepdim`` (N, 1) or (1,).

    As ``torch.nn.functional.pairwise_distance``.
    """
    require_tensors("pairwise_distance", x1, x2)
    return norm(add(sub(x1, x2), eps), p, -1, keepdim)


@in_float32
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norms of the differences between all rows, each pair once.

    Args:
        input: (N, D).
        p: order of the norm, at least 0.

    Returns:
        (N (N - 1) / 2,): rows 0 and 1, 0 and 2, …, 1 and 2, ….

    Raises:
        RuntimeError: for another number of dimensions, integers, or a negative ``p``.

    As ``torch.nn.functional.pdist``, but all differences are in memory at once.
    """
    if input.ndim != 2 or not is_floating(input.array.dtype):
        raise RuntimeError(
            f"pdist expects a floating-point tensor of shape (N, D), got {input.array.dtype} of shape "
            f"{tuple(input.shape)}"
        )
    if p < 0:
        raise RuntimeError(f"pdist expects a p of at least 0, got {p}")
    first, second = _pairs(input)
    return norm(sub(getitem(input, first), getitem(input, second)), p, 1)


@on_own_device
def _pairs(rows: Tensor) -> Iterator[Tensor]:
    """The numbers of the first and of the second rows of all pairs, each of shape (pairs,)."""
    xp = xp_of(rows.array)
    return (Tensor.of(xp.asarray(index)) for index in np.triu_indices(len(rows), 1))


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


@takes_tensors
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1^T weight[o] input2 + bias[o] for each output o.

    Args:
        input1: (*, in1).
        input2: (*, in2).
        weight: (out, in1, in2).
        bias: (out,).

    Returns:
        (*, out).

    Raises:
        RuntimeError: for shapes that do not fit.

    As ``torch.nn.functional.bilinear``.
    """
    out, in1, in2 = weight.shape
    if input1.shape != (*input2.shape[:-1], in1) or input2.shape[-1:] != (in2,):
        raise RuntimeError(
            f"bilinear expects inputs of shape (*, {in1}) and (*, {in2}) for a weight of shape "
            f"{tuple(weight.shape)}, got {tuple(input1.shape)} and {tuple(input2.shape)}"
        )
    by_input1 = reshape(permute(weight, (1, 0, 2)), (in1, out * in2))
    forms = reshape(matmul(input1, by_input1), (*input1.shape[:-1], out, in2))
    result = squeeze(matmul(forms, unsqueeze(input2, -1)), -1)
    return result if bias is None else add(result, bias)
