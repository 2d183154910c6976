"""Connectionist temporal classification: the likelihood of a text, however it is spread over time.

A path has one symbol, or a blank, at each time. It spells a text if that is what is left after
merging equal neighbours and removing blanks. The states s of a text of S symbols are its symbols
with blanks around them: 2 S + 1. From one time to the next a path stays in its state, goes to the
next one, or from a symbol to the next symbol, if they differ (Graves et al., 2006).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..autograd import Function
from ..autograd.function import once_differentiable
from ..devices import Device, to_device, xp_of
from ..dtypes import int32, int64, is_floating
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .edge import in_float32
from .elementwise import div
from .promotion import widened
from .reduction import checked_reduction, reduced
from .shape import reshape, unsqueeze


class CTC(Function):
    """log_probs (T, N, C), states (N, 2 S + 1), lengths (N,) -> losses (N,)."""

    def forward(
        self,
        log_probs: Array,
        states: Array,
        input_lengths: Array,
        target_lengths: Array,
        *,
        blank: int,
        zero_infinity: bool,
    ) -> Array:
        xp, T = xp_of(log_probs), len(log_probs)
        n = xp.arange(len(states))
        last = 2 * target_lengths  # the last state, after which come states that do not count
        scores = widened(log_probs)[xp.arange(T)[:, None, None], n[:, None], states]  # (T, N, S')
        forward = _forward(scores, _may_skip(states, blank))
        forward = xp.concatenate([_before_the_start(forward), forward])  # at time -1
        end = forward[input_lengths, n]
        in_blank, in_symbol = end[n, last], xp.where(last > 0, end[n, last - 1], -np.inf)
        losses = -xp.logaddexp(in_blank, in_symbol)
        self.save_for_backward(log_probs, scores, forward[1:], losses, states)
        self.options = input_lengths, last, blank, zero_infinity
        return losses.astype(log_probs.dtype, copy=False)

    @once_differentiable
    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        """softmax - occupancy: the gradient of what log_softmax was applied to, as in torch.

        Through the gradient of log_softmax that gives the same as -occupancy, the gradient of
        ``log_probs``.
        """
        log_probs, scores, forward, losses, states = (x.array for x in self.saved_tensors)
        input_lengths, last, blank, zero_infinity = self.options
        xp = xp_of(log_probs)
        backward = _backward(scores, _may_skip(states, blank), input_lengths, last)
        # both count the score at time t
        share = xp.exp(forward + backward - scores + losses[:, None])
        share = xp.where(forward + backward == -np.inf, 0, share)
        difference = xp.exp(widened(log_probs)) - _occupancy(share, states, log_probs.shape[2])
        counts = xp.arange(len(log_probs))[:, None] < input_lengths
        if zero_infinity:
            counts = counts & xp.isfinite(losses)
        grad_x = xp.where(counts[..., None], difference * grad.array[:, None], 0)
        return Tensor.of(grad_x.astype(log_probs.dtype, copy=False)), None, None, None


def _may_skip(states: Array, blank: int) -> Array:
    """Whether a path may come to a state from the last but one: never to a blank."""
    xp = xp_of(states)
    may_skip = xp.zeros(states.shape, bool)
    may_skip[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    return may_skip


def _before_the_start(like: Array) -> Array:
    """Log-likelihoods at time -1 (1, N, S'): all paths are at the first state."""
    out = xp_of(like).full((1, *like.shape[1:]), -np.inf, like.dtype)
    out[..., 0] = 0
    return out


def _forward(scores: Array, may_skip: Array) -> Array:
    """The log-likelihood of all beginnings that are in state s at time t: (T, N, S')."""
    xp = xp_of(scores)
    out = xp.full(scores.shape, -np.inf, scores.dtype)
    out[:1, :, :2] = scores[:1, :, :2]
    for t in range(1, len(scores)):
        before = out[t - 1]
        total = before.copy()
        total[:, 1:] = xp.logaddexp(total[:, 1:], before[:, :-1])
        skipped = xp.where(may_skip[:, 2:], before[:, :-2], -np.inf)
        total[:, 2:] = xp.logaddexp(total[:, 2:], skipped)
        out[t] = total + scores[t]
    return out


def _backward(scores: Array, may_skip: Array, input_lengths: Array, last: Array) -> Array:
    """The log-likelihood of all ends from state s at time t on: (T, N, S')."""
    xp = xp_of(scores)
    out = xp.full(scores.shape, -np.inf, scores.dtype)
    state = xp.arange(scores.shape[2])
    final = (state == last[:, None]) | (state == last[:, None] - 1)
    after = xp.full(scores.shape[1:], -np.inf, scores.dtype)
    for t in reversed(range(len(scores))):
        total = after.copy()
        total[:, :-1] = xp.logaddexp(total[:, :-1], after[:, 1:])
        skipped = xp.where(may_skip[:, 2:], after[:, 2:], -np.inf)
        total[:, :-2] = xp.logaddexp(total[:, :-2], skipped)
        total = xp.where(final & (input_lengths == t + 1)[:, None], 0, total)
        after = out[t] = total + scores[t]
    return out


def _occupancy(share: Array, states: Array, C: int) -> Array:
    """The share of the paths that have a symbol at a time: (T, N, S') -> (T, N, C)."""
    xp, (T, N, _) = xp_of(share), share.shape
    occupancy = xp.zeros((T, N, C), share.dtype)
    xp.add.at(occupancy, (xp.arange(T)[:, None, None], xp.arange(N)[:, None], states), share)
    return occupancy


@in_float32
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log-likelihood of texts whose alignment with the input is unknown.

    Args:
        log_probs: logarithms of the probabilities of each symbol, (T, N, C) or (T, C).
        targets: the texts as symbols (int32 or int64), (N, S) or one after the other in a vector.
        input_lengths: (N,), how many of the T times count.
        target_lengths: (N,), how many of the S symbols count.
        blank: the number of the blank among the C symbols.
        reduction: ``'mean'`` (each loss is first divided by the length of its text), ``'sum'`` or
            ``'none'``.
        zero_infinity: 0 instead of an infinite loss, of a text that does not fit into its input.

    Returns:
        A scalar, or with ``'none'`` (N,).

    Raises:
        ValueError: for an unknown reduction.
        RuntimeError: for shapes, lengths, a blank or dtypes that do not fit.

    As ``torch.nn.functional.ctc_loss`` (Graves et al., 2006), with torch's gradient: it is right
    behind a log_softmax.
    """
    reduction = checked_reduction(reduction)
    times = _lengths("input_lengths", input_lengths)
    symbols = _lengths("target_lengths", target_lengths)
    single = log_probs.ndim == 2
    if single:
        log_probs = unsqueeze(log_probs, 1)
        targets = unsqueeze(targets, 0) if targets.ndim == 1 else targets
    _check(log_probs, targets, times, symbols, blank)
    states = _states(to_device(targets.array, Device("cpu")), symbols, blank)
    device = log_probs.device
    constants = (to_device(a, device) for a in (states, times, symbols))
    losses = CTC.apply(log_probs, *constants, blank=blank, zero_infinity=zero_infinity)
    if zero_infinity:
        losses = where(losses == np.inf, 0.0, losses)
    if reduction == "mean":
        lengths = Tensor.of(to_device(np.maximum(symbols, 1), device)).to(losses.dtype)
        losses = div(losses, lengths)
    return reduced(reshape(losses, ()) if single else losses, reduction)


def _lengths(name: str, lengths: Tensor | Sequence[int]) -> Array:
    """Lengths (N,) as an array on the CPU."""
    if isinstance(lengths, Tensor):
        if is_floating(lengths.array.dtype):
            raise RuntimeError(f"{name} expects integers, got {lengths.array.dtype}")
        return to_device(lengths.array, Device("cpu")).reshape(-1).astype(int64)
    return np.asarray(lengths, int64).reshape(-1)


def _check(log_probs: Tensor, targets: Tensor, times: Array, symbols: Array, blank: int) -> None:
    if log_probs.ndim != 3 or not is_floating(log_probs.array.dtype):
        raise RuntimeError(
            f"ctc_loss expects floating-point log_probs (T, N, C) or (T, C), got {log_probs.array.dtype} "
            f"of shape {tuple(log_probs.shape)}"
        )
    T, N, C = log_probs.shape
    if targets.dtype not in (int32, int64):
        raise RuntimeError(f"ctc_loss expects targets of int32 or int64, got {targets.array.dtype}")
    if not 0 <= blank < C:
        raise RuntimeError(f"ctc_loss: blank must be one of the {C} symbols, got {blank}")
    if len(times) != N or len(symbols) != N:
        raise RuntimeError(f"ctc_loss expects {N} lengths, got {len(times)} and {len(symbols)}")
    if (times < 0).any() or (times > T).any():
        raise RuntimeError(f"ctc_loss expects input_lengths up to {T}, got {times.tolist()}")
    if targets.ndim == 1:
        fits = (symbols >= 0).all() and symbols.sum() == len(targets)
    else:
        S = targets.shape[1] if targets.ndim == 2 and len(targets) == N else -1
        fits = (symbols >= 0).all() and (symbols <= S).all()
    if not fits:
        raise RuntimeError(
            f"ctc_loss expects targets ({N}, S), or one after the other, for target_lengths "
            f"{symbols.tolist()}, got shape {tuple(targets.shape)}"
        )


def _states(targets: Array, lengths: Array, blank: int) -> Array:
    """The symbols of each text with blanks around them, (N, 2 S + 1), and blanks after its end."""
    N, S = len(lengths), int(lengths.max(initial=0))
    listed = np.arange(S) < lengths[:, None]
    states = np.full((N, 2 * S + 1), blank, int64)
    text = targets if targets.ndim == 1 else targets[:, :S][listed]
    states[:, 1::2][listed] = text
    return states
