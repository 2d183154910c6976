"""Neighbouring layers as one operation, in which their ReLU costs nothing.

By itself a ReLU reads and writes all of a layer's output, and all of its gradient on the way back.
Its neighbours pass over these numbers anyway:

==================  ============================================================================
Conv2d, ReLU        ``conv2d(..., relu=True)``: the kernel clips what it is about to write.
Linear, ReLU        ``linear(..., relu=True)``, likewise. Backward clips the gradient in the pass
                    that sums the gradient of the bias.
BatchNorm, ReLU     ``batch_norm(..., relu=True)``, likewise. Here a residual can be added in
                    between, at the cost of reading it.
ReLU, MaxPool2d     ``max_pool2d(..., relu=True)``: the maximum of clipped numbers is the clipped
                    maximum, so only the few results are clipped. The mask of the ReLU lives in
                    the place of the maximum that pooling keeps: where the maximum is not positive
                    it is "no pixel", and the gradient goes nowhere. Among positive numbers the
                    first maximum is the same with and without clipping, so gradients are equal
                    at ties too.
==================  ============================================================================

In Conv2d, ReLU, MaxPool2d (and with a batch norm in between) the ReLU goes to the pooling, and the
clipped image is never stored. An Identity, such as :func:`fuse_conv_bn` leaves behind a convolution,
does not part its neighbours.

Layers run one by one where somebody could tell the difference: if one of them has hooks or a
``forward`` of its own, or is of a subclass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..tensor import Tensor
from .activation import ReLU
from .conv import Conv2d
from .linear import Identity, Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d
from .pool import MaxPool2d

__all__ = ["run", "steps"]

_NORMS = (BatchNorm1d, BatchNorm2d)
_PAIRS = {(layer, ReLU) for layer in (Conv2d, Linear, *_NORMS)} | {(ReLU, MaxPool2d)}


def run(input: Any, *modules: Module, residual: Tensor | None = None) -> Any:
    """The result of ``modules`` called one after the other, some of them as one.

    Args:
        input: of the first module.
        modules: what a ``Sequential`` could hold, too.
        residual: added to the input of the last module, a ReLU; or None.
    """
    if residual is None:
        for step in steps(modules):
            input = step(input)
        return input
    *before, norm, relu = modules
    input = run(input, *before)
    if type(norm) in _NORMS and _fuse(norm, relu):
        return norm.forward(input, residual=residual, relu=True)
    return relu(norm(input) + residual)


def steps(modules: Iterable[Module]) -> list[Callable[[Any], Any]]:
    """What to call one after the other to run ``modules``: themselves, or one thing for two."""
    rest = [module for module in modules if not (type(module) is Identity and _is_plain(module))]
    found: list[Callable[[Any], Any]] = []
    while rest:  # from the back, so that a ReLU goes to the pooling behind it
        last = rest.pop()
        if rest and _fuse(rest[-1], last):
            pair = rest.pop(), last
            layer: Any = pair[isinstance(pair[0], ReLU)]
            found.append(partial(layer.forward, relu=True))
        else:
            found.append(last)
    return found[::-1]


def _fuse(first: Module, second: Module) -> bool:
    """Whether two neighbours can run as one."""
    return (
        (type(first), type(second)) in _PAIRS
        and _is_plain(first)
        and _is_plain(second)
        and not getattr(second, "return_indices", False)
    )


def _is_plain(module: Module) -> bool:
    """Whether calling a module runs the ``forward`` of its class and nothing else."""
    return not (
        module._forward_pre_hooks
        or module._forward_hooks
        or module._backward_hooks
        or "forward" in vars(module)
    )
