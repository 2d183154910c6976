"""Several recordings of one network, for inputs of other lengths, as one.

What is equal in all of them is written into the model as it stands. Where numbers differ, a
:class:`Varying` stands in their place: they depend on the lengths of the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from ..graph import Graph, Node, Value
from .errors import FIXED_LENGTHS, OnnxExporterError

__all__ = ["Recordings", "Size", "Varying", "in_each", "is_same"]


@dataclass(frozen=True, eq=False)
class Varying:
    """A number or an array that depends on the lengths of the inputs: one for each recording."""

    values: tuple[Any, ...]


Size = int | Varying


def in_each(*values: Any) -> list[tuple[Any, ...]]:
    """What several numbers or arrays are in each recording; one alone if none of them varies."""
    count = max(len(v.values) if isinstance(v, Varying) else 1 for v in values)
    return [
        tuple(v.values[i] if isinstance(v, Varying) else v for v in values) for i in range(count)
    ]


def is_same(a: Size, b: Size) -> bool:
    """Whether two lengths are equal in all recordings."""
    return all(first == second for first, second in in_each(a, b))


class _Differ(Exception):
    """Two recordings differ in more than numbers."""


class Recordings:
    """One graph, made of those of all recordings.

    Attributes:
        graphs: the recordings.
        nodes: those of the first graph, with :class:`Varying` options.
    """

    def __init__(self, graphs: Sequence[Graph]) -> None:
        self.graphs = graphs
        self._twins: dict[Value, tuple[Value, ...]] = {}
        if len({len(graph.nodes) for graph in graphs}) > 1:
            raise OnnxExporterError(_OTHER_OPERATIONS.format("the network runs"))
        for inputs in zip(*(graph.inputs for graph in graphs), strict=True):
            self._twins[inputs[0]] = inputs
        self.nodes = [
            self._joined(nodes) for nodes in zip(*(graph.nodes for graph in graphs), strict=True)
        ]
        if len({len(graph.outputs) for graph in graphs}) > 1:
            raise OnnxExporterError(_OTHER_OUTPUTS)
        for outputs in zip(*(graph.outputs for graph in graphs), strict=True):
            if not self._are_twins(outputs):
                raise OnnxExporterError(_OTHER_OUTPUTS)

    def shape(self, value: Value) -> tuple[Size, ...]:
        """The shape of a value."""
        shapes = [twin.shape for twin in self._twins.get(value, (value,))]
        if len({len(shape) for shape in shapes}) > 1:
            raise OnnxExporterError(_OTHER_OPERATIONS.format(f"{value.name} has"))
        joined: Any = _joined(shapes)
        return joined

    def array(self, value: Value) -> np.ndarray | Varying | None:
        """The numbers of a parameter, buffer or constant; None for other values."""
        if value.kind != "constant":
            return None if value.tensor is None else value.tensor.array
        twins = self._twins.get(value, (value,))
        joined: Any = _joined([twin.tensor.array for twin in twins if twin.tensor is not None])
        return joined

    def _are_twins(self, values: tuple[Value, ...]) -> bool:
        """Whether values of all recordings are one in the model."""
        # values that an operation computed are known, parameters are the same tensors
        known = self._twins.setdefault(values[0], values)
        return known == values or values[0].kind in ("parameter", "buffer", "constant")

    def _joined(self, nodes: tuple[Node, ...]) -> Node:
        first = nodes[0]
        where = f"{first.name} of module {first.module!r} runs"
        if len({node.operation for node in nodes}) > 1:
            raise OnnxExporterError(_OTHER_OPERATIONS.format(where))
        for values in zip(*(node.values for node in nodes), strict=False):
            if not self._are_twins(values):
                raise OnnxExporterError(_OTHER_OPERATIONS.format(where))
        for outputs in zip(*(node.outputs for node in nodes), strict=True):
            self._twins[outputs[0]] = outputs
        try:
            inputs: Any = _joined([node.inputs for node in nodes])
            options: Any = _joined([node.options for node in nodes])
        except _Differ:
            raise OnnxExporterError(_OTHER_OPERATIONS.format(where)) from None
        return Node(
            first.operation, inputs, options, first.outputs, first.module, first.writes_input
        )


_OTHER_OPERATIONS = (
    "cannot export to ONNX with open lengths: {} other operations for other lengths of the inputs. "
    + FIXED_LENGTHS
)
_OTHER_OUTPUTS = (
    "cannot export to ONNX with open lengths: the network returns other tensors for other lengths of "
    f"the inputs. {FIXED_LENGTHS}"
)


def _joined(parts: Sequence[Any]) -> object:
    """Equal structures, as one that has a :class:`Varying` where their numbers differ."""
    first = parts[0]
    if isinstance(first, Value) or len(parts) == 1:
        return first
    if any(type(part) is not type(first) for part in parts):
        raise _Differ
    if isinstance(first, np.ndarray):
        same = all(
            part.dtype == first.dtype
            and np.array_equal(part, first, equal_nan=first.dtype.kind == "f")
            for part in parts
        )
        return first if same else Varying(tuple(parts))
    if isinstance(first, (tuple, list)):
        if len({len(part) for part in parts}) > 1:
            raise _Differ
        joined = [_joined(some) for some in zip(*parts, strict=True)]
        return joined if isinstance(first, list) else tuple(joined)
    if isinstance(first, dict):
        return {key: _joined([part[key] for part in parts]) for key in first}
    if isinstance(first, slice):
        return slice(*_of_attributes(parts, ("start", "stop", "step")))
    if is_dataclass(first) and not isinstance(first, type):
        kind: Any = type(first)
        return kind(*_of_attributes(parts, [field.name for field in fields(first)]))
    if all(part is first or part == first for part in parts):
        return first
    if isinstance(first, (int, float)):
        return Varying(tuple(parts))
    raise _Differ


def _of_attributes(parts: Sequence[Any], names: Sequence[str]) -> list[object]:
    return [_joined([getattr(part, name) for part in parts]) for name in names]
