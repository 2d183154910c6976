"""Sequences of different lengths in one tensor. There are no recurrent layers, so nothing is packed."""

from __future__ import annotations

from collections.abc import Iterable

from ...ops.pad import pad
from ...ops.shape import stack, transpose
from ...tensor import Tensor

__all__ = ["pad_sequence", "unpad_sequence"]


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L, *) as one tensor, the shorter ones padded.

    Args:
        sequences: of different lengths L, and one shape behind that.
        batch_first: whether the result is (N, longest L, *) instead of (longest L, N, *).
        padding_value: what the shorter ones are filled with.
        padding_side: ``"right"`` for after the sequence, ``"left"`` for before it.

    Raises:
        RuntimeError: without sequences, or for another side.

    As ``torch.nn.utils.rnn.pad_sequence``.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(  # noqa: TRY004 -- as torch
            f"pad_sequence expects several sequences, got {type(sequences).__name__}"
        )
    parts = list(sequences)
    if not parts:
        raise RuntimeError("pad_sequence expects at least one sequence, got none")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"padding_side must be 'left' or 'right', got {padding_side!r}")
    longest = max(len(part) for part in parts)
    padded = []
    for part in parts:
        missing = longest - len(part)
        ends = (0, missing) if padding_side == "right" else (missing, 0)
        padded.append(pad(part, (0, 0) * (part.ndim - 1) + ends, value=padding_value))
    out = stack(padded)
    return out if batch_first else transpose(out, 0, 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The sequences that :func:`pad_sequence` put together.

    Args:
        padded_sequences: (N, L, *) if ``batch_first``, else (L, N, *).
        lengths: (N,), how long each was.

    As ``torch.nn.utils.rnn.unpad_sequence``.
    """
    batch = padded_sequences if batch_first else transpose(padded_sequences, 0, 1)
    return [sequence[: int(length)] for sequence, length in zip(batch, lengths, strict=True)]
