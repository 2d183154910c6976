"""Neighbouring layers as one operation, in which their ReLU costs nothing.

A ``Sequential`` runs these neighbours as one operation of ``ops/fused.py``, whose kernel clips what
it is about to write:

=================  ===============================================================================
Conv2d, ReLU       In backward, the gradient is clipped in the pass that sums the bias's gradient.
Linear, ReLU       The same.
BatchNorm, ReLU    The same.
ReLU, MaxPool2d    The maximum of clipped numbers is the clipped maximum, so only the few results
                   are clipped. Where the maximum is not positive its position is "no pixel", and
                   the gradient goes nowhere. Among positive numbers the first maximum is the same
                   with and without clipping, so gradients are equal at ties too.
=================  ===============================================================================

In Conv2d, ReLU, MaxPool2d (and with a batch norm in between) the ReLU goes to the pooling, and the
clipped image is never stored. An Identity, such as :func:`fuse_conv_bn` leaves behind a convolution,
is skipped.

Layers run one by one when fusion would be observable: if one of them has hooks or a ``forward`` of
its own, or is of a subclass. So they do with the plain kernels, which have no fused forms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from .. import kernels
from ..ops import fused
from ..tensor import Tensor
from .activation import ReLU
from .conv import Conv2d
from .linear import Identity, Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d
from .pool import MaxPool2d

__all__ = ["run", "steps"]


def _conv2d_relu(conv: Conv2d, relu: ReLU, input: Tensor) -> Tensor:
    return fused.conv2d_relu(
        input, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups
    )


def _linear_relu(linear: Linear, relu: ReLU, input: Tensor) -> Tensor:
    return fused.linear_relu(input, linear.weight, linear.bias)


def _batch_norm_relu(norm: BatchNorm1d | BatchNorm2d, relu: ReLU, input: Tensor) -> Tensor:
    return fused.batch_norm_relu(*norm.arguments(input))


def _relu_max_pool2d(relu: ReLU, pool: MaxPool2d, input: Tensor) -> Tensor:
    return fused.max_pool2d_relu(
        input, pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode
    )


_FUSED: dict[tuple[type[Module], type[Module]], Callable[..., Tensor]] = {
    (Conv2d, ReLU): _conv2d_relu,
    (Linear, ReLU): _linear_relu,
    (BatchNorm1d, ReLU): _batch_norm_relu,
    (BatchNorm2d, ReLU): _batch_norm_relu,
    (ReLU, MaxPool2d): _relu_max_pool2d,
}


def run(input: Any, modules: Iterable[Module]) -> Any:
    """The result of ``modules`` called one after the other, some of them as one."""
    for step in steps(modules):
        input = step(input)
    return input


def steps(modules: Iterable[Module]) -> list[Callable[[Any], Any]]:
    """What to call one after the other to run ``modules``: themselves, or one function for two."""
    rest = [module for module in modules if not (type(module) is Identity and _is_plain(module))]
    if kernels.selected() == "plain":
        return list(rest)
    found: list[Callable[[Any], Any]] = []
    while rest:  # from the back, so that a ReLU goes to the pooling behind it
        last = rest.pop()
        if rest and _can_fuse(rest[-1], last):
            first = rest.pop()
            found.append(partial(_FUSED[type(first), type(last)], first, last))
        else:
            found.append(last)
    return found[::-1]


def _can_fuse(first: Module, second: Module) -> bool:
    """Whether two neighbours can run as one."""
    return (
        (type(first), type(second)) in _FUSED
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
