"""Passes over the operations of a plan, each of which leaves fewer of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from ..graph import Value
from .operations import Operation

__all__ = ["simplify"]


def simplify(operations: list[Operation], outputs: Iterable[Value]) -> list[Operation]:
    """The operations after all passes; ``outputs`` are the values that are needed at the end."""
    outputs = list(outputs)
    for one_pass in (
        _drop_unused,
        _shuffle_branches,
        _fold_batch_norms,
        _fuse_additions,
        _fuse_limits,
    ):
        operations = one_pass(operations, outputs)
    return operations


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
