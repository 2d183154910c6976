"""Distances and similarities of vectors, and the bilinear form."""

from __future__ import annotations

import numpy as np

from ..autograd import no_grad
from ..devices import xp_of
from ..dtypes import is_floating
from ..tensor import Tensor
from .edge import in_float32
from .elementwise import add, div, mul, sub
from .index import getitem
from .linear import matmul
from .promotion import promote, widen
from .reduce import norm, sum
from .shape import expand, permute, reshape, squeeze, unsqueeze


@in_float32
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors: x1 · x2 / (|x1| |x2|).

    Args:
        x1, x2: shapes that broadcast.
        dim: the dimension of the vectors.
        eps: shorter vectors count as so long.

    Returns:
        The broadcast shape without ``dim``.

    Raises:
        RuntimeError: for integers.

    As ``torch.nn.functional.cosine_similarity``.
    """
    x1, x2 = promote("cosine_similarity", x1, x2)
    if not is_floating(x1.array.dtype):
        raise RuntimeError(
            f"cosine_similarity expects floating-point numbers, got {x1.array.dtype}"
        )
    dtype, shape = x1.dtype, np.broadcast_shapes(x1.shape, x2.shape)
    x1, x2 = (expand(x, shape) for x in widen(x1, x2))
    return sum(mul(_unit(x1, dim, eps), _unit(x2, dim, eps)), dim).to(dtype)


def _unit(x: Tensor, dim: int, eps: float) -> Tensor:
    """x divided by its length along ``dim``; the gradient takes no notice of ``eps``, as in torch."""
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

    As ``torch.nn.functional.pdist``, but all differences are in memory at a time.
    """
    if input.ndim != 2 or not is_floating(input.array.dtype):
        raise RuntimeError(
            f"pdist expects a floating-point tensor of shape (N, D), got {input.array.dtype} of shape "
            f"{tuple(input.shape)}"
        )
    if p < 0:
        raise RuntimeError(f"pdist expects a p of at least 0, got {p}")
    row = xp_of(input.array).arange(len(input))
    first, second = Tensor.of(row[:, None] < row).nonzero(as_tuple=True)
    return norm(sub(getitem(input, first), getitem(input, second)), p, 1)


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
