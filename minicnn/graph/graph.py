"""What a graph consists of: values, and nodes that compute values from others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd import Function
from ..html import table_html
from ..kernels.geometry import Geometry
from ..nn.module import Module
from ..tensor import Tensor
from .structure import leaves

__all__ = ["Graph", "Node", "Value"]


@dataclass(eq=False)
class Value:
    """An array of a graph: given to the network, part of it, or computed by a node.

    Attributes:
        name: unique within the graph. Parameters and buffers have their dotted names in the network,
            results the name of the operation and a number.
        kind: ``input``, ``parameter``, ``buffer``, ``constant`` (made in ``forward``) or ``result``.
        shape, dtype: of the array.
        tensor: the numbers of a parameter, buffer or constant; None for the others.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype
    tensor: Tensor | None = None

    def __repr__(self) -> str:
        return f"{self.name}{list(self.shape)}"


@dataclass(eq=False)
class Node:
    """An operation that ran once.

    Attributes:
        operation: the ``Function``; its name is :attr:`name`.
        inputs: its positional arguments: values, and anything else (numbers, None) as it was given.
        options: its keyword arguments, such as ``geometry``.
        outputs: the values that it computed.
        module: dotted name of the module in whose ``forward`` it ran, empty for the network itself.
        writes_input: whether it wrote its result over its first input, as an in-place ReLU does.
    """

    operation: type[Function]
    inputs: tuple[Any, ...]
    options: dict[str, Any]
    outputs: tuple[Value, ...]
    module: str = ""
    writes_input: bool = False

    @property
    def name(self) -> str:
        """The name of the operation, such as ``Conv2d``."""
        return self.operation.__name__

    @property
    def values(self) -> list[Value]:
        """All values among the inputs and the options, where indices may be computed."""
        return [x for x in leaves((self.inputs, self.options)) if isinstance(x, Value)]


@dataclass(eq=False)
class Graph:
    """The operations of a call, in the order in which they ran.

    Attributes:
        inputs: a value for each tensor among the arguments, in their order.
        nodes: the operations.
        outputs: a value for each tensor in the result, in its order.
        result: the result of the call, with a :class:`Value` in the place of each tensor.
        modules: the modules of the network, and those that a function called.
    """

    inputs: list[Value]
    nodes: list[Node] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    result: Any = None
    modules: list[Module] = field(default_factory=list)

    def users(self) -> dict[Value, list[Node]]:
        """The nodes that take each value, once for each time that they take it."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.values:
                found.setdefault(value, []).append(node)
        return found

    def __str__(self) -> str:
        """A table with a line for each operation."""
        return _table(self._rows())

    def _repr_html_(self) -> str:
        rows = self._rows()
        return table_html(rows, left=len(rows[0]))

    def _rows(self) -> list[tuple[str, ...]]:
        """The heading and a row for each operation."""
        rows: list[tuple[str, ...]] = [
            ("name", "operation", "inputs", "output shape", "parameters", "attributes")
        ]
        rows += [("", "input", "", _shape(x), "", x.name) for x in self.inputs]
        for node in self.nodes:
            taken = [x for x in node.values if x.kind in ("input", "result")]
            held = [x for x in node.values if x.kind not in ("input", "result")]
            rows.append(
                (
                    node.module,
                    node.name,
                    ", ".join(x.name for x in taken),
                    ", ".join(map(_shape, node.outputs)),
                    ", ".join(x.name.removeprefix(f"{node.module}.") for x in held),
                    _attributes(node),
                )
            )
        rows += [("", "output", x.name, _shape(x), "", "") for x in self.outputs]
        return rows


def _shape(value: Value) -> str:
    return " x ".join(map(str, value.shape)) or "()"


def _attributes(node: Node) -> str:
    """The options of a node, and those arguments that are numbers."""
    parts = [repr(x) for x in node.inputs if not isinstance(x, Value) and x is not None]
    for name, option in node.options.items():
        if isinstance(option, Geometry):
            parts += _geometry(option)
        elif isinstance(option, np.ndarray):
            parts.append(f"{name}={option.dtype}{list(option.shape)}")
        else:
            parts.append(f"{name}={option}")
    return ", ".join(parts)


def _geometry(geometry: Geometry) -> list[str]:
    """Kernel size and stride, and what differs from the default."""
    parts = [f"kernel_size={geometry.kernel_size}", f"stride={geometry.stride}"]
    for name, default in (("padding", (0, 0)), ("dilation", (1, 1)), ("groups", 1)):
        if getattr(geometry, name) != default:
            parts.append(f"{name}={getattr(geometry, name)}")
    return parts


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of text in columns; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
