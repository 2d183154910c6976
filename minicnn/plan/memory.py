"""Where the values of a plan lie: which share an array, and which part of one block each gets.

A value is a view of another (``flatten``), or a range of channels within the result of a ``cat``,
which its branches then write in place. All others are roots. Roots that are never needed at the same
time share memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..graph import Value
from ..memory import zeros
from .operations import ELEMENTWISE, Operation, run_forward
from .stages import Stage

__all__ = ["Arrays", "Layout", "bytes_needed", "lay_out", "to_nchw", "to_nhwc"]

_ALIGNMENT = 64  # bytes, one cache line
_WRITES_CHANNELS = frozenset((
    "conv", "affine", "clip", "activation", "add", "scale", "shuffle", "max_pool", "avg_pool", "lrn",
))  # fmt: skip


def to_nhwc(array: np.ndarray) -> np.ndarray:
    """An (N, H, W, C) view of images (N, C, H, W), as plans have them; other arrays stay as they are."""
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def to_nchw(array: np.ndarray) -> np.ndarray:
    """An (N, C, H, W) view of images (N, H, W, C); other arrays stay as they are."""
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


@dataclass
class Layout:
    """Which values lie within others.

    Attributes:
        parts: for a range of channels: the value that it is a part of, and its first channel.
        views: for a view: the value it shows, and how to make the array from that value's.
        whole: views that need all images at once.
        planar: values that lie in memory as (N, C, H, W), though their arrays are (N, H, W, C): what
            an attention computes, for which the last axis is that of a vector.
    """

    parts: dict[Value, tuple[Value, int]]
    views: dict[Value, tuple[Value, Callable[[np.ndarray], np.ndarray]]]
    whole: set[Value]
    planar: set[Value]

    def shaped(self, root: Value, memory: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The array of a root, whose shape is (n, H, W, C) for images, in memory of its size."""
        if root not in self.planar:
            return memory.reshape(shape)
        n, H, W, C = shape
        return to_nhwc(memory.reshape(n, C, H, W))

    def root(self, value: Value) -> Value:
        """The value in whose array another one lies."""
        while value in self.parts or value in self.views:
            value = self.parts[value][0] if value in self.parts else self.views[value][0]
        return value

    def array(self, value: Value, of_root: Callable[[Value], np.ndarray]) -> np.ndarray:
        """The array of a value, given those of the roots."""
        if value in self.views:
            source, view = self.views[value]
            return view(self.array(source, of_root))
        if value in self.parts:
            whole, start = self.parts[value]
            return self.array(whole, of_root)[..., start : start + value.shape[1]]
        return of_root(value)


def lay_out(operations: list[Operation], outputs: list[Value]) -> tuple[Layout, list[Operation]]:
    """Finds views and parts, and drops the operations that need no step then."""
    layout = Layout({}, {}, set(), _planar(operations))
    made_by = {operation.output: operation for operation in operations}
    kept = [operation for operation in operations if not _is_view(operation, layout)]
    viewed = {source for source, _ in layout.views.values()}
    for operation in reversed(kept):
        if operation.kind == "cat":
            _place_branches(operation, layout, made_by, viewed.union(outputs))
    return layout, [o for o in kept if o.kind != "cat" or not _is_in_place(o, layout)]


def _is_view(operation: Operation, layout: Layout) -> bool:
    """Whether the result lies in the memory of the input; the layout then has it as a view."""
    view = _view(operation)
    if view is None:
        return False
    source = operation.inputs[0]
    array = layout.array(source, partial(_example, layout))
    if not np.may_share_memory(view(array), array):
        return False
    layout.views[operation.output] = source, view
    if not operation.by_image or source in layout.whole:
        layout.whole.add(operation.output)
    return True


def _example(layout: Layout, root: Value) -> np.ndarray:
    """An array as that of a root."""
    return layout.shaped(root, np.empty(math.prod(root.shape), root.dtype), stored_shape(root))


def _planar(operations: list[Operation]) -> set[Value]:
    """Results of products and vectors, and what is computed from them element by element."""
    image_values = {
        x
        for operation in operations
        if operation.kind not in ("generic", "view")
        for x in operation.taken
    }
    planar: set[Value] = set()
    for operation in operations:
        out, node = operation.output, operation.node
        if operation.kind != "generic" or node is None or len(out.shape) != 4:
            continue
        axes = {"MatMul": (3,), "Softmax": (node.options.get("dim"),)}.get(
            node.name, node.options.get("axes")
        )
        goes_on = node.name in ELEMENTWISE and not planar.isdisjoint(operation.inputs)
        if (axes in ((3,), (-1,)) or goes_on) and out not in image_values:
            planar.add(out)
    return planar


def _view(operation: Operation) -> Callable[[np.ndarray], np.ndarray] | None:
    """How the result follows from the input's array, if that takes no step; else None."""
    if operation.kind == "view":
        node: Any = operation.node
        rest = node.inputs[1:]

        def view(array: np.ndarray) -> np.ndarray:
            return to_nhwc(run_forward(node, [to_nchw(array), *rest], node.options)[0])

        return view
    if operation.kind == "flatten":
        _, C, H, W = operation.inputs[0].shape
        if H * W == 1 or C == 1:
            return lambda array: array.reshape(len(array), -1)
    return None


def _place_branches(
    cat: Operation, layout: Layout, made_by: dict[Value, Operation], fixed: set[Value]
) -> None:
    """Makes each branch of a ``cat`` a part of its result, where that is possible.

    A branch that is the result of a ``cat`` itself comes first, and its own branches follow it. Where
    the branches are already parts of another value, in this order, so is the result. A branch that is
    a part elsewhere is copied.
    """
    place = _joined(cat, layout)
    if place is not None:
        if cat.output not in fixed and cat.output not in layout.parts:
            layout.parts[cat.output] = place
        return
    starts = np.cumsum([0, *(branch.shape[1] for branch in cat.inputs)]).tolist()
    for branch, start in sorted(
        zip(cat.inputs, starts), key=lambda pair: made_by[pair[0]].kind != "cat"
    ):
        maker = made_by[branch]
        free = branch not in layout.parts and branch not in layout.views and branch not in fixed
        if free and (maker.kind in _WRITES_CHANNELS or maker.kind == "cat"):
            layout.parts[branch] = cat.output, start
            if maker.kind == "cat":
                _place_branches(maker, layout, made_by, fixed)


def _joined(cat: Operation, layout: Layout) -> tuple[Value, int] | None:
    """Where all branches lie one after the other in another value: that value and the channel."""
    root, first = _position(cat.inputs[0], layout)
    channel = first
    for branch in cat.inputs:
        if branch not in layout.parts or _position(branch, layout) != (root, channel):
            return None
        channel += branch.shape[1]
    return root, first


def _is_in_place(cat: Operation, layout: Layout) -> bool:
    """Whether all branches of a ``cat`` already lie one after the other in its result."""
    start = 0
    root, first = _position(cat.output, layout)
    for branch in cat.inputs:
        if _position(branch, layout) != (root, first + start):
            return False
        start += branch.shape[1]
    return True


def _position(value: Value, layout: Layout) -> tuple[Value, int]:
    """The root that a value is a part of, and its first channel there."""
    channel = 0
    while value in layout.parts:
        value, start = layout.parts[value]
        channel += start
    return value, channel


def bytes_needed(
    operations: list[Operation], layout: Layout, outputs: list[Value], N: int
) -> tuple[list[int], list[int]]:
    """For each operation, the size of the values of one image that are needed then, and after it."""
    needed, after = [0] * len(operations), [0] * len(operations)
    for value, interval in _intervals(operations, layout, outputs).items():
        for i in range(interval.first, min(interval.last + 1, len(operations))):
            needed[i] += _bytes(value) // N
            after[i] += _bytes(value) // N if i < interval.last else 0
    return needed, after


def _intervals(
    operations: list[Operation], layout: Layout, outputs: list[Value]
) -> dict[Value, _Interval]:
    """When each root is needed; outputs are until the end."""
    used: dict[Value, _Interval] = {}
    for i, operation in enumerate(operations):
        for value in map(layout.root, (*operation.taken, operation.output)):
            used.setdefault(value, _Interval(_bytes(value), i, i)).last = i
    for value in map(layout.root, outputs):
        used[value].last = len(operations)
    return used


class Arrays:
    """The arrays of all values.

    What is used in one stage of lanes alone lies in a block of each thread, with room for the images
    that it has at a time. The rest lies in a block that all threads share, with room for all images.

    Args:
        layout: which values lie within others.
        operations: in their order.
        stages: which of them follow each other for some of the images.
        N: number of images.
        threads: how many have a block.
        outputs: the values that are needed at the end.
    """

    def __init__(
        self,
        layout: Layout,
        operations: list[Operation],
        stages: list[Stage],
        N: int,
        threads: int,
        outputs: list[Value],
    ) -> None:
        self.layout = layout
        shared = _intervals(operations, layout, outputs)
        own: dict[Value, _Interval] = {}
        for stage in stages:
            if not stage.images:
                continue
            for value, interval in list(shared.items()):
                starts = stage.first <= interval.first <= stage.last
                ends = stage.first <= interval.last <= stage.last
                if starts and ends:
                    own[value] = shared.pop(value)
                    own[value].size = interval.size // N * stage.most
                elif starts:
                    interval.first = stage.first  # images of other turns need the memory then
                elif ends:
                    interval.last = stage.last
        self.shared, shared_size = _allocate(shared)
        self.own, own_size = _allocate(own)
        self.block = zeros((shared_size,), np.uint8)
        self.own_blocks = [zeros((own_size,), np.uint8) for _ in range(threads)]

    @property
    def blocks(self) -> list[np.ndarray]:
        """All memory."""
        return [self.block, *self.own_blocks]

    def of_images(self, thread: int, images: slice) -> Callable[[Value], np.ndarray]:
        """Gives the arrays of values for some images, as a thread has them; they are (n, H, W, C)."""

        def of_root(root: Value) -> np.ndarray:
            shape = stored_shape(root)
            if root in self.shared:
                return self._cut(self.block, self.shared[root], root, shape)[images]
            shape = images.stop - images.start, *shape[1:]
            return self._cut(self.own_blocks[thread], self.own[root], root, shape)

        return lambda value: self.layout.array(value, of_root)

    def common_array(self, value: Value) -> np.ndarray:
        """The array of a value with all images (N, H, W, C)."""
        return self.layout.array(
            value, lambda root: self._cut(self.block, self.shared[root], root, stored_shape(root))
        )

    def _cut(
        self, block: np.ndarray, start: int, root: Value, shape: tuple[int, ...]
    ) -> np.ndarray:
        size = math.prod(shape) * root.dtype.itemsize
        return self.layout.shaped(root, block[start : start + size].view(root.dtype), shape)


def stored_shape(value: Value) -> tuple[int, ...]:
    """The shape of a value in the memory of a plan."""
    if len(value.shape) != 4:
        return value.shape
    N, C, H, W = value.shape
    return N, H, W, C


def _bytes(value: Value) -> int:
    return math.prod(value.shape) * value.dtype.itemsize


@dataclass
class _Interval:
    """The bytes that something needs, from the step ``first`` to the step ``last``."""

    size: int
    first: int
    last: int


def _allocate(intervals: dict[Value, _Interval]) -> tuple[dict[Value, int], int]:
    """An offset for each, so that no two that are needed at the same time overlap; the total size.

    The largest first, each at the lowest place that is free (Pisarchyk and Lee, "Efficient memory
    management for deep neural net inference", 2020).
    """
    offsets: dict[Value, int] = {}
    total = 0
    for value in sorted(intervals, key=lambda v: -intervals[v].size):
        new = intervals[value]
        taken = sorted(
            (offsets[other], offsets[other] + _aligned(intervals[other].size))
            for other in offsets
            if intervals[other].first <= new.last and new.first <= intervals[other].last
        )
        offset = 0
        for start, stop in taken:
            if start - offset >= new.size:
                break
            offset = max(offset, stop)
        offsets[value] = offset
        total = max(total, offset + _aligned(new.size))
    return offsets, total


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
