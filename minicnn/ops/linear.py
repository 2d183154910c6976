"""Matrix products and the linear layer."""

from __future__ import annotations

from typing import Any

from ..autograd import Function
from ..device import xp_of
from ..tensor import Tensor
from .elementwise import add
from .promotion import check_broadcast


class MatMul(Function):
    """Products of matrices, with the leading dimensions broadcast."""

    def forward(self, x: Any, y: Any) -> Any:
        need_x, need_y = self.needs_input_grad
        self.save_for_backward(x if need_y else None, y if need_x else None)
        return xp_of(x).matmul(x, y)

    def backward(self, grad: Tensor) -> Any:
        x, y = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        return (
            matmul(grad, y.transpose(-1, -2)) if need_x else None,
            matmul(x.transpose(-1, -2), grad) if need_y else None,
        )


class Linear(Function):
    """x (M, in) times weight (out, in) transposed, plus bias (out,)."""

    def forward(self, x: Any, weight: Any, bias: Any) -> Any:
        need_x, need_weight, _ = self.needs_input_grad
        self.save_for_backward(x if need_weight else None, weight if need_x else None)
        out = xp_of(x).matmul(x, weight.T)
        if bias is not None:
            out += bias
        return out

    def backward(self, grad: Tensor) -> Any:
        x, weight = self.saved_tensors
        need_x, need_weight, need_bias = self.needs_input_grad
        return (
            matmul(grad, weight) if need_x else None,
            matmul(grad.transpose(0, 1), x) if need_weight else None,
            grad.sum(0) if need_bias else None,
        )


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """The matrix product; vectors count as a row on the left and a column on the right.

    Raises:
        RuntimeError: if the inner lengths differ, or one has no dimension.

    As ``torch.matmul``.
    """
    if not isinstance(y, Tensor):
        raise TypeError(f"matmul expects tensors, got {type(y).__name__}")
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(
            f"matmul expects at least 1 dimension, got shapes {x.shape} and {y.shape}"
        )
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise RuntimeError(
            f"matmul expects the last length of the first to be the {'second to last' if y.ndim > 1 else 'only'} "
            f"of the second, got shapes {x.shape} and {y.shape}"
        )
    if x.dtype != y.dtype:
        raise RuntimeError(f"matmul expects tensors of one dtype, got {x.dtype} and {y.dtype}")
    check_broadcast("matmul", [x, y], [x.shape[:-2], y.shape[:-2]])
    if x.ndim == 1:
        return matmul(x.unsqueeze(0), y).squeeze(-2 if y.ndim > 1 else 0)
    if y.ndim == 1:
        return matmul(x, y.unsqueeze(-1)).squeeze(-1)
    return MatMul.apply(x, y)


def mm(x: Tensor, y: Tensor) -> Tensor:
    """The product of two matrices."""
    if x.ndim != 2 or y.ndim != 2:
        raise RuntimeError(f"mm expects two matrices, got shapes {x.shape} and {y.shape}")
    return matmul(x, y)


def bmm(x: Tensor, y: Tensor) -> Tensor:
    """The products of two batches of matrices, (B, n, m) and (B, m, p)."""
    if x.ndim != 3 or y.ndim != 3 or x.shape[0] != y.shape[0]:
        raise RuntimeError(f"bmm expects (B, n, m) and (B, m, p), got {x.shape} and {y.shape}")
    return matmul(x, y)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x times the transpose of ``weight``, plus ``bias``.

    Args:
        x: (*, in_features).
        weight: (out_features, in_features).
        bias: (out_features,) or None.

    Returns:
        (*, out_features).

    Raises:
        RuntimeError: if x does not have in_features columns.

    As ``torch.nn.functional.linear``.
    """
    if x.ndim == 0 or weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise RuntimeError(
            f"linear expects (*, {weight.shape[-1]}) for a weight of shape {weight.shape}, "
            f"got input of shape {x.shape}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(f"linear expects a bias of shape {weight.shape[:1]}, got {bias.shape}")
    if x.dtype != weight.dtype:
        raise RuntimeError(
            f"linear expects input and weight of one dtype, got {x.dtype} and {weight.dtype}"
        )
    rows = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
    out = Linear.apply(rows, weight, bias)
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], weight.shape[0])


def addmm(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """x + a @ b."""
    return add(x, mm(a, b))
