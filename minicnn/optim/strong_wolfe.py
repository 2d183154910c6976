"""The line search of L-BFGS: a step that satisfies the strong Wolfe conditions.

Nocedal & Wright 2006, "Numerical Optimization", algorithms 3.5 and 3.6, with cubic interpolation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ..tensor import Tensor

Number: TypeAlias = "float | Tensor"

_DECREASE = 1e-4  # of the decrease that the first slope promises
_CURVATURE = 0.9  # of the first slope may be left
_SHORTEST = 1e-9


class Point(NamedTuple):
    """A point on the line: the step t, the loss, its gradient, and its slope along the line."""

    t: Number
    loss: float
    grad: Tensor
    slope: Tensor


def strong_wolfe(
    at: Callable[[Number], Point], t: Number, start: Point, length: Tensor, max_calls: int
) -> tuple[Point, int]:
    """Search along a line for a point with a lower loss and a small slope.

    Args:
        at: evaluates the point of a step.
        t: the first step to try.
        start: the point with t = 0.
        length: the largest absolute number in the direction.
        max_calls: after how many further calls of ``at`` the search ends.

    Returns:
        The point and the number of calls.
    """

    def is_too_high(point: Point) -> bool:
        return bool(point.loss > start.loss + _DECREASE * point.t * start.slope)

    def is_flat(point: Point) -> bool:
        return bool(abs(point.slope) <= -_CURVATURE * start.slope)

    before, now = start, at(t)
    calls = 0
    while calls < max_calls:
        if is_too_high(now) or (calls > 1 and now.loss >= before.loss):
            break
        if is_flat(now):
            return now, calls + 1
        if now.slope >= 0:
            break
        shortest, longest = now.t + 0.01 * (now.t - before.t), now.t * 10
        before, now = now, at(_minimum(before, now, shortest, longest))
        calls += 1
    else:
        before = start

    bracket = [before, now]
    low, high = _by_loss(bracket)
    stalled = False
    while calls < max_calls and not _gap(bracket[0], bracket[1]) * length < _SHORTEST:
        t, stalled = _inside(bracket, stalled)
        now = at(t)
        calls += 1
        if is_too_high(now) or now.loss >= bracket[low].loss:
            bracket[high] = now
            low, high = _by_loss(bracket)
            continue
        if is_flat(now):
            return now, calls + 1
        if now.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = now
    return bracket[low], calls + 1


def _by_loss(bracket: list[Point]) -> tuple[int, int]:
    """The indices of the lower and of the higher point."""
    return (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)


def _inside(bracket: list[Point], stalled: bool) -> tuple[Number, bool]:
    """The next step to try, and whether the one after must keep away from the ends."""
    a, b = bracket
    first, last = (a.t, b.t) if a.t <= b.t else (b.t, a.t)
    t = _minimum(a, b, first, last)
    margin = 0.1 * (last - first)
    if not (last - t < margin or t - first < margin):
        return t, False
    if not stalled and first < t < last:
        return t, True
    return (last - margin if last - t < t - first else first + margin), False


def _gap(a: Point, b: Point) -> Number:
    return b.t - a.t if a.t <= b.t else a.t - b.t


def _minimum(a: Point, b: Point, lower: Number, upper: Number) -> Number:
    """The minimum, within bounds, of the cubic through two points with their slopes."""
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (lower + upper) / 2.0
    d2 = square.sqrt()
    if a.t > b.t:
        a, b = b, a
    t: Number = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    t = max(t, lower)
    return min(t, upper)
