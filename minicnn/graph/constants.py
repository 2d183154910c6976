"""Whether the constants of a graph are constant.

Arrays that ``forward`` makes without an operation may be constants (``mc.arange(10)``), or may be
computed from the input behind the recorder's back. A second recording with other inputs tells.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from .errors import CannotRecord
from .graph import Graph, Node, Value
from .structure import leaves

__all__ = ["check_constants", "has_constants"]

_FROM_SHAPES = ("AvgPool2d",)  # operations whose array options follow from shapes alone


def has_constants(graph: Graph) -> bool:
    """Whether a graph has arrays that are neither computed nor part of the network."""
    return any(value.kind == "constant" for value in graph.outputs) or any(
        any(value.kind == "constant" for value in node.values)
        or (node.name not in _FROM_SHAPES and any(map(_is_array, _plain_leaves(node))))
        for node in graph.nodes
    )


def check_constants(graph: Graph, other: Graph) -> None:
    """Checks that two recordings with different inputs gave the same graph.

    Raises:
        CannotRecord: if they did not.
    """
    if len(graph.nodes) != len(other.nodes):
        raise CannotRecord("runs other operations for other inputs")
    places = {value: i for i, value in enumerate(_values(graph))}
    other_places = {value: i for i, value in enumerate(_values(other))}
    if not all(map(_same_constant, graph.outputs, other.outputs)):
        raise CannotRecord("returns numbers that no operation computed from its input")
    for node, twin in zip(graph.nodes, other.nodes, strict=True):
        same = (
            node.operation is twin.operation
            and [places.get(x) for x in node.values] == [other_places.get(x) for x in twin.values]
            and all(map(_same_constant, node.values, twin.values))
        )
        if not same:
            raise CannotRecord("runs other operations for other inputs, or has random constants")
        options, twin_options = _plain_leaves(node), _plain_leaves(twin)
        if len(options) != len(twin_options) or not all(map(_equal, options, twin_options)):
            raise CannotRecord(
                f"reads numbers in forward: {node.name} has other options for other inputs, such as a "
                "mask (where and masked_fill take one)"
            )


def _values(graph: Graph) -> list[Value]:
    """What changes from call to call: the inputs and all results."""
    return [*graph.inputs, *(value for node in graph.nodes for value in node.outputs)]


def _plain_leaves(node: Node) -> list[Any]:
    """The options of a node, and those arguments that are not values."""
    return [x for x in leaves((node.options, node.inputs)) if not isinstance(x, Value)]


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray)


def _same_constant(value: Value, twin: Value) -> bool:
    if value.tensor is None or twin.tensor is None:
        return value.tensor is twin.tensor
    return value.tensor is twin.tensor or _equal(value.tensor.array, twin.tensor.array)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if is_dataclass(a) and type(a) is type(b):
        return all(_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return a is b or (type(a) is type(b) and bool(a == b))
