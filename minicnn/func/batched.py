"""``vmap``: the function of one example becomes a function of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..graph.structure import leaves, with_leaves
from ..ops.shape import stack
from ..tensor import Tensor

__all__ = ["vmap"]


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function that calls ``func`` with every example of a batch and stacks the results.

    Args:
        func: takes tensors of one example, and dicts, lists and tuples of them; returns a tensor or
            a tree of them.
        in_dims: the dimension of each argument that counts the examples: one for all, or a tuple
            with one for each, or for each of its parts. With None all examples get the same.
        out_dims: where this dimension is in each result, likewise. A result with None is the same
            for all examples: it is returned as it is, and need not be a tensor.
        randomness: whether ``"different"`` examples get random numbers of their own; there is no
            check for ``"error"``.
        chunk_size: accepted for torch's scripts, but has no effect.

    Raises:
        NotImplementedError: for ``randomness="same"``.
        ValueError: when called, without an argument to go through, for one that is no tensor, for
            batches of different sizes or without examples, or a result that is no tensor.

    As ``torch.vmap``, but one example is computed after the other: numbers and derivatives are the
    same, the time is not shorter than that of a loop. There must be an example, because only its
    result tells the shapes of all.
    """
    if randomness not in ("error", "different"):
        raise NotImplementedError(f"vmap has randomness 'error' or 'different', got {randomness!r}")

    @functools.wraps(func)
    def batched(*args: Any, **kwargs: Any) -> Any:
        tensors, dims = leaves(args), _dims_of(args, in_dims)
        size = _batch_size(tensors, dims)
        results = []
        for i in range(size):
            example = [
                x if d is None else x.select(d, i) for x, d in zip(tensors, dims, strict=True)
            ]
            results.append(func(*with_leaves(args, example), **kwargs))
        return _stacked(results, out_dims)

    return batched


def _dims_of(tree: Any, dims: Any) -> list[int | None]:
    """A dimension for each leaf of a tree; one stands for all of its part of the tree."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(leaves(tree))
    if not isinstance(tree, (dict, list, tuple)) or len(tree) != len(dims):
        raise ValueError(f"vmap expects dimensions in the form of the tensors, got {dims}")
    keys = tree if isinstance(tree, dict) else range(len(tree))
    return [dim for key in keys for dim in _dims_of(tree[key], dims[key])]


def _batch_size(tensors: list[Any], dims: list[int | None]) -> int:
    sizes = set()
    for x, dim in zip(tensors, dims, strict=True):
        if dim is None:
            continue
        if not isinstance(x, Tensor) or not -x.ndim <= dim < x.ndim:
            got = f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(
                f"vmap expects tensors with a dimension {dim} to go through, got {got}"
            )
        sizes.add(x.shape[dim])
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(f"vmap expects batches of one size above 0, got sizes {sorted(sizes)}")
    return sizes.pop()


def _stacked(results: list[Any], out_dims: Any) -> Any:
    """The trees of all examples as one tree."""
    stacked = []
    parts = zip(*map(leaves, results), strict=True)
    for part, dim in zip(parts, _dims_of(results[0], out_dims), strict=True):
        if dim is not None and not isinstance(part[0], Tensor):
            got = type(part[0]).__name__
            raise ValueError(f"vmap expects a function that returns tensors, got {got}")
        stacked.append(part[0] if dim is None else stack(part, dim))
    return with_leaves(results[0], stacked)
