"""Joining and splitting by direction (hstack, vsplit, …), and broadcasting of several tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..devices import xp_of
from ..tensor import Tensor
from ..warn import warn
from .dims import normalize_dim
from .promotion import result_dtype
from .shape import _pieces, cat, check_tensors, expand, flatten, reshape, split, stack, unsqueeze

Several = Tensor | tuple[Tensor, ...]


def _each(function: Callable[[Tensor], Tensor], tensors: tuple[Any, ...]) -> Several:
    """``function`` of one tensor, or of each of several, given one by one or in a sequence."""
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    given = tensors[0] if len(tensors) == 1 else tensors
    return tuple(map(function, check_tensors("atleast", given)))


def _to_1d(x: Tensor) -> Tensor:
    return reshape(x, 1) if x.ndim == 0 else x


def _to_2d(x: Tensor) -> Tensor:
    return unsqueeze(_to_1d(x), 0) if x.ndim < 2 else x


def _to_3d(x: Tensor) -> Tensor:
    return unsqueeze(_to_2d(x), -1) if x.ndim < 3 else x


def atleast_1d(*tensors: Any) -> Several:
    """The tensors, those without dimensions as vectors of one element."""
    return _each(_to_1d, tensors)


def atleast_2d(*tensors: Any) -> Several:
    """The tensors, vectors as matrices of one row."""
    return _each(_to_2d, tensors)


def atleast_3d(*tensors: Any) -> Several:
    """The tensors, matrices (n, m) as (n, m, 1), and vectors as (1, n, 1)."""
    return _each(_to_3d, tensors)


def concat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Another name of :func:`cat`."""
    return cat(tensors, dim)


def concatenate(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Another name of :func:`cat`."""
    return cat(tensors, dim)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors side by side: along dimension 1, or vectors end to end."""
    parts = [_to_1d(x) for x in _some("hstack", tensors)]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors one below the other: along dimension 0, vectors as rows."""
    return cat([_to_2d(x) for x in _some("vstack", tensors)], 0)


def row_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Another name of :func:`vstack`."""
    return vstack(tensors)


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors one behind the other: along dimension 2."""
    return cat([_to_3d(x) for x in _some("dstack", tensors)], 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors side by side, vectors as columns."""
    tensors = _some("column_stack", tensors)
    return cat([reshape(x, -1, 1) if x.ndim < 2 else x for x in tensors], 1)


def _some(name: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    given = check_tensors(name, tensors)
    if not given:
        raise RuntimeError(f"{name} expects at least one tensor, got none")
    return given


def tensor_split(
    input: Tensor,
    indices_or_sections: int | Sequence[int] | Tensor | None = None,
    dim: int = 0,
    *,
    indices: Any = None,
    sections: int | None = None,
) -> tuple[Tensor, ...]:
    """Pieces along ``dim``, whose lengths differ by at most 1, or that begin at given indices.

    Args:
        input: at least one dimension.
        indices_or_sections: the number of pieces, or where the second and later ones begin.
        dim: the dimension to cut.
        indices, sections: other names of ``indices_or_sections``.

    Raises:
        RuntimeError: for less than one piece, or a tensor without dimensions.

    As ``torch.tensor_split``.
    """
    cuts = next(v for v in (indices_or_sections, indices, sections) if v is not None)
    if input.ndim == 0:
        raise RuntimeError("tensor_split expects at least one dimension, got shape ()")
    d = normalize_dim(input, dim)
    total = input.shape[d]
    if isinstance(cuts, Tensor):
        if cuts.dtype != np.int64 or cuts.device.type != "cpu" or cuts.ndim > 1:
            raise RuntimeError(
                f"tensor_split expects indices of int64 on the CPU, at most a vector, got "
                f"{cuts.array.dtype} of shape {tuple(cuts.shape)} on {cuts.device}"
            )
        cuts = cuts.tolist()  # type: ignore[assignment]
    if isinstance(cuts, int):
        if cuts < 1:
            raise RuntimeError(f"tensor_split expects at least 1 piece, got {cuts}")
        return _pieces(input, [total // cuts + (i < total % cuts) for i in range(cuts)], d)
    bounds = [(slice(i).indices(total)[1]) for i in cuts]  # type: ignore[union-attr]
    pieces = zip([0, *bounds], [*bounds, total])
    before = (slice(None),) * d
    return tuple(input[(*before, slice(start, max(start, stop)))] for start, stop in pieces)


def hsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Pieces along dimension 1, of a vector along 0: equal ones, or cut at given indices."""
    return _equal_split("hsplit", input, indices_or_sections, 1, 0 if input.ndim == 1 else 1)


def vsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Pieces along dimension 0: equal ones, or cut at given indices."""
    return _equal_split("vsplit", input, indices_or_sections, 2, 0)


def dsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Pieces along dimension 2: equal ones, or cut at given indices."""
    return _equal_split("dsplit", input, indices_or_sections, 3, 2)


def _equal_split(
    name: str, x: Tensor, cuts: int | Sequence[int], ndim: int, dim: int
) -> tuple[Tensor, ...]:
    if x.ndim < ndim:
        raise RuntimeError(f"{name} expects at least {ndim} dimensions, got shape {tuple(x.shape)}")
    if isinstance(cuts, int) and (cuts < 1 or x.shape[dim] % cuts):
        raise RuntimeError(f"{name} expects equal pieces of {x.shape[dim]}, got {cuts} of them")
    return tensor_split(x, cuts, dim)


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of given lengths along ``dim``, as :func:`split` makes them."""
    return split(input, list(split_sizes), dim)


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that tensors of these shapes broadcast to.

    Raises:
        RuntimeError: for shapes that do not broadcast.
    """
    given = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    if any(n < 0 for shape in given for n in shape):
        raise RuntimeError(f"broadcast_shapes expects lengths of at least 0, got {given}")
    try:
        return np.broadcast_shapes(*given)
    except ValueError:
        raise RuntimeError(f"broadcast_shapes expects shapes that broadcast, got {given}") from None


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to the shape that they broadcast to."""
    given = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    shape = broadcast_shapes(*(x.shape for x in given))
    return tuple(expand(x, shape) for x in given)


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of a grid: for each vector, its elements at all points of the grid.

    Args:
        tensors: vectors of one dtype, one by one or in a sequence.
        indexing: ``"ij"``: dimension k of the results belongs to vector k; ``"xy"``: the first two
            dimensions are swapped. Without it, ``"ij"`` with a warning, as in torch.

    Raises:
        RuntimeError: for tensors of more dimensions, several dtypes or another ``indexing``.

    As ``torch.meshgrid``.
    """
    given = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    vectors = [_to_1d(x) for x in _some("meshgrid", list(given))]
    if indexing is None:
        _warn_of_indexing()
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"indexing must be 'ij' or 'xy', got {indexing!r}")
    if any(x.ndim > 1 for x in vectors):
        raise RuntimeError(f"meshgrid expects vectors, got {[x.shape for x in vectors]}")
    if len({x.dtype for x in vectors}) > 1:
        raise RuntimeError(f"meshgrid expects one dtype, got {[str(x.dtype) for x in vectors]}")
    swap = indexing == "xy" and len(vectors) > 1
    if swap:
        vectors[:2] = vectors[1::-1]
    count = len(vectors)
    shape = [len(x) for x in vectors]
    grids = [
        expand(reshape(x, *(-1 if k == d else 1 for k in range(count))), shape)
        for d, x in enumerate(vectors)
    ]
    return tuple(grids[1::-1] + grids[2:] if swap else grids)


def _warn_of_indexing() -> None:
    warn(
        "meshgrid without indexing= means indexing='ij', which NumPy's default is not: say which",
        UserWarning,
    )


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of the elements of several vectors, (count, number of vectors)."""
    if any(x.ndim != 1 for x in tensors):
        raise RuntimeError(f"cartesian_prod expects vectors, got {[x.shape for x in tensors]}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([flatten(grid) for grid in meshgrid(*tensors, indexing="ij")], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of ``r`` elements of a vector, in order, (count, r).

    Raises:
        RuntimeError: for a tensor that is no vector, or a negative r.

    As ``torch.combinations``.
    """
    if input.ndim != 1 or r < 0:
        raise RuntimeError(
            f"combinations expects a vector and r of at least 0, got {tuple(input.shape)} and {r}"
        )
    if r == 0:
        return Tensor.of(xp_of(input.array).zeros(0, input.dtype))
    choose: Any = (
        itertools.combinations_with_replacement if with_replacement else itertools.combinations
    )
    places = np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r)
    return input[Tensor.of(places).to(input.device)]


def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices along the diagonal of a larger one of zeros; vectors count as rows.

    Raises:
        RuntimeError: for a tensor of more than two dimensions.

    As ``torch.block_diag``.
    """
    given = check_tensors("block_diag", list(tensors))
    if any(x.ndim > 2 for x in given):
        raise RuntimeError(f"block_diag expects matrices, got {[x.shape for x in given]}")
    blocks = [_to_2d(x) for x in given]
    if not blocks:
        return Tensor.of(np.zeros((1, 0), np.float32))
    dtype, before, rows = result_dtype(blocks, []), 0, []
    width = sum(x.shape[1] for x in blocks)
    for x in blocks:
        after = width - before - x.shape[1]
        rows.append(x.to(dtype).pad((before, after)) if before or after else x.to(dtype))
        before += x.shape[1]
    return cat(rows, 0)
