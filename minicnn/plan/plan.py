"""A plan: a list of calls without arguments, bound to fixed arrays.

With several images, each thread runs the same list on its own share of the images ("lanes"), from
start to end and in its own memory. With one image, or where all images are needed at once, the threads
share the work of each step.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np

from ..dtypes import all_ignored, numpy_errors
from ..graph import Graph, Value
from ..graph.structure import replaced
from ..kernels.cpu.planned import Scratch, Step
from ..kernels.cpu.runtime.threads import num_threads
from ..kernels.cpu.runtime.windows import even_slices
from ..tensor import Tensor
from .choice import Choices, fastest
from .memory import Arrays, bytes_needed, lay_out, to_nchw
from .operations import Operation, lower
from .program import Program
from .simplify import simplify
from .stages import Stage, divide
from .steps import Place, candidates
from .sync import barriers

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
        operations = lower(graph)
        outputs = [x for x in graph.outputs if x.tensor is None]  # that are not constants now
        operations = simplify(operations, outputs)
        layout, operations = lay_out(operations, outputs)
        self.threads = num_threads()
        self.N = graph.inputs[0].shape[0] if graph.inputs and graph.inputs[0].shape else 1
        self.has_lanes = self.N > 1 and (self.N % self.threads == 0 or self.N > 2 * self.threads)
        in_lanes = [
            self.has_lanes
            and o.by_image
            and o.kind not in (*_ALONE, "linear")
            and layout.whole.isdisjoint(o.taken)
            for o in operations
        ]
        needed, after = bytes_needed(operations, layout, outputs, self.N)
        stages = divide(needed, after, in_lanes, self._lanes())
        self.arrays = Arrays(layout, operations, stages, self.N, self.threads, outputs)
        self.scratch = [Scratch() for _ in range(self.threads)]
        self.prepared: dict[Operation, dict[Hashable, np.ndarray]] = {}
        self.given: list[np.ndarray] = []
        self.choices = choices
        self.segments = self._segments(operations, stages)
        self.results = {value: to_nchw(self.arrays.common_array(value)) for value in outputs}
        self.result = graph.result
        self.lock = threading.Lock()
        choices.save()

    def _lanes(self) -> list[slice]:
        """The images of each thread."""
        return even_slices(self.N, self.threads if self.has_lanes else 1)

    def _segments(
        self, operations: list[Operation], stages: list[Stage]
    ) -> list[Callable[[], None]]:
        """Programs for all threads, and between them steps that use all threads by themselves."""
        segments: list[Callable[[], None]] = []
        steps: list[Step] = []
        waits: list[bool] = []
        for stage in stages:
            for alone, some in itertools.groupby(
                operations[stage.first : stage.last + 1], lambda o: o.kind in _ALONE
            ):
                found = [self._steps(operation, stage) for operation in some]
                if alone:
                    if steps:
                        segments.append(Program(steps, self.threads, waits))
                    segments += [step for (step,) in found]
                    steps, waits = [], []
                    continue
                in_turns = [step for turn in zip(*found, strict=True) for step in turn]
                steps += in_turns
                waits += self._waits(in_turns, stage)
        if steps:
            segments.append(Program(steps, self.threads, waits))
        return segments

    def _waits(self, steps: list[Step], stage: Stage) -> list[bool]:
        """Before which steps the threads wait for each other: always before the first."""
        if stage.images:  # of which each thread has its own
            return [True, *[False] * (len(steps) - 1)]
        return [True, *barriers(steps, self.arrays.blocks)[1:]]

    def _steps(self, operation: Operation, stage: Stage) -> list[Step]:
        """The fastest steps for an operation, one for each turn; it is found with a few images."""
        turns = [*zip(*stage.images, strict=True)] or [(slice(0, self.N),)]
        few = turns[0]
        if stage.images:
            few = tuple(slice(s.start, min(s.stop, s.start + _MEASURED)) for s in few)
        key = f"{operation.describe()} {few[0].stop} of {'a lane' if stage.images else self.N}"
        # of their own, since some candidates need more than the winner
        spare = [Scratch() for _ in range(self.threads)]

        def make(only: str | None) -> Iterator[Step]:
            return self._candidates(operation, stage, few, spare, only)

        operation.arrays, operation.scale = operation.final_arrays(), None
        prepared = self.prepared.setdefault(operation, {})
        name = fastest(key, self.choices, make, self.threads, prepared)
        steps = [
            next(self._candidates(operation, stage, turn, self.scratch, name)) for turn in turns
        ]
        del self.prepared[operation]  # the steps have the transformed weights that they need
        operation.arrays = {}
        return steps

    def _candidates(
        self,
        operation: Operation,
        stage: Stage,
        images: tuple[slice, ...],
        scratch: list[Scratch],
        only: str | None,
    ) -> Iterator[Step]:
        """Steps for an operation on some images of each thread, or on all that they share."""
        if not stage.images:
            place = self._place(self.arrays.common_array, images[0], scratch)
            yield from candidates(operation, place, only)
            return
        of_each_thread = []
        for i, own in enumerate(images):
            place = self._place(self.arrays.of_images(i, own), own, scratch[i : i + 1])
            of_each_thread.append(candidates(operation, place, only))
        for steps in zip(*of_each_thread, strict=True):
            yield Step(steps[0].name, [part for step in steps for part in step.parts])

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
