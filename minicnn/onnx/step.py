"""Writing one operation: what its exporter is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Function
from ..graph import Node, Value
from .errors import OnnxExporterError
from .model import Model, element_type
from .varying import Size, Varying, is_same

__all__ = ["Name", "Step"]


class Name(str):
    """The name of something that the model computes."""


Given = Value | str | float | np.ndarray | np.generic | Varying | None


class Step:
    """One operation of the network, and the model that it is written into.

    Attributes:
        operation: as it was recorded.
        model: the model so far.
        dtype: of the first value that it takes, and of Python's numbers beside it.
        covered: the operations that are written with it: itself, and others behind it.
    """

    def __init__(self, operation: Node, model: Model) -> None:
        self.operation, self.model = operation, model
        first = (*operation.values, *operation.outputs)[0]
        self.dtype = first.dtype
        self.covered = [operation]

    def node(self, kind: str, *inputs: Given, **attributes: Any) -> Name:
        """Writes a node with one output, whose name it returns.

        Args:
            kind: ONNX's operator.
            inputs: values, names, numbers and arrays; None for one that is left out.
            attributes: of the operator; those that are None are left out.
        """
        return self.nodes(kind, *inputs, outputs=1, **attributes)[0]

    def nodes(self, kind: str, *inputs: Given, outputs: int, **attributes: Any) -> tuple[Name, ...]:
        """:meth:`node` with several outputs, whose names it returns."""
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        names = [self.name(x) for x in inputs]
        path = f"{self.operation.module}/{kind}" if self.operation.module else kind
        return tuple(map(Name, self.model.node(kind, names, path, outputs, **attributes)))

    def name(self, x: Given, dtype: np.dtype | None = None) -> str:
        """The name of a value, number or array; of a number in ``dtype``."""
        if x is None or isinstance(x, Name):
            return x or ""
        if isinstance(x, Value):
            return self.model.name_of(x)
        if isinstance(x, Varying):
            as_dtype = np.dtype(dtype or self.dtype)
            return self.model.varying_array(
                Varying(tuple(np.asarray(value, as_dtype) for value in x.values))
                if not isinstance(x.values[0], np.ndarray)
                else x
            )
        if isinstance(x, (np.ndarray, np.generic)):
            return self.model.constant(x)
        return self.model.constant(np.asarray(x, dtype or self.dtype))

    def ints(self, *numbers: int) -> np.ndarray:
        """Numbers as an int64 vector, as many operators take their axes."""
        return np.array(numbers, np.int64)

    def lengths(self, sizes: Sequence[Size]) -> Name:
        """A shape, which may depend on the lengths of the inputs, as an int64 vector."""
        return Name(self.model.lengths(sizes, self.operation.values))

    def shape(self, value: Value) -> tuple[Size, ...]:
        """The shape of a value."""
        return self.model.recordings.shape(value)

    def cast(self, x: Given, dtype: np.dtype | type) -> Name:
        """x in another dtype."""
        return self.node("Cast", x, to=element_type(np.dtype(dtype)))

    def reshaped(self, x: Given, shape: Sequence[Size], before: Sequence[Size] = ()) -> Name:
        """x in another shape.

        Args:
            x: what has as many elements.
            shape: the new one.
            before: the old one, whose open lengths are kept if they stay where they are.
        """
        target: list[Size] = list(shape)
        for axis, size in enumerate(shape):
            if isinstance(size, Varying) and axis < len(before) and is_same(size, before[axis]):
                target[axis] = 0
        varying = [axis for axis, size in enumerate(target) if isinstance(size, Varying)]
        if varying and 0 not in shape:
            target[varying[-1]] = -1
        return self.node("Reshape", x, self.lengths(target))

    def next_parameter(self, operation: type[Function], shape: tuple[int, ...]) -> Value | None:
        """The parameter of the only operation that uses the result, which is then written with it.

        Args:
            operation: what that one must be.
            shape: of the parameter.

        Returns:
            The parameter, or None if something else follows.
        """
        result = self.covered[-1].outputs[0]
        users = self.model.users.get(result, [])
        if len(users) != 1 or users[0] is None or users[0].operation is not operation:
            return None
        other = next((x for x in users[0].inputs if x is not result), None)
        if not isinstance(other, Value) or other.shape != shape or other.tensor is None:
            return None
        self.covered.append(users[0])
        return other

    def is_used(self, index: int) -> bool:
        """Whether anything needs an output."""
        return self.operation.outputs[index] in self.model.needed

    def unsupported(self, reason: str) -> OnnxExporterError:
        """The error for an operation that ONNX has nothing for."""
        module = self.operation.module
        where = f"module {module!r}" if module else "the network's own forward"
        return OnnxExporterError(
            f"cannot export to ONNX: {self.operation.name}, in {where}, {reason}. What can be done: "
            "leave it out of the network and compute it behind the model; replace it by operations "
            "that ONNX has (minicnn.onnx.supported() lists them); or write it yourself, with "
            "@minicnn.onnx.exporter"
        )
