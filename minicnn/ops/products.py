"""Products of vectors and matrices: dot, outer, mv, and sums with a product (addmv, baddbmm, …)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..creation import zeros_like
from ..dtypes import bool_, int64, is_floating
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from .choice import where
from .dims import normalize_dim
from .edge import in_half
from .elementwise import mul
from .linear import bmm, matmul, mm, plus_product
from .promotion import check_broadcast, promote
from .shape import movedim, reshape, stack, unsqueeze


def _check_vectors(name: str, *vectors: Tensor) -> None:
    for x in vectors:
        if not isinstance(x, Tensor):
            raise TypeError(f"{name} expects tensors, got {type(x).__name__}")
        if x.ndim != 1:
            raise RuntimeError(f"{name} expects vectors, got shape {tuple(x.shape)}")


@in_half
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of the products of two vectors of one length and dtype.

    Raises:
        RuntimeError: for other shapes, or two dtypes.
    """
    _check_vectors("dot", input, tensor)
    if input.shape != tensor.shape:
        raise RuntimeError(
            f"dot expects vectors of one length, got {tuple(input.shape)} and {tuple(tensor.shape)}"
        )
    if input.dtype == bool_:
        raise RuntimeError("dot expects numbers, got bool tensors")
    return matmul(input, tensor)


def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The same as :func:`dot`, as no numbers are complex."""
    return dot(input, other)


def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums of products along the last dimension of both: (…, n) and (*, n) -> (…, *).

    Raises:
        RuntimeError: for last dimensions of different lengths.

    As ``torch.inner``.
    """
    if input.ndim == 0 or other.ndim == 0:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            f"inner expects last dimensions of one length, got {tuple(input.shape)} and {tuple(other.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of the elements of two vectors, (n,) and (m,) -> (n, m)."""
    _check_vectors("outer", input, vec2)
    return mul(unsqueeze(input, 1), vec2)


def ger(input: Tensor, vec2: Tensor) -> Tensor:
    """Another name of :func:`outer`."""
    return outer(input, vec2)


@in_half
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix (n, m) and a vector (m,)."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(
            f"mv expects a matrix and a vector, got {tuple(input.shape)} and {tuple(vec.shape)}"
        )
    return matmul(input, vec)


@in_half
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta`` * input + ``alpha`` * (mat @ vec), as :func:`addmm`."""
    return plus_product("addmv", input, mv(mat, vec), beta, alpha)


@in_half
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta`` * input + ``alpha`` * outer(vec1, vec2), in the common dtype of all three."""
    _check_vectors("addr", vec1, vec2)
    given, product = promote("addr", input, outer(vec1, vec2))
    return plus_product("addr", given, product, beta, alpha)


@in_half
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """``beta`` * input + ``alpha`` * bmm(batch1, batch2), as :func:`addmm`."""
    return plus_product("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@in_half
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """``beta`` * input + ``alpha`` * the sum of bmm(batch1, batch2) over the batch."""
    if batch1.ndim != 3 or batch2.ndim != 3 or batch1.shape[0] != batch2.shape[0]:
        raise RuntimeError(
            f"addbmm expects (B, n, m) and (B, m, p), got {tuple(batch1.shape)} and {tuple(batch2.shape)}"
        )
    wide = movedim(batch1, 0, 1)
    product = mm(
        reshape(wide, wide.shape[0], wide.shape[1] * wide.shape[2]),
        reshape(batch2, batch2.shape[0] * batch2.shape[1], batch2.shape[2]),
    )
    return plus_product("addbmm", input, product, beta, alpha)


def multi_dot(tensors: Any) -> Tensor:
    """The product of several matrices, in the order that needs the fewest multiplications.

    Args:
        tensors: at least two; the first and the last may be vectors.

    Raises:
        RuntimeError: for fewer tensors, or shapes that do not fit.

    As ``torch.linalg.multi_dot``.
    """
    given = list(tensors)
    if len(given) < 2:
        raise RuntimeError(f"multi_dot expects at least two tensors, got {len(given)}")
    matrices = list(given)
    if given[0].ndim == 1:
        matrices[0] = unsqueeze(given[0], 0)
    if given[-1].ndim == 1:
        matrices[-1] = unsqueeze(given[-1], 1)
    for x, y in itertools.pairwise(matrices):
        if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[0]:
            raise RuntimeError(
                f"multi_dot expects matrices that fit, got {[x.shape for x in given]}"
            )
    product = _product(
        matrices, _best_cuts([x.shape[0] for x in matrices] + [matrices[-1].shape[1]])
    )
    shape = given[0].shape[:-1] + (given[-1].shape[1:] if given[-1].ndim > 1 else ())
    return reshape(product, shape)


def _best_cuts(lengths: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut each chain of matrices i … j, by dynamic programming over their lengths."""
    count = len(lengths) - 1
    cost = {(i, i): 0 for i in range(count)}
    cuts = {}
    for width in range(1, count):
        for i in range(count - width):
            j = i + width
            costs = {
                k: cost[i, k] + cost[k + 1, j] + lengths[i] * lengths[k + 1] * lengths[j + 1]
                for k in range(i, j)
            }
            cuts[i, j] = min(costs, key=costs.__getitem__)
            cost[i, j] = costs[cuts[i, j]]
    return cuts


def _product(
    matrices: list[Tensor], cuts: dict[tuple[int, int], int], first: int = 0, last: int = -1
) -> Tensor:
    last = last % len(matrices)
    if first == last:
        return matrices[first]
    cut = cuts[first, last]
    return mm(_product(matrices, cuts, first, cut), _product(matrices, cuts, cut + 1, last))


def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of several matrices; as :func:`multi_dot`, and one alone is returned."""
    given = (
        list(matrices[0])
        if len(matrices) == 1 and not isinstance(matrices[0], Tensor)
        else matrices
    )
    if not given or any(x.ndim != 2 for x in given):
        raise RuntimeError(f"chain_matmul expects matrices, got {[x.shape for x in given]}")
    return given[0] if len(given) == 1 else multi_dot(given)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sums of products over several dimensions of both tensors.

    Args:
        a, b: any shapes, of one dtype.
        dims: a number n, for the last n dimensions of a and the first n of b, or two lists.

    Raises:
        RuntimeError: for dimensions that do not fit.

    As ``torch.tensordot``.
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims within both shapes, got {dims}")
        dims = (list(range(a.ndim - dims, a.ndim)), list(range(dims)))
    of_a, of_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(of_a) != len(of_b):
        raise RuntimeError(f"tensordot expects as many dimensions of a as of b, got {dims}")
    if a.dtype != b.dtype:
        raise RuntimeError(f"tensordot expects one dtype, got {a.array.dtype} and {b.array.dtype}")
    of_a, of_b = [normalize_dim(a, d) for d in of_a], [normalize_dim(b, d) for d in of_b]
    for i, j in zip(of_a, of_b):  # a length of 1 broadcasts, as in torch
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise RuntimeError(
                f"tensordot expects equal lengths, got dims={dims} for {tuple(a.shape)} and {tuple(b.shape)}"
            )
        if a.shape[i] == 1:
            b = b.sum(j, keepdim=True).to(b.dtype)
        elif b.shape[j] == 1:
            a = a.sum(i, keepdim=True).to(a.dtype)
    free_a = [d for d in range(a.ndim) if d not in of_a]
    free_b = [d for d in range(b.ndim) if d not in of_b]
    summed = int(np.prod([a.shape[d] for d in of_a], dtype=np.int64))
    rows, columns = [a.shape[d] for d in free_a], [b.shape[d] for d in free_b]
    left = reshape(
        a.permute(*free_a, *of_a) if a.ndim else a, int(np.prod(rows, dtype=int)), summed
    )
    right = reshape(
        b.permute(*of_b, *free_b) if b.ndim else b, summed, int(np.prod(columns, dtype=int))
    )
    return (
        reshape(mm(left, right), *rows, *columns)
        if rows or columns
        else reshape(mm(left, right), ())
    )


def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker's product: each element of ``input`` times the whole of ``other``."""
    ndim = max(input.ndim, other.ndim)
    x, y = ((*(1,) * (ndim - t.ndim), *t.shape) for t in (input, other))
    spread_x = reshape(input, [v for n in x for v in (n, 1)])
    spread_y = reshape(other, [v for n in y for v in (1, n)])
    return reshape(mul(spread_x, spread_y), [n * m for n, m in zip(x, y)])


def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The cross product of vectors of 3 elements along ``dim``, by default the first of length 3.

    Raises:
        RuntimeError: for another length, or shapes that do not broadcast.

    As ``torch.cross``.
    """
    if input.ndim != other.ndim:
        raise RuntimeError(
            f"cross expects as many dimensions, got {tuple(input.shape)} and {tuple(other.shape)}"
        )
    check_broadcast("cross", [input, other])
    shape = np.broadcast_shapes(input.shape, other.shape)
    if dim is None:
        if 3 not in shape:
            raise RuntimeError(f"cross expects a dimension of length 3, got shape {shape}")
        dim = shape.index(3)
    d = normalize_dim(input, dim)
    if not input.shape or input.shape[d] != 3 or other.shape[d] != 3:
        raise RuntimeError(
            f"cross expects length 3 in dimension {dim}, got {tuple(input.shape)} and {tuple(other.shape)}"
        )
    x, y = promote("cross", input, other)
    x, y = x.unbind(d), y.unbind(d)
    parts = [x[i - 2] * y[i - 1] - x[i - 1] * y[i - 2] for i in range(3)]
    return stack(parts, d)


@takes_tensors
def matrix_power(input: Tensor, n: int) -> Tensor:
    """Square matrices (..., m, m) multiplied n times by themselves; for n < 0 their inverses.

    Raises:
        RuntimeError: for matrices that are not square.

    As ``torch.linalg.matrix_power``.
    """
    if input.ndim < 2 or input.shape[-1] != input.shape[-2]:
        raise RuntimeError(f"matrix_power expects square matrices, got shape {tuple(input.shape)}")
    if n < 0:
        from .systems import inv

        return matrix_power(inv(input), -n)
    if n == 0:
        identity = Tensor.of(np.eye(input.shape[-1])).to(input.device, input.dtype)
        return where(
            zeros_like(input, dtype=bool_), input, identity
        )  # a gradient of zeros, as torch
    result, square = None, input
    while n:
        if n & 1:
            result = square if result is None else matmul(result, square)
        n >>= 1
        square = matmul(square, square) if n else square
    assert result is not None
    return result if result is not input else input.clone()


def vander(x: Tensor, N: int | None = None, *, increasing: bool = False) -> Tensor:
    """Powers of the elements of a vector, one row each: x^(N-1), …, x, 1.

    Args:
        x: (n,).
        N: the number of powers, n by default.
        increasing: whether the powers go up instead of down.

    Returns:
        (n, N).

    Raises:
        RuntimeError: for other shapes, or a negative N.

    As ``torch.vander``.
    """
    if x.ndim != 1:
        raise RuntimeError(f"vander expects a vector, got shape {tuple(x.shape)}")
    columns = powers(x, len(x) if N is None else N)
    return columns if increasing else columns.flip(-1)


def powers(x: Tensor, count: int) -> Tensor:
    """1, x, x^2, … as a new last dimension of length ``count``; int64 for integers."""
    if count < 0:
        raise RuntimeError(f"vander expects N of at least 0, got {count}")
    x = x if is_floating(x.array.dtype) else x.to(int64)
    columns = [x**0]
    for _ in range(count - 1):
        columns.append(columns[-1] * x)
    return stack(columns, -1)[..., :count]
