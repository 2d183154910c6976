"""Passes over the operations of a plan, each of which leaves fewer of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from ..graph import Value
from .operations import Operation

__all__ = ["simplify"]


def simplify(operations: list[Operation], outputs: Iterable[Value]) -> list[Operation]:
    """The operations after all passes; ``outputs`` are the values that are needed at the end."""
    outputs = list(outputs)
    for one_pass in (
        _unravel_reshapes,
        _drop_unused,
        _shuffle_branches,
        _fold_batch_norms,
        _fuse_additions,
        _fuse_limits,
    ):
        operations = one_pass(operations, outputs)
    return operations


def _unravel_reshapes(operations: list[Operation], outputs: list[Value]) -> list[Operation]:
    """An activation comes before a reshape, and a reshape of a reshape takes what that one takes.

    So nothing is copied between linear layers of images with the channels last, as in ConvNeXt:
    both take matrices, and the reshapes between them cancel out.
    """
    uses = Counter(x for operation in operations for x in operation.taken)
    uses.update(outputs)
    made_by: dict[Value, Operation] = {}
    ordered: list[Operation] = []
    for operation in operations:
        before = made_by.get(operation.inputs[0]) if operation.inputs else None
        ordered.append(operation)
        if before is not None and _is_reshape(before):
            if _is_reshape(operation):
                _take(operation, before.inputs[0])
            elif operation.kind == "activation" and uses[before.output] == 1:
                _exchange(before, operation)
                ordered.remove(before)
                ordered.append(before)
                made_by[before.output] = before
        made_by[operation.output] = operation
    return ordered


def _is_reshape(operation: Operation) -> bool:
    return operation.node is not None and operation.node.name == "Reshape"


def _exchange(reshape: Operation, activation: Operation) -> None:
    """The activation takes what the reshape took, which then takes its result."""
    (x,) = reshape.inputs
    activated = Value(reshape.output.name, "result", x.shape, x.dtype)
    activation.inputs, reshape.output, activation.output = [x], activation.output, activated
    _take(reshape, activated)
    activation.by_image = activation.by_image and reshape.by_image


def _take(reshape: Operation, x: Value) -> None:
    """Lets a reshape take another value."""
    assert reshape.node is not None
    reshape.inputs, reshape.node = [x], replace(reshape.node, inputs=(x, *reshape.node.inputs[1:]))


def _drop_unused(operations: list[Operation], outputs: list[Value]) -> list[Operation]:
    """Without what no output depends on."""
    needed, kept = set(outputs), []
    for operation in reversed(operations):
        if operation.output in needed or operation.kind == "input":
            needed.update(operation.taken)
            kept.append(operation)
    return kept[::-1]


def _shuffle_branches(operations: list[Operation], outputs: list[Value]) -> list[Operation]:
    """A shuffle takes the branches of a ``cat`` before it, if each is one of its groups."""

    def fuse(shuffle: Operation, cat: Operation) -> bool:
        if shuffle.kind != "shuffle" or cat.kind != "cat":
            return False
        sizes = {x.shape[1] for x in cat.inputs}
        if len(sizes) > 1 or len(cat.inputs) != shuffle.options["groups"]:
            return False
        cat.kind, cat.options = "shuffle", shuffle.options
        return True

    return _merged(operations, outputs, fuse)


def _fold_batch_norms(operations: list[Operation], outputs: list[Value]) -> list[Operation]:
    """scale * (W x + b) + shift = (scale W) x + (scale b + shift)."""

    def fold(norm: Operation, layer: Operation) -> bool:
        if norm.kind != "affine" or layer.kind not in ("conv", "linear"):
            return False
        scale, shift = norm.arrays["scale"], norm.arrays["shift"]
        weight, bias = layer.arrays["weight"], layer.arrays["bias"]
        shifted = shift if bias is None else bias * scale + shift
        layer.scale = scale if layer.scale is None else layer.scale * scale
        layer.arrays = {"weight": weight, "bias": shifted.astype(weight.dtype, copy=False)}
        return True

    return _merged(operations, outputs, fold)


def _fuse_limits(operations: list[Operation], outputs: list[Value]) -> list[Operation]:
    """A ReLU, or other limits, at the end of the operation before it."""

    def fuse(clip: Operation, before: Operation) -> bool:
        if clip.kind != "clip" or before.kind not in ("conv", "linear", "affine", "add"):
            return False
        before.limits = clip.limits
        return True

    return _merged(operations, outputs, fuse)


def _fuse_additions(operations: list[Operation], outputs: list[Value]) -> list[Operation]:
    """An addition at the end of the convolution that is the last to compute one of its terms."""
    order = {operation.output: i for i, operation in enumerate(operations)}

    def fuse(add: Operation, conv: Operation) -> bool:
        if add.kind != "add" or conv.kind != "conv" or conv.residual is not None:
            return False
        other = next((x for x in add.inputs if x is not conv.output), None)
        if other is None or order[other] > order[conv.output]:
            return False
        conv.residual = other
        order[add.output] = order[conv.output]
        return True

    return _merged(operations, outputs, fuse)


def _merged(
    operations: list[Operation],
    outputs: list[Value],
    merge: Callable[[Operation, Operation], bool],
) -> list[Operation]:
    """Merges operations into the one before, if nothing else needs what that one computes.

    ``merge(operation, before)`` changes ``before`` and returns True, or returns False.
    """
    uses = Counter(x for operation in operations for x in operation.taken)
    uses.update(outputs)
    made_by: dict[Value, Operation] = {}
    kept = []
    for operation in operations:
        for x in operation.inputs:
            before = made_by.get(x)
            if before is None or uses[x] > 1 or before.limits:
                continue
            if merge(operation, before):
                before.output = operation.output
                made_by[before.output] = before
                break
        else:
            made_by[operation.output] = operation
            kept.append(operation)
    return kept
