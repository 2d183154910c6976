"""The distinct elements of a tensor, or its distinct slices."""

from __future__ import annotations

from typing import Any

from ..devices import on_own_device, xp_of
from ..dtypes import int64
from ..tensor import Tensor
from ..typing import Array
from .dims import normalize_dim
from .sort import sortable

Distinct = Tensor | tuple[Tensor, ...]


@on_own_device
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Distinct:
    """The distinct elements in ascending order, or with ``dim`` the distinct slices along it.

    Args:
        input: any shape.
        sorted: accepted for torch's scripts; the elements always come in order.
        return_inverse: whether to return, for each element, the index of its equal in the result.
        return_counts: whether to return how often each one occurs.
        dim: the dimension along which slices are compared.

    Returns:
        The distinct elements, or a tuple of them, the inverse and the counts, as far as asked for.

    As ``torch.unique``: each NaN is distinct from all others.
    """
    rows, shape, d = _rows(input, dim)
    keys, xp = sortable(rows), xp_of(rows)
    if dim is None and not return_inverse:
        rows = xp.sort(keys, 0).astype(rows.dtype, copy=False)
        firsts, inverse, counts = _runs(rows)
        return _results(rows[firsts], inverse, counts, input, shape, d, False, return_counts)
    if dim is None or keys.shape[1] == 1:
        places = xp.argsort(keys[:, 0], kind="stable")
    else:
        places = xp.lexsort(keys.T[::-1]) if keys.shape[1] else xp.arange(len(keys))
    firsts, inverse_in_order, counts = _runs(keys[places])
    inverse = xp.empty_like(inverse_in_order)
    inverse[places] = inverse_in_order
    out = rows[places[firsts]]
    return _results(out, inverse, counts, input, shape, d, return_inverse, return_counts)


@on_own_device
def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Distinct:
    """The elements, or with ``dim`` the slices, that differ from the one before.

    Arguments and results as in :func:`unique`.
    """
    rows, shape, d = _rows(input, dim)
    firsts, inverse, counts = _runs(rows)
    return _results(rows[firsts], inverse, counts, input, shape, d, return_inverse, return_counts)


def _rows(x: Tensor, dim: int | None) -> tuple[Array, tuple[int, ...], int | None]:
    """What is compared as the rows of a matrix, the shape of one row, and the dimension.

    Raises:
        RuntimeError: for slices without elements.
    """
    if dim is None:
        return x.array.reshape(-1, 1), (), None
    d = normalize_dim(x, dim)
    array = x.array.reshape(1) if x.ndim == 0 else xp_of(x.array).moveaxis(x.array, d, 0)
    if array.size == 0 and len(array):
        raise RuntimeError(
            f"slices to compare must have elements, got {tuple(x.shape)} and dim={dim}"
        )
    return array.reshape(len(array), array[:1].size), array.shape[1:], d


def _runs(rows: Array) -> tuple[Array, Array, Array]:
    """Of runs of equal rows: the first row of each, the run of each row, and the lengths."""
    xp, count = xp_of(rows), len(rows)
    starts = xp.ones(count, bool)
    differ = rows[1:] != rows[:-1]
    starts[1:] = differ[:, 0] if rows.shape[1] == 1 else differ.any(1)
    firsts = xp.flatnonzero(starts)
    counts = xp.diff(xp.concatenate([firsts, xp.full(1, count, firsts.dtype)]))
    return firsts, (starts.cumsum() - 1).astype(int64), counts.astype(int64)


def _results(
    rows: Array,
    inverse: Array,
    counts: Array,
    x: Tensor,
    shape: tuple[int, ...],
    d: int | None,
    return_inverse: bool,
    return_counts: bool,
) -> Distinct:
    xp: Any = xp_of(rows)
    out = rows.reshape(-1, *shape)
    if d is None:
        out, inverse = rows.reshape(-1), inverse.reshape(x.shape)
    elif x.ndim:
        out = xp.ascontiguousarray(xp.moveaxis(out, 0, d))
    results = [out]
    if return_inverse:
        results.append(inverse)
    if return_counts:
        results.append(counts)
    return tuple(map(Tensor.of, results)) if len(results) > 1 else Tensor.of(out)
