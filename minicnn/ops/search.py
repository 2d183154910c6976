"""Where numbers belong in a sorted sequence."""

from __future__ import annotations

import numpy as np

from ..devices import on_own_device, xp_of
from ..dtypes import int32, int64
from ..tensor import Tensor
from .promotion import Operand, result_dtype
from .sort import sortable


@on_own_device
def searchsorted(
    sorted_sequence: Tensor,
    input: Operand,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """The indices at which ``input`` could be inserted, and the sequences would stay sorted.

    Args:
        sorted_sequence: (..., n), each last dimension ascending, or a vector for all of ``input``.
        input: (..., m) with the same leading dimensions, or a number; both are compared in their
            common dtype.
        out_int32: whether the indices are int32 instead of int64.
        right: whether an element equal to a number in the sequence is put after it.
        side: ``"left"`` or ``"right"``, another way to say so.
        sorter: (..., n) int64, the indices that sort the sequences if they are not sorted.

    Returns:
        Indices in the shape of ``input``.

    Raises:
        RuntimeError: for shapes that do not fit, and a side that contradicts ``right``.

    As ``torch.searchsorted``.
    """
    xp = xp_of(sorted_sequence.array)
    if isinstance(input, Tensor):
        dtype = result_dtype([sorted_sequence, input], [])
    else:
        dtype = result_dtype([sorted_sequence], [input])
        input = Tensor.of(xp.full((), input, dtype))
        if sorted_sequence.ndim != 1:
            raise RuntimeError(
                f"searchsorted of a number expects a vector, got {tuple(sorted_sequence.shape)}"
            )
    side = _side(right, side)
    _check_sequence(sorted_sequence, input, sorter)
    sequences, numbers = (sortable(x.to(dtype).array) for x in (sorted_sequence, input))
    if sorter is not None:
        sequences = xp.take_along_axis(sequences, sorter.array, -1)
    if sequences.ndim == 1:
        found = xp.searchsorted(sequences, numbers, side)
    else:
        found = xp.empty(numbers.shape, int64)
        for row in np.ndindex(numbers.shape[:-1]):
            found[row] = xp.searchsorted(sequences[row], numbers[row], side)
    return Tensor.of(xp.asarray(found).astype(int32 if out_int32 else int64))


def _side(right: bool, side: str | None) -> str:
    if side not in (None, "left", "right"):
        raise RuntimeError(f"side must be 'left' or 'right', got {side!r}")
    if side == "left" and right:
        raise RuntimeError("side='left' contradicts right=True")
    return side or ("right" if right else "left")


def _check_sequence(sequence: Tensor, x: Tensor, sorter: Tensor | None) -> None:
    if sequence.ndim == 0:
        raise RuntimeError("searchsorted expects sequences of at least 1 dimension, got shape ()")
    if sequence.ndim > 1 and sequence.shape[:-1] != x.shape[:-1]:
        raise RuntimeError(
            "searchsorted expects equal leading dimensions, got sequences of shape "
            f"{tuple(sequence.shape)} and numbers of shape {tuple(x.shape)}"
        )
    if sorter is None:
        return
    if sorter.dtype != int64 or sorter.shape != sequence.shape:
        raise RuntimeError(
            f"searchsorted expects a sorter of int64 and shape {tuple(sequence.shape)}, "
            f"got {sorter.array.dtype} and {tuple(sorter.shape)}"
        )
    if sorter.array.size and (sorter.array.min() < 0 or sorter.array.max() >= sorter.shape[-1]):
        raise RuntimeError(f"searchsorted expects a sorter within [0, {sorter.shape[-1] - 1}]")


def bucketize(
    input: Operand, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The index of the bucket that each number falls into, between ascending ``boundaries`` (n,).

    Bucket i holds boundaries[i - 1] < x <= boundaries[i], with ``right`` the lower bound is included
    instead of the upper one.

    Raises:
        RuntimeError: for boundaries that are no vector.

    As ``torch.bucketize``.
    """
    if boundaries.ndim != 1:
        raise RuntimeError(
            f"bucketize expects a vector of boundaries, got {tuple(boundaries.shape)}"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
