"""A model in the making: its nodes, weights and names, in ONNX's own structures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..graph import Value
from .axes import Symbol
from .errors import FIXED_LENGTHS, Unwritable
from .varying import Recordings, Size, Varying, is_same

__all__ = ["Model", "element_type"]


class Model:
    """Nodes and weights, each under a name of its own.

    Attributes:
        recordings: what is written.
        symbols: the lengths that are open.
        opset_version: of the operators.
        nodes: what was written, in ONNX's structure.
        initializers: the arrays that were written, by name.
        names: of the values that are there.
        folded: the numbers of results that are the same in every call.
        other_forms: values that have another dtype or shape in the model than in the recording.
        needed: the values that the outputs depend on.
        users: the operations that take each value; an output has one more, None.
    """

    def __init__(
        self, recordings: Recordings, symbols: Sequence[Symbol], opset_version: int
    ) -> None:
        self.recordings, self.symbols = recordings, symbols
        self.opset_version = opset_version
        self.needed = set(recordings.graphs[0].outputs)
        for node in reversed(recordings.nodes):
            if not self.needed.isdisjoint(node.outputs):
                self.needed.update(node.values)
        self.users: dict[Value, list[Any]] = {x: [None] for x in recordings.graphs[0].outputs}
        for node in recordings.nodes:
            for value in node.values:
                self.users.setdefault(value, []).append(node)
        self.nodes: list[Any] = []
        self.initializers: dict[str, np.ndarray] = {}
        self.names: dict[Value, str] = {}
        self.folded: dict[Value, np.ndarray] = {}
        self.other_forms: set[Value] = set()
        self._counts: Counter[str] = Counter()
        self._constants: dict[tuple[Any, ...], str] = {}
        self._lengths: dict[tuple[str, int], str] = {}

    # ------------------------------------------------------------------ names

    def unique(self, name: str) -> str:
        """The name, or if it is taken the name with a number."""
        while True:
            self._counts[name] += 1
            if self._counts[name] == 1:
                return name
            name = f"{name}_{self._counts[name]}"

    def name_of(self, value: Value) -> str:
        """The name of a value; its numbers are written if they are not there yet."""
        if value not in self.names:
            array = self.array_of(value)
            if array is None:
                raise Unwritable(f"takes {value.name}, which no operation computes")
            if isinstance(array, Varying):
                self.names[value] = self.varying_array(array)
            elif value.kind == "constant" and array.size <= 1:
                self.names[value] = self.constant(array)
            else:
                self.names[value] = self.initializer(array, value.name)
        return self.names[value]

    def array_of(self, value: Value) -> np.ndarray | Varying | None:
        """The numbers of a value that is the same in every call; None for others."""
        if value in self.folded:
            return self.folded[value]
        return self.recordings.array(value)

    # ------------------------------------------------------------------ what a model consists of

    def node(
        self, kind: str, inputs: Sequence[str], name: str, outputs: int = 1, **attributes: Any
    ) -> tuple[str, ...]:
        """Writes a node.

        Args:
            kind: ONNX's operator.
            inputs: names; "" for one that is left out.
            name: of the node, and the first output.
            outputs: how many there are.
            attributes: of the node; those that are None are left out.

        Returns:
            The names of the outputs.
        """
        from onnx import helper

        name = self.unique(name)
        results = tuple(self.unique(f"{name}:{i}") if i else name for i in range(outputs))
        given: dict[str, Any] = {
            key: _plain(value) for key, value in attributes.items() if value is not None
        }
        self.nodes.append(helper.make_node(kind, inputs, results, name, **given))
        return results

    def initializer(self, array: np.ndarray, name: str) -> str:
        """Writes an array; its numbers are copied at the end."""
        name = self.unique(name)
        self.initializers[name] = array
        return name

    def constant(self, array: np.ndarray | np.generic) -> str:
        """Writes a small array once."""
        key = (array.dtype.str, array.dtype.name, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.initializer(np.asarray(array), "constant")
        return self._constants[key]

    # ------------------------------------------------------------------ lengths of inputs

    def length(self, size: Size, near: Iterable[Value] = ()) -> str:
        """The name of a length, an int64 vector of one element.

        Args:
            size: a number, or one that depends on the lengths of the inputs.
            near: values that may have an axis of this length.

        Raises:
            Unwritable: if the model cannot compute it.
        """
        if not isinstance(size, Varying):
            return self.constant(np.array([size], np.int64))
        for symbol in self.symbols:
            if size.values == self._values(symbol):
                return self._shape_at(self.recordings.graphs[0].inputs[symbol.places[0][0]], symbol)
        return (
            self._axis_of(size, near)
            or self._multiple(size)
            or self._axis_of(size, list(self.names))
            or self._unknown(size)
        )

    def lengths(self, sizes: Sequence[Size], near: Iterable[Value] = ()) -> str:
        """The name of several lengths, an int64 vector."""
        if not any(isinstance(size, Varying) for size in sizes):
            return self.constant(np.array(sizes, np.int64))
        parts = [self.length(size, near) for size in sizes]
        return parts[0] if len(parts) == 1 else self.node("Concat", parts, "sizes", axis=0)[0]

    def varying_array(self, array: Varying) -> str:
        """The name of an array that depends on the lengths of the inputs.

        Raises:
            Unwritable: unless it is one number, repeats along an axis, or counts along one.
        """
        first, shape = array.values[0], self._shape_of(array)
        if first.ndim == 0:
            return self._number(array)
        if shape is not None:
            axes = [axis for axis, size in enumerate(shape) if isinstance(size, Varying)]
            one = first[tuple(slice(0, 1) if a in axes else slice(None) for a in range(first.ndim))]
            if all(np.array_equal(np.broadcast_to(one, v.shape), v) for v in array.values):
                names = [self.constant(one), self.lengths(shape)]
                return self.node("Expand", names, "repeated")[0]
            if len(axes) == 1 and (counted := self._counted(array, shape, axes[0])):
                return counted
        raise Unwritable(
            f"takes an array of shape {first.shape} that forward made, whose numbers depend on the "
            f"lengths of the inputs ({FIXED_LENGTHS})"
        )

    def dims(self, value: Value) -> list[int | str | None]:
        """A shape as ONNX declares it: lengths, and the names of those that are open."""
        names = {self._values(symbol): symbol.name for symbol in self.symbols}
        return [
            names.get(size.values) if isinstance(size, Varying) else size
            for size in self.recordings.shape(value)
        ]

    def _values(self, symbol: Symbol) -> tuple[int, ...]:
        """The lengths of a symbol in all recordings."""
        others = range(len(self.recordings.graphs) - 1)
        return (symbol.lengths[0], *(symbol.lengths[self.symbols[i] is symbol] for i in others))

    def _shape_at(self, value: Value, axis: Symbol | int) -> str:
        """The length of an axis of a value, read when the model runs."""
        if isinstance(axis, Symbol):
            axis = axis.places[0][1]
        name = self.name_of(value)
        if (name, axis) not in self._lengths:
            (self._lengths[name, axis],) = self.node(
                "Shape", [name], f"{name}/Shape", start=axis, end=axis + 1
            )
        return self._lengths[name, axis]

    def _axis_of(self, size: Varying, values: Iterable[Value]) -> str | None:
        for value in values:
            for axis, length in enumerate(self.recordings.shape(value)):
                if is_same(length, size):
                    return self._shape_at(value, axis)
        return None

    def _multiple(self, size: Varying) -> str | None:
        """A multiple of one open length, or one that is longer or shorter by a number."""
        for symbol in self.symbols:
            lengths = self._values(symbol)
            step = max(lengths) - min(lengths)
            factor, rest = divmod(max(size.values) - min(size.values), step)
            offset = size.values[0] - factor * lengths[0]
            fits = all(v == factor * n + offset for v, n in zip(size.values, lengths, strict=True))
            if rest or not fits or (offset and factor != 1):
                continue
            name = self.length(Varying(lengths))
            for kind, number, neutral in (("Mul", factor, 1), ("Add", offset, 0)):
                if number != neutral:
                    name = self.node(kind, [name, self.length(number)], "size")[0]
            return name
        return None

    def _unknown(self, size: Varying) -> str:
        raise Unwritable(
            f"needs a number that is {' or '.join(map(str, size.values))}: it follows from the lengths "
            f"of the inputs, and the exporter does not see how ({FIXED_LENGTHS})"
        )

    def _number(self, array: Varying) -> str:
        """A number that is a length of the inputs, or 1 divided by one."""
        dtype, numbers = array.values[0].dtype, [float(v) for v in array.values]
        inverse = any(n != int(n) for n in numbers)
        whole = [round(1 / n) for n in numbers] if inverse else [int(n) for n in numbers]
        if inverse and any(abs(w * n - 1) > 1e-6 for w, n in zip(whole, numbers, strict=True)):
            self._unknown(array)
        length = self.length(Varying(tuple(whole)))
        scalar = self.node("Reshape", [length, self.constant(np.zeros(0, np.int64))], "number")
        cast = self.node("Cast", scalar, "number", to=element_type(dtype))
        return (self.node("Reciprocal", cast, "number") if inverse else cast)[0]

    def _shape_of(self, array: Varying) -> list[Size] | None:
        if len({(v.ndim, v.dtype) for v in array.values}) > 1:
            return None
        shapes = zip(*(v.shape for v in array.values), strict=True)
        return [n[0] if len(set(n)) == 1 else Varying(n) for n in shapes]

    def _counted(self, array: Varying, shape: list[Size], axis: int) -> str | None:
        """An array that counts along one axis, and has length 1 along the others."""
        if any(n != 1 for a, n in enumerate(shape) if a != axis) or len(array.values[0].flat) < 2:
            return None
        first, second = array.values[0].flat[:2]
        step = second - first
        if any(
            not np.array_equal(first + step * np.arange(v.size), v.ravel()) for v in array.values
        ):
            return None
        dtype = array.values[0].dtype
        start, delta = self.constant(dtype.type(first)), self.constant(dtype.type(step))
        scalar = [self.length(shape[axis]), self.constant(np.zeros(0, np.int64))]
        count = self.node(
            "Cast", self.node("Reshape", scalar, "number"), "number", to=element_type(dtype)
        )
        length = self.node("Mul", [*count, delta], "number")
        limit = self.node("Add", [*length, start], "number")
        name = self.node("Range", [start, *limit, delta], "counted")
        sizes = self.lengths([-1 if a == axis else 1 for a in range(len(shape))])
        return self.node("Reshape", [*name, sizes], "counted")[0]


def element_type(dtype: np.dtype) -> int:
    """ONNX's number for a dtype."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _plain(value: Any) -> object:
    """An attribute without NumPy's types."""
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, Varying):
        raise Unwritable(f"has other options for other lengths of the inputs ({FIXED_LENGTHS})")
    return value.item() if isinstance(value, np.generic) else value
