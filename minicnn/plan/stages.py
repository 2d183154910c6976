"""How many images go through the operations of a plan together.

Each thread has its own share of the images (a lane). It takes a few of them at a time through all
operations of a stage, so that what the operations leave lies in the cache, or at least needs little
memory. Where images are large, at the beginning of a network, these are fewer than where they are
small: later operations have more weights, which should be read rarely.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from ..kernels.cpu.runtime.windows import even_slices

__all__ = ["Stage", "divide"]

_STAGE_BYTES = 1 << 24  # of the values that a thread needs at a time


@dataclass
class Stage:
    """Some operations in a row.

    Attributes:
        first: the index of the first of them.
        last: the index of the last one.
        images: for each thread, the images that it takes through them together, in turns; empty if
            the threads share the work of each operation on all images.
    """

    first: int
    last: int
    images: list[list[slice]]

    @property
    def most(self) -> int:
        """The largest number of images that a thread has at a time."""
        return max((s.stop - s.start for some in self.images for s in some), default=0)


def divide(
    needed: Sequence[int], after: Sequence[int], in_lanes: Sequence[bool], lanes: Sequence[slice]
) -> list[Stage]:
    """The stages of a plan.

    Args:
        needed: for each operation, the bytes that an image needs then.
        after: for each operation, the bytes of an image that are needed later.
        in_lanes: for each, whether it can run on some of the images.
        lanes: the images of each thread.
    """
    fewest = min(lane.stop - lane.start for lane in lanes)
    turns: list[int] = []  # of each operation, from the end: never fewer than those after it
    for size, has_lanes in zip(reversed(needed), reversed(in_lanes), strict=True):
        wanted = 1
        while wanted < fewest and -(-fewest // wanted) * size > _STAGE_BYTES:
            wanted *= 2
        turns.append(max([min(wanted, fewest), *turns[-1:]]) if has_lanes else 0)
    turns.reverse()
    for i in range(1, len(turns)):
        # What lies between two stages is kept for all images: it should be little, as after pooling.
        if 0 < turns[i] < turns[i - 1] and after[i] < after[i - 1]:
            turns[i] = turns[i - 1]
    stages, start = [], 0
    for count, same in itertools.groupby(turns):
        stop = start + len(list(same))
        stages.append(Stage(start, stop - 1, [_turns(lane, count) for lane in lanes if count]))
        start = stop
    return stages


def _turns(lane: slice, count: int) -> list[slice]:
    """The images of a lane in so many parts."""
    return [
        slice(lane.start + some.start, lane.start + some.stop)
        for some in even_slices(lane.stop - lane.start, count)
    ]
