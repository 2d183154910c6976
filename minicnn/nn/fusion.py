"""Neighbouring layers of a ``Sequential`` as one operation, in which their ReLU costs nothing.

By itself a ReLU reads and writes all of a layer's output, and all of its gradient on the way back.
Its neighbours pass over these numbers anyway:

==================  ============================================================================
Conv2d, ReLU        ``conv2d(..., relu=True)``: the kernel clips what it is about to write.
Linear, ReLU        ``linear(..., relu=True)``, likewise. Backward clips the gradient in the pass
                    that sums the gradient of the bias.
ReLU, MaxPool2d     ``max_pool2d(..., relu=True)``: the maximum of clipped numbers is the clipped
                    maximum, so only the few results are clipped. The mask of the ReLU lives in
                    the place of the maximum that pooling keeps: where the maximum is not positive
                    it is "no pixel", and the gradient goes nowhere. Among positive numbers the
                    first maximum is the same with and without clipping, so gradients are equal
                    at ties too.
==================  ============================================================================

In Conv2d, ReLU, MaxPool2d the ReLU goes to the pooling, and the clipped image is never stored.

Layers run one by one where somebody could tell the difference: if one of them has hooks or a
``forward`` of its own, or is of a subclass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from .activation import ReLU
from .conv import Conv2d
from .linear import Linear
from .module import Module
from .pool import MaxPool2d

__all__ = ["steps"]

_PAIRS = {(Conv2d, ReLU), (Linear, ReLU), (ReLU, MaxPool2d)}


def steps(modules: Iterable[Module]) -> list[Callable[[Any], Any]]:
    """What to call one after the other to run ``modules``: themselves, or one thing for two."""
    rest = list(modules)
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
