"""The operations of a plan: what a recorded graph becomes before it is simplified and bound to memory.

Images are channels-last: a value of shape (N, C, H, W) lies in memory as (N, H, W, C).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..graph import Graph, Node, Value
from ..kernels.cpu.planned import ACTIVATIONS, Limits
from ..ops.norm import scale_and_shift
from ..tensor import Tensor
from .shuffles import channel_shuffles

__all__ = ["ELEMENTWISE", "Operation", "lower", "run_forward"]


@dataclass(eq=False)
class Operation:
    """One operation of a plan.

    Attributes:
        kind: ``conv``, ``linear``, ``affine``, ``clip``, ``activation``, ``add``, ``scale``, ``cat``,
            ``shuffle``, ``max_pool``, ``avg_pool``, ``spatial_sum``, ``lrn``, ``flatten``, ``view`` and
            ``input``, or ``generic`` for all others.
        inputs: the values that change from call to call.
        output: the value that it computes.
        arrays: its weights, by name.
        options: ``geometry`` and other numbers.
        scale: by which the filters of a layer are still to be multiplied, from a batch norm.
        limits: of the result, from a ReLU, or None.
        residual: a value that is added to the result, before it is limited.
        by_image: whether each image can be computed by itself.
        node: of the graph, for ``view`` and ``generic``.
    """

    kind: str
    inputs: list[Value]
    output: Value
    arrays: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    scale: np.ndarray | None = None
    limits: Limits | None = None
    residual: Value | None = None
    by_image: bool = True
    node: Node | None = None

    def final_arrays(self) -> dict[str, Any]:
        """The weights, scaled: only when they are used, because that is a copy."""
        if self.scale is None:
            return self.arrays
        weight = self.arrays["weight"]
        scale = self.scale.reshape(-1, *(1 for _ in weight.shape[1:]))
        return {**self.arrays, "weight": (weight * scale).astype(weight.dtype, copy=False)}

    @property
    def taken(self) -> list[Value]:
        """All values that it reads."""
        return self.inputs if self.residual is None else [*self.inputs, self.residual]

    def describe(self) -> str:
        """What it computes, in a line that is equal for equal operations on equal shapes."""
        shapes = [x.shape for x in self.taken]
        arrays = {name: array.shape for name, array in self.arrays.items() if array is not None}
        geometry = self.options.get("geometry")
        return f"{self.kind} {shapes} {arrays} {geometry} limits={self.limits}"


def lower(graph: Graph) -> list[Operation]:
    """The operations of a graph; what depends on no input is computed here."""
    N = graph.inputs[0].shape[0] if graph.inputs and graph.inputs[0].shape else 0
    operations = [
        Operation("input", [], x, options={"index": i}) for i, x in enumerate(graph.inputs)
    ]
    changing = set(graph.inputs)
    shuffles = channel_shuffles(graph.nodes)
    for node in graph.nodes:
        if changing.isdisjoint(node.values):
            _compute(node)
            continue
        changing.update(node.outputs)
        if node in shuffles and node.outputs[0].dtype == np.float32:
            x, groups = shuffles[node]
            operations.append(
                Operation("shuffle", [x], node.outputs[0], options={"groups": groups})
            )
            continue
        kind = _KINDS.get(node.name)
        plain = len(node.outputs) == 1 and all(
            x.dtype == np.float32 for x in (*node.values, *node.outputs)
        )
        operation = kind(node, changing) if kind is not None and plain else None
        operations += [operation] if operation else _generic(node, changing)
    for operation in operations:
        shapes = [x.shape for x in (*operation.inputs, operation.output)]
        operation.by_image = operation.by_image and all(s and s[0] == N for s in shapes)
    return operations


def run_forward(node: Node, arrays: list[Any], options: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """The results of a node's operation for other arrays; the first is copied if it is written to."""
    instance: Any = node.operation()
    instance.needs_input_grad = (False,) * len(arrays)
    instance._to_save = ()
    if node.writes_input:
        arrays = [arrays[0].copy(), *arrays[1:]]
    results: Any = instance.forward(*arrays, **options)
    return tuple(map(np.asarray, results if isinstance(results, tuple) else (results,)))


def _compute(node: Node) -> None:
    """Makes the outputs of a node, whose inputs are the same in every call, constants."""
    arrays = [_array(x) if isinstance(x, Value) else x for x in node.inputs]
    for value, array in zip(node.outputs, run_forward(node, arrays, node.options), strict=True):
        value.tensor = Tensor.of(array)


def _array(value: Any) -> Any:
    """The numbers of a value that is the same in every call; None stays None."""
    return None if value is None else value.tensor.array


# ------------------------------------------------------------------ kinds of operations


def _generic(node: Node, changing: set[Value]) -> list[Operation]:
    """An operation for each output of a node that has no kind of its own."""
    inputs = [x for x in node.values if x in changing]
    by_image = len(node.outputs) == 1 and _is_by_image(node, inputs)
    kind = "view" if node.operation.returns_view else "generic"
    return [
        Operation(kind, inputs, value, {}, {"index": i}, by_image=by_image, node=node)
        for i, value in enumerate(node.outputs)
    ]


def _is_by_image(node: Node, inputs: list[Value]) -> bool:
    """Whether an operation without a kind of its own treats each image by itself."""
    out = node.outputs[0]
    if any(len(x.shape) != len(out.shape) for x in inputs):
        return False
    if node.name in ELEMENTWISE:
        fixed = [x for x in node.values if x not in inputs]
        return all(len(x.shape) < len(out.shape) or x.shape[0] == 1 for x in fixed)
    if node.name == "Permute":
        return bool(node.options["dims"][0] == 0)
    if node.name == "GetItem":
        index = node.options["index"]
        return len(index) == 1 and isinstance(index[0][0], slice) and index[0][0] == slice(None)
    return node.name in _BY_IMAGE


def _convolution(node: Node, changing: set[Value]) -> Operation | None:
    x, weight, bias = node.inputs
    if weight in changing or bias in changing:
        return None
    arrays = {"weight": _array(weight), "bias": _array(bias)}
    return Operation("conv", [x], node.outputs[0], arrays, dict(node.options))


def _linear(node: Node, changing: set[Value]) -> Operation | None:
    operation = _convolution(node, changing)
    if operation is not None:
        operation.kind = "linear"
    return operation


def _batch_norm(node: Node, changing: set[Value]) -> Operation | None:
    x, *parameters = node.inputs
    if not changing.isdisjoint(parameters) or len(x.shape) not in (2, 4):
        return None
    arrays = [_array(p) for p in parameters]
    scale, shift = scale_and_shift(*arrays, **node.options) if len(arrays) == 4 else arrays
    return Operation("affine", [x], node.outputs[0], {"scale": scale, "shift": shift})


def _relu(node: Node, changing: set[Value]) -> Operation:
    return Operation("clip", node.values, node.outputs[0], limits=(0, math.inf))


def _hardtanh(node: Node, changing: set[Value]) -> Operation:
    limits = node.options["low"], node.options["high"]
    return Operation("clip", node.values, node.outputs[0], limits=limits)


def _activation(node: Node, changing: set[Value]) -> Operation:
    return Operation("activation", node.values, node.outputs[0], options={"name": node.name})


def _mul(node: Node, changing: set[Value]) -> Operation | None:
    """Images times a number for each channel and image, as in squeeze-and-excitation."""
    values, out = node.values, node.outputs[0]
    if len(values) != 2 or not changing.issuperset(values) or len(out.shape) != 4:
        return None
    values = sorted(values, key=lambda x: x.shape != out.shape)
    if [x.shape for x in values] != [out.shape, (*out.shape[:2], 1, 1)]:
        return None
    return Operation("scale", values, out)


def _sum(node: Node, changing: set[Value]) -> Operation | None:
    (x,) = node.values
    if len(x.shape) != 4 or node.options["dims"] != (2, 3):
        return None
    return Operation("spatial_sum", [x], node.outputs[0])


def _add(node: Node, changing: set[Value]) -> Operation | None:
    out = node.outputs[0]
    if len(node.values) != 2 or any(x.shape != out.shape for x in node.values):
        return None
    if not changing.issuperset(node.values):
        return None
    return Operation("add", node.values, out)


def _cat(node: Node, changing: set[Value]) -> Operation | None:
    out = node.outputs[0]
    if node.options["dim"] != 1 or len(out.shape) != 4 or not changing.issuperset(node.values):
        return None
    return Operation("cat", node.values, out)


def _max_pool(node: Node, changing: set[Value]) -> Operation | None:
    return Operation("max_pool", node.values, node.outputs[0], options=dict(node.options))


def _avg_pool(node: Node, changing: set[Value]) -> Operation | None:
    arrays, geometry = {"scale": node.options["scale"]}, node.options["geometry"]
    return Operation("avg_pool", node.values, node.outputs[0], arrays, {"geometry": geometry})


def _lrn(node: Node, changing: set[Value]) -> Operation | None:
    return Operation("lrn", node.values, node.outputs[0], options=dict(node.options))


def _flatten(node: Node, changing: set[Value]) -> Operation | None:
    (x,), out = node.values, node.outputs[0]
    if len(x.shape) != 4 or out.shape != (x.shape[0], int(np.prod(x.shape[1:]))):
        return None
    return Operation("flatten", [x], out)


Lowering = Callable[[Node, "set[Value]"], "Operation | None"]
_KINDS: dict[str, Lowering] = {
    **dict.fromkeys(ACTIVATIONS, _activation),
    "Add": _add,
    "AvgPool2d": _avg_pool,
    "Cat": _cat,
    "ChannelAffine": _batch_norm,
    "Conv2d": _convolution,
    "FixedBatchNorm": _batch_norm,
    "Hardtanh": _hardtanh,
    "Linear": _linear,
    "LocalResponseNorm": _lrn,
    "MaxPool2d": _max_pool,
    "Mul": _mul,
    "ReLU": _relu,
    "Reshape": _flatten,
    "Sum": _sum,
}
# operations without a kind of their own that treat each element, or each image, by itself
ELEMENTWISE = frozenset((
    "Add", "Sub", "Mul", "Div", "Neg", "Exp", "Clamp",
    "ELU", "LeakyReLU", "Sigmoid", "SiLU", "Softplus", "Tanh",
))  # fmt: skip
_BY_IMAGE = frozenset(["AdaptiveAvgPool2d", "Conv2dInputGrad", "ResizeBilinear", "ResizeNearest"])
