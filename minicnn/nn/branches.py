"""Modules with the same input, run by several threads.

One small layer has too little work for two threads, as waking one takes some 50 us. The branches of an
Inception module are independent of each other, so each thread can take a whole branch, as far as its
results do not depend on when it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import attrgetter

import numpy as np

from .. import kernels
from ..autograd import Function
from ..autograd.function import next_number
from ..autograd.grad_mode import mode, set_mode
from ..kernels.cpu.runtime.threads import run_alone, run_later
from ..tensor import Tensor
from .activation import ReLU
from .containers import Sequential
from .conv import Conv2d
from .fusion import is_plain
from .module import Module
from .norm import BatchNorm2d
from .pool import MaxPool2d

__all__ = ["run"]

_LARGEST_INPUT = 1 << 20  # elements; with more, the threads share each layer

# without random numbers, and without state that another branch could change
_INDEPENDENT = {each.forward for each in (BatchNorm2d, Conv2d, MaxPool2d, ReLU, Sequential)}
_NUMBER = attrgetter("number")


def run(input: Tensor, branches: Sequence[Module]) -> list[Tensor]:
    """The results of calling each of ``branches`` with ``input``; side by side, if nobody can tell.

    A walk back visits the nodes in the same order as after a call of one branch after the other.
    """
    if not _are_small(input) or not _are_independent(branches):
        return [branch(input) for branch in branches]
    before = next_number()
    calls = [partial(_call, branch, input, mode.grad) for branch in branches]
    largest = max(range(len(branches)), key=lambda i: _count_weights(branches[i]))
    waits = {i: run_later(call) for i, call in enumerate(calls) if i != largest}
    outputs = {largest: run_alone(calls[largest])}
    for i in reversed(waits):  # other threads began with the first
        outputs[i] = waits[i]()
    in_order = [outputs[i] for i in range(len(branches))]
    _number_in_order(in_order, before)
    return in_order


def _count_weights(branch: Module) -> int:
    return sum(weight.array.size for weight in branch.parameters())


def _are_small(input: Tensor) -> bool:
    """Whether the layers are for the fast kernels of the CPU, and have little work each."""
    return (
        type(input.array) is np.ndarray
        and input.array.size <= _LARGEST_INPUT
        and kernels.selected() == "fast"
        and not (mode.inference or mode.anomaly or mode.autocast)
    )


def _are_independent(branches: Sequence[Module]) -> bool:
    modules = [module for branch in branches for module in branch.modules()]
    return len(set(modules)) == len(modules) and all(
        type(module).forward in _INDEPENDENT and is_plain(module) for module in modules
    )


def _call(branch: Module, input: Tensor, grad: bool) -> Tensor:
    with set_mode("grad", grad):
        return branch(input)


def _number_in_order(outputs: Sequence[Tensor], before: int) -> None:
    """Gives the nodes of each branch higher numbers than those of the branch before it.

    Args:
        outputs: of the branches.
        before: a number below those of all their nodes.
    """
    nodes: list[Function] = []
    for output in outputs:
        found: set[Function] = set()
        stack = [output.grad_fn]
        while stack:
            node = stack.pop()
            if isinstance(node, Function) and node.number > before and node not in found:
                found.add(node)
                stack += [edge[0] for edge in node.edges if edge is not None]
        nodes += sorted(found, key=_NUMBER)
    for node, number in zip(nodes, sorted(map(_NUMBER, nodes)), strict=True):
        node.number = number
