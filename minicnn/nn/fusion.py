"""Two neighbouring layers as one operation, which saves the activation's pass over memory.

A ``Sequential`` and the blocks of ResNet run these pairs as one operation of ``ops/fused.py``. Its
kernel applies the ReLU to each value before writing it:

=================  ===============================================================================
Conv2d, ReLU       In backward, one pass masks the gradient and sums it for the bias.
Linear, ReLU       The same.
BatchNorm, ReLU    The same.
ReLU, MaxPool2d    max(relu(x)) = relu(max(x)), so only the few results need a ReLU. Where the
                   maximum is not positive, argmax says "no pixel" and backward drops the gradient.
                   The ReLU does not change which positive value comes first, so gradients agree at
                   ties, too.
=================  ===============================================================================

In training on the CPU, ReLU6, SiLU or Hardswish after a convolution and a batch norm are one operation
with the batch norm, too: what lies between them is neither stored nor copied.

In Conv2d, ReLU, MaxPool2d (with or without a batch norm after the convolution) the ReLU is fused
with the pooling, and its image is never stored. On a GPU they are one operation, together with all
pairs of Conv2d and ReLU before, whose gradients take fewer passes still (``ops/conv_chain.py``). An
Identity, which :func:`fuse_conv_bn` leaves in place of a batch norm, is skipped. A batch norm after a
convolution, in evaluation without gradients, overwrites the convolution's result: no second array is
touched, and the numbers are the same.

Layers run one by one when fusion would be observable: if one of them has hooks or its own
``forward``, or is an instance of a subclass; or if a ReLU works in place before a pooling, unless a
convolution or a batch norm before it has made its input, which then nobody else can see. They also
do with the plain kernels, which have no fused versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import numpy as np

from .. import kernels
from ..ops import fused
from ..ops.conv_chain import conv2d_relus_max_pool2d
from ..tensor import Tensor
from .activation import Hardswish, ReLU, ReLU6, SiLU
from .conv import Conv2d
from .linear import Identity, Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d
from .pool import MaxPool2d

__all__ = ["is_plain", "run", "steps"]

Value = TypeVar("Value")  # in most cases a tensor


def _conv2d_relu(conv: Conv2d, relu: ReLU, input: Tensor) -> Tensor:
    return fused.conv2d_relu(
        input, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups
    )


def _linear_relu(linear: Linear, relu: ReLU, input: Tensor) -> Tensor:
    return fused.linear_relu(input, linear.weight, linear.bias)


def _batch_norm_relu(norm: BatchNorm1d | BatchNorm2d, relu: ReLU, input: Tensor) -> Tensor:
    return fused.batch_norm_relu(*norm.arguments(input))


def _own_batch_norm_relu(norm: BatchNorm2d, relu: ReLU, input: Tensor) -> Tensor:
    return fused.own_batch_norm_relu(*norm.arguments(input))


def _own_batch_norm_activation(norm: Any, activation: Module, input: Tensor) -> Tensor:
    operation = _BATCH_NORM_ACTIVATIONS[type(activation)]
    return fused.batch_norm_activation(operation, activation, *norm.arguments(input))


def _own_batch_norm(norm: BatchNorm2d, input: Tensor) -> Tensor:
    return fused.own_batch_norm(*norm.arguments(input))


def _relu_max_pool2d(relu: ReLU, pool: MaxPool2d, input: Tensor) -> Tensor:
    return fused.max_pool2d_relu(
        input, pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode
    )


def _conv2d_relus_max_pool2d(convs: list[Conv2d], pool: Any, input: Tensor) -> Tensor:
    convolutions = [
        (conv.weight, conv.bias, (conv.stride, conv.padding, conv.dilation, conv.groups))
        for conv in convs
    ]
    pooling = pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode
    return conv2d_relus_max_pool2d(input, convolutions, pooling)


_FUSED: dict[tuple[type[Module], type[Module]], Callable[..., Tensor]] = {
    (Conv2d, ReLU): _conv2d_relu,
    (Linear, ReLU): _linear_relu,
    (BatchNorm1d, ReLU): _batch_norm_relu,
    (BatchNorm2d, ReLU): _batch_norm_relu,
    (ReLU, MaxPool2d): _relu_max_pool2d,
}

# after a convolution and a batch norm
_BATCH_NORM_ACTIVATIONS: dict[type[Module], type[fused.BatchNormActivation]] = {
    Hardswish: fused.BatchNormHardswish,
    ReLU6: fused.BatchNormReLU6,
    SiLU: fused.BatchNormSiLU,
}

_RETURNS_A_NEW_TENSOR = (Conv2d, BatchNorm1d, BatchNorm2d)


def run(input: Value, modules: Iterable[Module]) -> Value:
    """The result of calling ``modules`` one after the other, with some pairs fused."""
    result: Any = input
    for step in steps(modules):
        result = step(result)
    return result


def steps(modules: Iterable[Module]) -> list[Callable[[Any], Any]]:
    """The functions to call in turn to run ``modules``: a module, or one function for a pair."""
    rest = [module for module in modules if not (type(module) is Identity and is_plain(module))]
    if kernels.selected() == "plain":
        return list(rest)
    found: list[Callable[[Any], Any]] = []
    while rest:  # from the back, so that a ReLU is fused with the pooling that follows it
        last = rest.pop()
        if rest and _can_fuse(rest[-1], last) and _is_own_input(rest):
            first = rest.pop()
            operation = _FUSED[type(first), type(last)]
            if type(first) is BatchNorm2d and _ends_in_convolution(rest):
                operation = _own_batch_norm_relu
            convs = _convolutions_on_a_gpu(rest) if type(last) is MaxPool2d else []
            if convs:
                found.append(partial(_conv2d_relus_max_pool2d, convs, last))
            else:
                found.append(partial(operation, first, last))
        elif (
            _ends_in_own_batch_norm(rest)
            and is_plain(last)
            and type(last) in _BATCH_NORM_ACTIVATIONS
        ):
            found.append(partial(_own_batch_norm_activation, rest.pop(), last))
        elif type(last) is BatchNorm2d and is_plain(last) and _ends_in_convolution(rest):
            found.append(partial(_own_batch_norm, last))
        else:
            found.append(last)
    return found[::-1]


def _can_fuse(first: Module, second: Module) -> bool:
    """Whether two neighbours can run as one operation."""
    return (
        (type(first), type(second)) in _FUSED
        and is_plain(first)
        and is_plain(second)
        and (not isinstance(second, MaxPool2d) or _pools_pixels(second))
        and (not isinstance(first, Conv2d) or first.padding_mode == "zeros")
    )


def _is_own_input(modules: list[Module]) -> bool:
    """Whether the last of ``modules`` leaves its input alone, or has it from the layer before it,
    which returns a new tensor and needs it no more.
    """
    *before, last = modules
    if not (type(last) is ReLU and last.inplace):
        return True
    return bool(before) and type(before[-1]) in _RETURNS_A_NEW_TENSOR and is_plain(before[-1])


def _ends_in_convolution(modules: list[Module]) -> bool:
    """Whether the last of ``modules`` is a convolution whose result nobody else sees."""
    return bool(modules) and type(modules[-1]) is Conv2d and is_plain(modules[-1])


def _convolutions_on_a_gpu(modules: list[Module]) -> list[Conv2d]:
    """Takes Conv2d, ReLU, Conv2d, ReLU, … Conv2d from the end of ``modules``: the convolutions."""
    found: list[Conv2d] = []
    while _ends_in_convolution(modules):
        conv: Any = modules[-1]
        if conv.padding_mode != "zeros" or type(conv.weight.array) is np.ndarray:
            break
        found.insert(0, conv)
        modules.pop()
        if not (len(modules) > 1 and type(modules[-2]) is Conv2d and _can_fuse(*modules[-2:])):
            break
        modules.pop()
    return found


def _ends_in_own_batch_norm(modules: list[Module]) -> bool:
    """Whether the last of ``modules`` is a batch norm after such a convolution."""
    return (
        bool(modules)
        and type(modules[-1]) is BatchNorm2d
        and is_plain(modules[-1])
        and _ends_in_convolution(modules[:-1])
    )


def _pools_pixels(pool: MaxPool2d) -> bool:
    """Whether a pooling returns maxima alone, and each of its windows has a pixel of the input.

    A window wholly in the padding, which dilation can give, has -inf, and would have 0 with a fused
    ReLU.
    """
    has_padding, is_dilated = pool.padding not in (0, (0, 0)), pool.dilation not in (1, (1, 1))
    return not (pool.return_indices or (has_padding and is_dilated))


def is_plain(module: Module) -> bool:
    """Whether calling a module runs the ``forward`` of its class and nothing else."""
    return not (
        module._forward_pre_hooks
        or module._forward_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or "forward" in vars(module)
    )
