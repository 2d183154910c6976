"""From recordings to a model in ONNX's format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Node, Value
from ..graph.structure import leaves, replaced
from ..plan.operations import run_forward
from ..version import __version__
from .axes import Symbol
from .errors import OnnxExporterError, Unwritable
from .model import Model, element_type
from .operations import WRITERS
from .step import Step
from .varying import Recordings, Varying

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["model_of", "supported"]

IR_VERSION = 10
SMALL = 1024  # elements of an array that the checker gets with its numbers
LARGEST = (1 << 31) - (1 << 20)  # bytes: a protobuf message has less than 2 GB


def model_of(
    recordings: Recordings,
    symbols: Sequence[Symbol],
    name: str,
    input_names: Sequence[str],
    output_names: Sequence[str],
    opset_version: int,
) -> ModelProto:
    """The ``onnx.ModelProto`` of a network.

    Raises:
        OnnxExporterError: for an operation that cannot be written.
    """
    graph = recordings.graphs[0]
    model = Model(recordings, symbols, opset_version)
    for given in (*input_names, *output_names):
        model.unique(given)
    model.names.update(zip(graph.inputs, input_names, strict=True))
    for node in recordings.nodes:
        written = all(x in model.names for x in node.outputs)
        if not written and not model.needed.isdisjoint(node.outputs) and not _folds(node, model):
            _write(node, model)
    try:
        _name_outputs(model, graph.outputs, output_names)
    except Unwritable as error:
        raise OnnxExporterError(f"cannot export to ONNX: the result {error}") from None
    _drop_unused(model, output_names)
    return _assembled(model, name, input_names, output_names, opset_version)


def _assembled(
    model: Model,
    name: str,
    input_names: Sequence[str],
    output_names: Sequence[str],
    opset_version: int,
) -> ModelProto:
    """The model, checked by ONNX's checker before it gets its weights, whose copies take long."""
    from onnx import checker, helper

    graph = model.recordings.graphs[0]
    computed = {output for node in model.nodes for output in node.output} - {*output_names}
    described = {
        n: x
        for x, n in model.names.items()
        if x.kind == "result" and n in computed and x not in model.other_forms
    }
    proto = helper.make_model(
        helper.make_graph(
            model.nodes,
            name,
            [_description(model, x, n) for x, n in zip(graph.inputs, input_names, strict=True)],
            [_description(model, x, n) for x, n in zip(graph.outputs, output_names, strict=True)],
            value_info=[_description(model, x, n) for n, x in described.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset_version)],
        ir_version=IR_VERSION,
        producer_name="minicnn",
        producer_version=__version__,
    )
    large = {n: array for n, array in model.initializers.items() if array.size > SMALL}
    for n, array in model.initializers.items():
        if n in large:
            form = helper.make_tensor_value_info(n, element_type(array.dtype), array.shape)
            proto.graph.input.append(form)
        else:
            _add_initializer(proto, n, array)
    checker.check_model(proto, full_check=True)
    del proto.graph.input[len(input_names) :]
    for n, array in large.items():
        _add_initializer(proto, n, array)
    return proto


def _add_initializer(proto: Any, name: str, array: np.ndarray) -> None:
    tensor = proto.graph.initializer.add()
    tensor.name, tensor.data_type = name, element_type(array.dtype)
    tensor.dims.extend(array.shape)
    tensor.raw_data = array.tobytes()


def supported() -> list[str]:
    """The names of the operations that can be exported, as recorded graphs print them."""
    return sorted({operation.__name__ for operation in WRITERS})


def _write(node: Node, model: Model) -> None:
    """Writes an operation of the network."""
    step = Step(node, model)
    writer = WRITERS.get(node.operation)
    if writer is None:
        raise step.unsupported("has no counterpart in ONNX, or none that anybody has written")
    try:
        written = writer(step, *node.inputs, **node.options)
    except Unwritable as error:
        raise step.unsupported(str(error)) from None
    names = written if isinstance(written, tuple) else (written,)
    for value, name in zip(node.outputs, names, strict=False):
        model.names[value] = model.name_of(name) if isinstance(name, Value) else name
    for covered in step.covered[1:]:
        model.names[covered.outputs[0]] = names[0]
    for value in node.outputs[len(names) :]:
        if value in model.needed:
            raise step.unsupported(f"has an output of shape {value.shape} that ONNX lacks")


def _folds(node: Node, model: Model) -> bool:
    """Computes an operation whose result is the same in every call, unless that is much larger."""
    known: dict[Value, np.ndarray] = {}
    for value in node.values:
        array = model.array_of(value)
        if array is None or isinstance(array, Varying):
            return False
        known[value] = array
    sizes = [n for x in node.outputs for n in model.recordings.shape(x)]
    if any(isinstance(leaf, Varying) for leaf in (*leaves((node.inputs, node.options)), *sizes)):
        return False
    before = sum(array.nbytes for array in known.values())
    after = sum(math.prod(x.shape) * x.dtype.itemsize for x in node.outputs)
    if after > 2 * before + 4096:
        return False

    def numbers(leaf: Any) -> object:
        return known[leaf] if isinstance(leaf, Value) else leaf

    inputs: Any = replaced(node.inputs, numbers)
    options: Any = replaced(node.options, numbers)
    results = run_forward(node, list(inputs), options)
    model.folded.update(zip(node.outputs, results, strict=True))
    return True


def _name_outputs(model: Model, outputs: Sequence[Value], names: Sequence[str]) -> None:
    """Gives the outputs their names; those that no node computes for them alone are copied."""
    made = {output for node in model.nodes for output in node.output}
    new: dict[str, str] = {}
    for value, wanted in zip(outputs, names, strict=True):
        old = model.name_of(value)
        if old in made and old not in new:
            new[old] = wanted
        else:
            model.node("Identity", [old], wanted)
            model.nodes[-1].output[0] = wanted
    for node in model.nodes:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
    model.names.update({x: new[n] for x, n in model.names.items() if n in new})


def _drop_unused(model: Model, outputs: Sequence[str]) -> None:
    """Without what no output depends on."""
    needed, kept = set(outputs), []
    for node in reversed(model.nodes):
        if not needed.isdisjoint(node.output):
            needed.update(node.input)
            kept.append(node)
    model.nodes = kept[::-1]
    model.initializers = {n: array for n, array in model.initializers.items() if n in needed}
    size = sum(array.nbytes for array in model.initializers.values())
    if size > LARGEST:
        raise OnnxExporterError(
            f"cannot export to ONNX: the weights have {size / 1e9:.2f} GB, and an ONNX file holds "
            "less than 2 GB; half precision (net.half()) needs half as much"
        )


def _description(model: Model, value: Value, name: str) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, element_type(value.dtype), model.dims(value))
