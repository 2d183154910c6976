"""Embeddings: rows of a table, picked by index, one by one or in bags."""

from __future__ import annotations

import numpy as np

from ..autograd import Function, no_grad
from ..devices import on_own_device, xp_of
from ..dtypes import int32, int64, is_floating
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array, DTypeLike
from ..warn import warn
from .choice import where
from .comparison import eq, ne
from .elementwise import div, mul
from .index import getitem
from .promotion import widen, widened
from .reduce import norm
from .shape import reshape, unsqueeze


class PickRows(Function):
    """table (n, D), index (M,) -> the rows (M, D).

    Options: the gradient of row ``padding_idx`` is 0; ``by_frequency`` divides each row's gradient
    by how often it was picked.
    """

    def forward(
        self, table: Array, index: Array, *, padding_idx: int = -1, by_frequency: bool = False
    ) -> Array:
        self.save_for_backward(index)
        self.rows, self.padding_idx, self.by_frequency = len(table), padding_idx, by_frequency
        return table[index]

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved_tensors
        if self.padding_idx >= 0:
            grad = where(unsqueeze(eq(index, self.padding_idx), 1), 0.0, grad)
        if self.by_frequency:
            grad = div(grad, getitem(_counts(index, self.rows, grad.dtype), index))
        return SumRows.apply(grad, index, rows=self.rows), None


class SumRows(Function):
    """values (M, D), index (M,) -> (rows, D), the sums of the values with the same index.

    The adjoint of :class:`PickRows`.
    """

    def forward(self, values: Array, index: Array, *, rows: int) -> Array:
        self.save_for_backward(index)
        xp, D = xp_of(values), values.shape[1]
        terms = widened(values)
        sums = xp.zeros(rows * D, terms.dtype)
        # number by number: NumPy adds whole rows eight times as slowly
        places = index.astype(int64)[:, None] * D + xp.arange(D)
        xp.add.at(sums, places.reshape(-1), terms.reshape(-1))
        return sums.reshape(rows, D).astype(values.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved_tensors
        return PickRows.apply(grad, index), None


@on_own_device
def _counts(index: Tensor, rows: int, dtype: DTypeLike) -> Tensor:
    """How often each of the numbers 0 … rows - 1 comes up: (rows, 1)."""
    ones = xp_of(index.array).ones((len(index), 1), dtype)
    return SumRows.apply(Tensor.of(ones), index, rows=rows)


@takes_tensors
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` with the numbers in ``input``.

    Args:
        input: int32 or int64, any shape.
        weight: the table, (number of rows, D).
        padding_idx: the number of a row that gets no gradient.
        max_norm: the rows that are picked are first, in place, shortened to this norm.
        norm_type: order of that norm.
        scale_grad_by_freq: divide each row's gradient by how often it was picked.
        sparse: accepted without effect: gradients here are dense, and have the same numbers.

    Returns:
        (*, D).

    Raises:
        IndexError: on the CPU, for a number outside the table.
        RuntimeError: for another dtype of ``input``, or a weight that is no matrix.
        AssertionError: for a ``padding_idx`` outside the table, as in torch.

    As ``torch.nn.functional.embedding``.
    """
    index = _checked("embedding", input, weight)
    padding_idx = _checked_padding(padding_idx, len(weight), AssertionError)
    if max_norm is not None:
        shorten_rows_(weight, index, max_norm, norm_type)
    options = {"padding_idx": padding_idx, "by_frequency": scale_grad_by_freq}
    return reshape(PickRows.apply(weight, index, **options), (*input.shape, weight.shape[1]))


def _checked(name: str, input: Tensor, weight: Tensor) -> Tensor:
    """The numbers of rows as a vector."""
    if input.dtype not in (int32, int64):
        raise RuntimeError(f"{name} expects row numbers of int32 or int64, got {input.array.dtype}")
    if weight.ndim != 2:
        raise RuntimeError(f"{name} expects a weight (rows, D), got shape {tuple(weight.shape)}")
    numbers = input.array
    if input.device.type == "cpu" and numbers.size:  # on a GPU the check would have to wait
        low, high = numbers.min(), numbers.max()
        if low < 0 or high >= len(weight):
            raise IndexError(
                f"{name} expects row numbers in [0, {len(weight)}), got {low if low < 0 else high}"
            )
    return reshape(input, -1) if input.ndim != 1 else input


def _checked_padding(padding_idx: int | None, rows: int, error: type[Exception]) -> int:
    """The number of the padding row, counted from the end if it is negative; -1 for none."""
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise error(f"padding_idx must be within the {rows} embeddings, got {padding_idx}")
    return padding_idx % rows


@on_own_device
def shorten_rows_(weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Scales the rows with the given numbers, in place, to at most ``max_norm``."""
    with no_grad():
        rows = getitem(weight, index)
        (lengths,) = widen(norm(rows, norm_type, 1, keepdim=True))
        shorter = mul(rows, div(max_norm, lengths + 1e-7)).to(weight.dtype)
        weight[index] = where(lengths > max_norm, shorter, rows)


@takes_tensors
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The mean, sum or maximum of several rows of ``weight`` for each bag of row numbers.

    Args:
        input: the row numbers: (B, length) for bags of one length, or all in a vector.
        weight: the table, (number of rows, D).
        offsets: (B,), for a vector: where each bag begins.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for :func:`embedding`.
        mode: ``"mean"``, ``"sum"`` or ``"max"``; an empty bag gives 0.
        per_sample_weights: factors of the shape of ``input``, for ``"sum"`` alone.
        include_last_offset: whether ``offsets`` has one more number, the end of the last bag.
        padding_idx: the number of a row that is left out of the bags.

    Returns:
        (B, D).

    Raises:
        ValueError: for shapes that do not fit, or an unknown mode.
        NotImplementedError: for ``per_sample_weights`` with another mode.
        RuntimeError: for other dtypes, or offsets that do not fit.
        IndexError: on the CPU, for a number outside the table.

    As ``torch.nn.functional.embedding_bag``, which once had ``input`` and ``weight`` the other way
    round: that still works, with a warning. What follows a last offset is in no bag, which in torch
    depends on the mode.
    """
    if is_floating(input.array.dtype) and weight.dtype == int64:
        warn(
            "embedding_bag(weight, input, ...) is deprecated: use embedding_bag(input, weight, ...)"
        )
        input, weight = weight, input
    _check_bags(input, weight, offsets, mode, scale_grad_by_freq, per_sample_weights)
    index = _checked("embedding_bag", input, weight)
    padding_idx = _checked_padding(padding_idx, len(weight), RuntimeError)
    if max_norm is not None:
        shorten_rows_(weight, index, max_norm, norm_type)
    count, bags = _bags(input, offsets, include_last_offset)
    index = getitem(index, slice(len(bags)))
    rows = PickRows.apply(weight, index, padding_idx=padding_idx, by_frequency=scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = mul(rows, reshape(per_sample_weights, (-1, 1))[: len(bags)])
    if padding_idx >= 0:
        (kept,) = ne(index, padding_idx).nonzero(as_tuple=True)
        rows, bags = getitem(rows, kept), getitem(bags, kept)
    if mode == "max":
        return _maxima(rows, bags, count)
    sums = SumRows.apply(*widen(rows), bags, rows=count)
    if mode == "mean":
        sums = div(sums, _counts(bags, count, sums.dtype).clamp(min=1))
    return sums.to(weight.dtype)


def _check_bags(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None,
    mode: str,
    scale_grad_by_freq: bool,
    per_sample_weights: Tensor | None,
) -> None:
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode must be 'sum', 'mean' or 'max', got {mode!r}")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("embedding_bag: scale_grad_by_freq needs the mode 'sum' or 'mean'")
    if input.ndim not in (1, 2) or (input.ndim == 1) != (offsets is not None):
        raise ValueError(
            "embedding_bag expects an input (B, length) without offsets, or a vector with them, "
            f"got shape {tuple(input.shape)} and offsets {offsets}"
        )
    if per_sample_weights is None:
        return
    if mode != "sum":
        raise NotImplementedError(f"per_sample_weights needs the mode 'sum', got {mode!r}")
    if per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag expects per_sample_weights of the input's shape {tuple(input.shape)}, "
            f"got {tuple(per_sample_weights.shape)}"
        )
    if per_sample_weights.dtype != weight.dtype:
        raise RuntimeError(
            f"embedding_bag expects per_sample_weights of the weight's dtype {weight.array.dtype}, "
            f"got {per_sample_weights.array.dtype}"
        )


@on_own_device
def _bags(input: Tensor, offsets: Tensor | None, include_last: bool) -> tuple[int, Tensor]:
    """The number of bags, and the bag that each row number belongs to."""
    xp = xp_of(input.array)
    if offsets is None:
        B, length = input.shape
        return B, Tensor.of(xp.arange(B * length) // max(length, 1))
    if offsets.ndim != 1:
        raise ValueError(f"embedding_bag expects offsets (B,), got shape {tuple(offsets.shape)}")
    starts, end = offsets.array, len(input)
    if len(starts) and (int(starts[0]) != 0 or int(starts[-1]) > end):
        raise RuntimeError(
            f"embedding_bag expects offsets from 0 to at most {end}, got {offsets.tolist()}"
        )
    if include_last:
        starts, end = starts[:-1], int(starts[-1])
    if not len(starts):
        end = 0
    begun = xp.zeros(end + 1, np.int32)  # how many bags begin at each position
    xp.add.at(begun, starts, 1)
    return len(starts), Tensor.of(begun[:end].cumsum() - 1)


@on_own_device
def _maxima(rows: Tensor, bags: Tensor, count: int) -> Tensor:
    """rows (M, D), bags (M,) in ascending order -> the largest of each bag (count, D)."""
    if not len(bags):
        return SumRows.apply(rows, bags, rows=count)
    xp = xp_of(rows.array)
    lengths = _counts(bags, count, int32).array[:, 0]
    longest = int(lengths.max())
    place = xp.arange(len(bags)) - (lengths.cumsum() - lengths)[bags.array]  # within the bag
    padded = xp.full((count, longest), len(bags) - 1)
    padded[bags.array, place] = xp.arange(len(bags))
    filled = xp.arange(longest) < lengths[:, None]
    values = where(Tensor.of(filled[..., None]), getitem(rows, Tensor.of(padded)), -np.inf)
    return where(Tensor.of(lengths[:, None] > 0), values.max(1)[0], 0.0)
