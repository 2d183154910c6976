"""Matrix products and the linear layer."""

from __future__ import annotations

import math

import numpy as np

from .. import kernels
from ..autograd import Function
from ..creation import zeros_like
from ..dtypes import bool_, is_floating
from ..tensor import Tensor
from ..typing import Array
from .bias import ChannelSum
from .choice import where
from .edge import in_half, one_precision
from .elementwise import add, mul
from .promotion import check_broadcast, widen
from .shape import expand, reshape
from .transfer import to


class MatMul(Function):
    """Matrix products; leading dimensions are broadcast."""

    def forward(self, x: Array, y: Array) -> Array:
        need_x, need_y = self.needs_input_grad
        self.save_for_backward(x if need_y else None, y if need_x else None)
        return kernels.of(x).matrix_product(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        return (
            matmul(grad, y.transpose(-1, -2)) if need_x else None,
            matmul(x.transpose(-1, -2), grad) if need_y else None,
        )


class Linear(Function):
    """x (M, in) times weight (out, in) transposed, plus bias (out,) -> (M, out).

    As for convolution, it and its two gradients are enough for all derivatives.
    """

    def forward(self, x: Array, weight: Array, bias: Array | None) -> Array:
        needs_x, needs_weight, _ = self.needs_input_grad
        self.save_for_backward(x if needs_weight else None, weight if needs_x else None)
        return kernels.of(x).linear(x, weight, bias)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = self.saved_tensors
        needs_x, needs_weight, needs_bias = self.needs_input_grad
        return (
            LinearInputGrad.apply(grad, weight) if needs_x else None,
            LinearWeightGrad.apply(grad, x) if needs_weight else None,
            ChannelSum.apply(grad) if needs_bias else None,
        )


class LinearInputGrad(Function):
    """grad (M, out) times weight (out, in) -> (M, in)."""

    def forward(self, grad: Array, weight: Array) -> Array:
        self.save_for_backward(grad, weight)
        return kernels.of(grad).linear_input_grad(grad, weight)

    def backward(self, grad_x: Tensor) -> tuple[Tensor | None, ...]:
        grad, weight = self.saved_tensors
        needs_grad, needs_weight = self.needs_input_grad
        return (
            Linear.apply(grad_x, weight, None) if needs_grad else None,
            LinearWeightGrad.apply(grad, grad_x) if needs_weight else None,
        )


class LinearWeightGrad(Function):
    """grad (M, out) transposed times x (M, in) -> (out, in), in float32 or better."""

    def forward(self, grad: Array, x: Array) -> Array:
        self.save_for_backward(grad, x)
        dtype = np.promote_types(x.dtype, np.float32)
        return kernels.of(grad).linear_weight_grad(grad, x, dtype)

    def backward(self, grad_weight: Tensor) -> tuple[Tensor | None, ...]:
        grad, x = self.saved_tensors
        needs_grad, needs_x = self.needs_input_grad
        weight = to(grad_weight, x.dtype)
        return (
            Linear.apply(x, weight, None) if needs_grad else None,
            LinearInputGrad.apply(grad, weight) if needs_x else None,
        )


@in_half
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product; a vector is a row on the left and a column on the right.

    Raises:
        RuntimeError: if the inner lengths differ, or a tensor has no dimensions.

    As ``torch.matmul``.
    """
    y = other
    if not isinstance(y, Tensor):
        if isinstance(y, np.ndarray) and isinstance(input, Tensor):
            return np.matmul(input, y)  # a tensor: see Tensor.__array_wrap__
        raise TypeError(f"matmul expects tensors, got {type(y).__name__}")
    x_shape, y_shape = input.array.shape, y.array.shape
    if not x_shape or not y_shape:
        raise RuntimeError(f"matmul expects at least 1 dimension, got shapes {x_shape}, {y_shape}")
    if x_shape[-1] != y_shape[-2 if len(y_shape) > 1 else 0]:
        raise RuntimeError(
            f"matmul expects {input.shape[-1]} {'rows' if y.ndim > 1 else 'numbers'} in the second "
            f"tensor, got shapes {tuple(input.shape)} and {tuple(y.shape)}"
        )
    if input.array.dtype != y.array.dtype:
        raise RuntimeError(
            f"matmul expects tensors of one dtype, got {input.array.dtype} and {y.array.dtype}"
        )
    if x_shape[:-2] != y_shape[:-2]:
        check_broadcast("matmul", [input, y], [x_shape[:-2], y_shape[:-2]])
    if len(x_shape) == 1:
        return matmul(input.unsqueeze(0), y).squeeze(-2 if y.ndim > 1 else 0)
    if len(y_shape) == 1:
        return matmul(input, y.unsqueeze(-1)).squeeze(-1)
    return MatMul.apply(input, y)


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    if input.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError(
            f"mm expects two matrices, got shapes {tuple(input.shape)} and {tuple(mat2.shape)}"
        )
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices, (B, n, m) and (B, m, p)."""
    if input.ndim != 3 or mat2.ndim != 3 or input.shape[0] != mat2.shape[0]:
        raise RuntimeError(
            f"bmm expects (B, n, m) and (B, m, p), got {tuple(input.shape)} and {tuple(mat2.shape)}"
        )
    return matmul(input, mat2)


@one_precision
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input`` times the transpose of ``weight``, plus ``bias``.

    Args:
        input: (*, in_features).
        weight: (out_features, in_features), or (in_features,) for one output without a dimension.
        bias: (out_features,), or another shape that broadcasts with the result, or None.

    Returns:
        (*, out_features).

    Raises:
        RuntimeError: for wrong shapes or dtypes.

    As ``torch.nn.functional.linear``.
    """
    weight_shape = weight.array.shape
    if len(weight_shape) == 1:
        return _plus_bias(matmul(input, weight), bias)
    if bias is not None and bias.array.shape != weight_shape[:1]:
        return _plus_bias(linear(input, weight), bias)
    check_linear(input, weight)
    if input.array.ndim == 2:
        return Linear.apply(input, weight, bias)
    out = Linear.apply(reshape(input, math.prod(input.shape[:-1]), weight.shape[1]), weight, bias)
    return reshape(out, *input.shape[:-1], weight.shape[0])


def _plus_bias(x: Tensor, bias: Tensor | None) -> Tensor:
    """x plus a bias, which may not enlarge it."""
    return x if bias is None else add(x, expand(bias, x.shape))


def check_linear(x: Tensor, weight: Tensor) -> None:
    """Raises a RuntimeError for shapes that do not fit."""
    x_shape, weight_shape = x.array.shape, weight.array.shape
    if len(weight_shape) != 2:
        raise RuntimeError(
            f"linear expects a weight (out_features, in_features), got shape {tuple(weight.shape)}"
        )
    if not x_shape or x_shape[-1] != weight_shape[1]:
        raise RuntimeError(
            f"linear expects (*, {weight.shape[-1]}) for a weight of shape {tuple(weight.shape)}, "
            f"got input of shape {tuple(x.shape)}"
        )


@in_half
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """``beta`` * input + ``alpha`` * (mat1 @ mat2).

    Args:
        input: broadcasts to the shape of the product.
        mat1, mat2: (n, m) and (m, p).
        beta: factor of ``input``, truncated for integers; with 0, ``input`` is ignored, NaN and inf
            included.
        alpha: factor of the product, likewise.

    Raises:
        RuntimeError: for wrong shapes or dtypes.

    As ``torch.addmm``.
    """
    return plus_product("addmm", input, mm(mat1, mat2), beta, alpha)


def plus_product(name: str, x: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """beta * x + alpha * product; with a factor of 0 its term is ignored, NaN and inf included."""
    if x.dtype != product.dtype:
        raise RuntimeError(
            f"{name} expects tensors of one dtype, got {x.array.dtype}, {product.array.dtype}"
        )
    x = expand(x, product.shape)
    if beta == 1 and alpha == 1:
        return add(x, product)
    if not is_floating(x.array.dtype):
        beta, alpha = int(beta), int(alpha)
    x, scaled = (
        mul(term, factor) if factor != 0 else where(zeros_like(term, dtype=bool_), term, 0)
        for term, factor in zip(widen(x, product), (beta, alpha))
    )
    return to(add(x, scaled), product.dtype)
