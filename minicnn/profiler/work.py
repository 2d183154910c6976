"""The work of an operation: its multiplications and additions, and the bytes it has to move."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from typing import Any

from ..autograd import Function
from ..ops import conv, conv_chain, fused, linear
from ..tensor import Tensor

Shape = tuple[int, ...]


def _conv(images: Shape, filters: Shape) -> int:
    """Each pixel of ``images`` (N, O, OH, OW) is a sum over one of ``filters`` (O, C, KH, KW)."""
    return 2 * math.prod(images) * math.prod(filters[1:])


def _matmul(x: Shape, out: Shape) -> int:
    return 2 * math.prod(out) * x[-1]


# functions of the arguments' shapes and the result's shape; the shape of a missing bias is None
_FLOPS: dict[type[Function], Callable[[Sequence[Any], Shape], int]] = {
    conv.Conv2d: lambda args, out: _conv(out, args[1]),
    fused.Conv2dReLU: lambda args, out: _conv(out, args[1]),
    conv_chain.ChainedConv2d: lambda args, out: _conv(out, args[2]),
    conv.Conv2dInputGrad: lambda args, out: _conv(args[0], args[1]),
    conv_chain.Conv2dInputGradReLU: lambda args, out: _conv(args[0], args[1]),
    conv.Conv2dWeightGrad: lambda args, out: _conv(args[0], out),
    linear.Linear: lambda args, out: _matmul(args[0], out),
    fused.LinearReLU: lambda args, out: _matmul(args[0], out),
    linear.LinearInputGrad: lambda args, out: _matmul(args[0], out),
    linear.LinearWeightGrad: lambda args, out: 2 * math.prod(args[0]) * args[1][1],
    linear.MatMul: lambda args, out: _matmul(args[0], out),
}


def shapes_of(values: Sequence[Any]) -> tuple[Shape | None, ...]:
    """The shapes of tensors and arrays, and None for anything else."""
    return tuple(
        tuple(value.shape) if hasattr(value, "shape") and hasattr(value, "dtype") else None
        for value in values
    )


def flops_of(operation: type[Function], inputs: Sequence[Any], results: Sequence[Any]) -> int:
    """Floating-point operations of a convolution or matrix product, 0 for anything else.

    Counts a multiplication and an addition for each product of the direct sum, including products
    with the zeros of the padding, whichever algorithm runs. Biases are not counted.
    """
    count = _FLOPS.get(operation)
    return 0 if count is None else count(shapes_of(inputs), results[0].shape)


def bytes_of(inputs: Sequence[Any], results: Sequence[Tensor]) -> int:
    """Bytes of all arguments, each read once, and results, each written once; 0 for a view."""
    if any(result.view_of is not None for result in results):
        return 0
    arrays = {id(tensor.array): tensor.array for tensor in (*inputs, *results) if is_tensor(tensor)}
    return sum(array.nbytes for array in arrays.values())


def bytes_of_step(optimizer: Any, params: Container[Tensor] | None = None) -> int:
    """Bytes that a step reads (parameters, gradients, state) and writes (parameters, state).

    A step updates ``params``, or all if that is None.
    """
    total = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None and (params is None or parameter in params):
                states = filter(is_tensor, optimizer.state.get(parameter, {}).values())
                written = parameter.array.nbytes + sum(state.array.nbytes for state in states)
                total += 2 * written + parameter.grad.array.nbytes
    return total


def is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)
