"""A plan: a list of calls without arguments, bound to fixed arrays.

With several images and threads, each thread runs the same list on its own share of the images, from
start to end ("lanes"), without waiting for the others between the layers. What needs all images
together runs in between.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dtypes import all_ignored, numpy_errors
from ..graph import Graph, Value
from ..graph.structure import replaced
from ..kernels.cpu.runtime.threads import for_each_slice, num_threads
from ..memory import empty
from ..tensor import Tensor
from .memory import Interval, Layout, allocate, lay_out, to_nchw
from .operations import Operation, lower
from .simplify import simplify
from .steps import Step, candidates

__all__ = ["Plan"]


@dataclass
class _Segment:
    """Operations that run one after the other: on each lane, or once for all images."""

    by_image: bool
    operations: list[Operation]


class Plan:
    """A recorded network, ready to run on other numbers of the same shapes."""

    def __init__(self, graph: Graph) -> None:
        outputs = [x for x in graph.outputs if x.tensor is None]
        operations = simplify(lower(graph), outputs)
        layout, operations = lay_out(operations, outputs)
        N = graph.inputs[0].shape[0] if graph.inputs and graph.inputs[0].shape else 1
        lanes = min(N, num_threads()) if any(o.by_image for o in operations) else 1
        segments = _segments(operations, lanes)
        arrays = _Arrays(layout, segments, lanes, N, outputs)
        self.given: list[np.ndarray] = []
        self.segments = [
            [
                self._bind(segment.operations, arrays, i, lane, lanes)
                for lane in range(lanes if segment.by_image else 1)
            ]
            for i, segment in enumerate(segments)
        ]
        self.results = {value: to_nchw(arrays.whole(value)) for value in outputs}
        self.result = graph.result
        self.lock = threading.Lock()

    def _bind(
        self, operations: list[Operation], arrays: _Arrays, segment: int, lane: int, lanes: int
    ) -> list[Step]:
        images = arrays.images(lane) if arrays.segments[segment].by_image else slice(None)
        threads = num_threads() if lanes == 1 or not arrays.segments[segment].by_image else 1

        def array_of(value: Value) -> np.ndarray:
            return arrays.array(value, segment, lane)

        return [candidates(o, array_of, self.given, images, threads)[0] for o in operations]

    def __call__(self, inputs: list[np.ndarray]) -> Any:
        """The result of the network for new inputs, in fresh arrays."""
        with self.lock:
            self.given[:] = inputs
            before = numpy_errors.set(all_ignored)
            try:
                for lanes in self.segments:
                    if len(lanes) == 1:
                        for step in lanes[0]:
                            step()
                    else:
                        for_each_slice(len(lanes), lambda start, stop: _run(lanes[start:stop]))  # noqa: B023
                return replaced(self.result, self._output)
            finally:
                numpy_errors.reset(before)
                self.given.clear()

    def _output(self, leaf: Any) -> object:
        if not isinstance(leaf, Value):
            return leaf
        array = leaf.tensor.array if leaf.tensor is not None else self.results[leaf]
        return Tensor.of(array.copy(order="K"))


def _run(lanes: list[list[Step]]) -> None:
    for steps in lanes:
        for step in steps:
            step()


def _segments(operations: list[Operation], lanes: int) -> list[_Segment]:
    segments: list[_Segment] = []
    for operation in operations:
        by_image = operation.by_image and lanes > 1 and operation.kind != "linear"
        if not segments or segments[-1].by_image != by_image:
            segments.append(_Segment(by_image, []))
        segments[-1].operations.append(operation)
    return segments


class _Arrays:
    """The memory of a plan.

    What is used in one segment alone lies in a block of each lane, since lanes are not at the same
    operation at the same time. The rest lies in a common block.
    """

    def __init__(
        self,
        layout: Layout,
        segments: list[_Segment],
        lanes: int,
        N: int,
        outputs: list[Value],
    ) -> None:
        self.layout, self.segments, self.lanes, self.N = layout, segments, lanes, N
        used: dict[Value, list[tuple[int, int]]] = {}  # segment and step, of each root
        for s, segment in enumerate(segments):
            for i, operation in enumerate(segment.operations):
                for value in (*operation.taken, operation.output):
                    used.setdefault(layout.root(value), []).append((s, i))
        for value in outputs:
            used[layout.root(value)].append((len(segments), 0))
        self.home = {
            value: places[0][0] if len({s for s, _ in places}) == 1 else -1
            for value, places in used.items()
        }
        self.offsets: dict[Value, int] = {}
        common = {
            value: Interval(_bytes(value), places[0][0], max(places)[0])
            for value, places in used.items()
            if self.home[value] < 0
        }
        offsets, size = allocate(common)
        self.offsets.update(offsets)
        self.common = empty((size,), np.uint8)
        self.blocks: list[list[np.ndarray]] = []
        for s, segment in enumerate(segments):
            count = lanes if segment.by_image else 1
            own = {
                value: Interval(-(-_bytes(value) // count), places[0][1], max(places)[1])
                for value, places in used.items()
                if self.home[value] == s
            }
            if segment.by_image:
                largest = -(-N // lanes)
                for value, interval in own.items():
                    interval.size = _bytes(value) // N * largest
            offsets, size = allocate(own)
            self.offsets.update(offsets)
            self.blocks.append([empty((size,), np.uint8) for _ in range(count)])

    def images(self, lane: int) -> slice:
        """The images of a lane."""
        return slice(self.N * lane // self.lanes, self.N * (lane + 1) // self.lanes)

    def array(self, value: Value, segment: int, lane: int) -> np.ndarray:
        """The array of a value for a lane of a segment; images are (n, H, W, C)."""
        by_image = self.segments[segment].by_image
        images = self.images(lane) if by_image else slice(None)

        def of_root(root: Value) -> np.ndarray:
            shape = to_shape(root)
            if self.home[root] < 0:
                return self._cut(self.common, root, shape)[images if by_image else ...]
            if by_image:
                shape = (images.stop - images.start, *shape[1:])
            return self._cut(self.blocks[segment][lane], root, shape)

        return self.layout.array(value, of_root)

    def whole(self, value: Value) -> np.ndarray:
        """The array of a value of the common block, with all images."""
        return self.layout.array(value, lambda root: self._cut(self.common, root, to_shape(root)))

    def _cut(self, block: np.ndarray, value: Value, shape: tuple[int, ...]) -> np.ndarray:
        start = self.offsets[value]
        size = int(np.prod(shape)) * value.dtype.itemsize
        return block[start : start + size].view(value.dtype).reshape(shape)


def to_shape(value: Value) -> tuple[int, ...]:
    """The shape of a value in the memory of a plan."""
    if len(value.shape) != 4:
        return value.shape
    N, C, H, W = value.shape
    return N, H, W, C


def _bytes(value: Value) -> int:
    return int(np.prod(value.shape)) * value.dtype.itemsize
