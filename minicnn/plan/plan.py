"""A plan: a list of calls without arguments, bound to fixed arrays.

With several images, each thread runs the same list on its own share of the images ("lanes"), from
start to end and in its own memory. With one image, or where all images are needed at once, the threads
share the work of each step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from ..dtypes import all_ignored, numpy_errors
from ..graph import Graph, Value
from ..graph.structure import replaced
from ..kernels.cpu.planned import Scratch, Step
from ..kernels.cpu.runtime.threads import num_threads
from ..tensor import Tensor
from .choice import Choices, fastest
from .memory import Arrays, lay_out, to_nchw
from .operations import Operation, lower
from .program import Program
from .simplify import simplify
from .steps import Place, candidates

__all__ = ["Plan"]

_MEASURED = 2  # images of each lane, when steps are measured

_ALONE = ("generic",)  # kernels that share their work among the threads by themselves


class Plan:
    """A recorded network, ready to run on other numbers of the same shapes.

    Args:
        graph: the recording.
        choices: which steps are the fastest; new choices are added.
    """

    def __init__(self, graph: Graph, choices: Choices) -> None:
        outputs = [x for x in graph.outputs if x.tensor is None]
        operations = simplify(lower(graph), outputs)
        layout, operations = lay_out(operations, outputs)
        self.threads = num_threads()
        self.N = graph.inputs[0].shape[0] if graph.inputs and graph.inputs[0].shape else 1
        self.has_lanes = (
            1 < self.threads
            and self.N > 1
            and (self.N % self.threads == 0 or self.N > 2 * self.threads)
        )
        in_lanes = [
            self.has_lanes and o.by_image and o.kind not in (*_ALONE, "linear") for o in operations
        ]
        self.arrays = Arrays(layout, operations, in_lanes, self._lanes(), outputs)
        self.scratch = [Scratch() for _ in range(self.threads)]
        self.prepared: dict[Operation, dict[Hashable, np.ndarray]] = {}
        self.given: list[np.ndarray] = []
        self.choices = choices
        self.segments = self._segments(operations, in_lanes)
        self.results = {value: to_nchw(self.arrays.common_array(value)) for value in outputs}
        self.result = graph.result
        self.lock = threading.Lock()
        choices.save()

    def _lanes(self) -> list[slice]:
        """The images of each thread."""
        if not self.has_lanes:
            return [slice(0, self.N)]
        N, count = self.N, self.threads
        return [slice(N * i // count, N * (i + 1) // count) for i in range(count)]

    def _segments(
        self, operations: list[Operation], in_lanes: list[bool]
    ) -> list[Callable[[], None]]:
        """Programs for all threads, and between them steps that use all threads by themselves."""
        segments: list[Callable[[], None]] = []
        steps: list[Step] = []
        for operation, lanes in zip(operations, in_lanes, strict=True):
            step = self._step(operation, lanes)
            if operation.kind not in _ALONE:
                steps.append(step)
                continue
            if steps:
                segments.append(Program(steps, self.threads, self.arrays.blocks))
            segments.append(step)
            steps = []
        if steps:
            segments.append(Program(steps, self.threads, self.arrays.blocks))
        return segments

    def _step(self, operation: Operation, in_lanes: bool) -> Step:
        """The fastest step for an operation, found with a few images of each lane."""
        lanes = self._lanes()
        some = min(lanes[0].stop, _MEASURED) if in_lanes else self.N

        def make(only: str | None) -> list[Step]:
            return self._candidates(operation, in_lanes, some, only)

        key = f"{operation.describe()} {some} of {self.N if not in_lanes else 'a lane'}"
        prepared = self.prepared.setdefault(operation, {})
        name = fastest(key, self.choices, make, self.threads, prepared)
        (step,) = self._candidates(operation, in_lanes, self.N, name)
        self.prepared.pop(operation, None)  # the step has the transformed weights that it needs
        return step

    def _candidates(
        self, operation: Operation, in_lanes: bool, images: int, only: str | None
    ) -> list[Step]:
        """Steps for an operation; in lanes for at most so many images of each."""
        if not in_lanes:
            place = self._place(self.arrays.common_array, slice(0, self.N), self.scratch)
            return candidates(operation, place, only)
        of_each_lane = []
        for i, lane in enumerate(self._lanes()):
            array_of = self.arrays.of_lane(i, images)
            place = self._place(array_of, lane, self.scratch[i : i + 1])
            of_each_lane.append(candidates(operation, place, only))
        return [
            Step(steps[0].name, [part for step in steps for part in step.parts])
            for steps in zip(*of_each_lane, strict=True)
        ]

    def _place(self, array_of: Any, images: slice, scratch: list[Scratch]) -> Place:
        return Place(array_of, images, scratch, self.given, self.prepared)

    def __call__(self, inputs: list[np.ndarray]) -> Any:
        """The result of the network for new inputs, in fresh arrays."""
        with self.lock:
            self.given[:] = inputs
            before = numpy_errors.set(all_ignored)
            try:
                for segment in self.segments:
                    segment()
                return replaced(self.result, self._output)
            finally:
                numpy_errors.reset(before)
                self.given.clear()

    def _output(self, leaf: Any) -> object:
        if not isinstance(leaf, Value):
            return leaf
        array = leaf.tensor.array if leaf.tensor is not None else self.results[leaf]
        return Tensor.of(array.copy(order="K"))
