"""Dropout: zeroing values at random during training."""

from __future__ import annotations

from typing import Any

from .. import kernels
from ..autograd import Function
from ..devices import xp_of
from ..random import cuda_generator
from ..tensor import Tensor
from ..typing import Array
from .elementwise import mul
from .in_place import change


class Dropout(Function):
    """Zeroes with probability p, and scales the rest by 1 / (1 - p); the state gives the mask."""

    def forward(self, x: Array, *, p: float, state: Any) -> Array:
        self.p = p
        out, self.mask = kernels.of(x).dropout(x, p, state)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return DropoutBackward.apply(grad, mask=self.mask, p=self.p)


class DropoutBackward(Function):
    """grad / (1 - p) where the mask kept an element, else 0; linear, and its own adjoint."""

    def forward(self, grad: Array, *, mask: Any, p: float) -> Array:
        self.mask, self.p = mask, p
        return kernels.of(grad).dropout_backward(grad, mask, p)

    def backward(self, grad: Tensor) -> Tensor:
        return DropoutBackward.apply(grad, mask=self.mask, p=self.p)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeroes each value with probability ``p`` and scales the others by 1 / (1 - p).

    Args:
        input: any shape.
        p: probability of a zero.
        training: when false, ``input`` itself is returned.
        inplace: overwrite ``input``, and return it.

    Raises:
        ValueError: for ``p`` outside [0, 1].

    As ``torch.nn.functional.dropout``, with bits from Philox4x32-10 (Salmon et al., 2011).
    """
    if not _is_active(p, training):
        return input
    if p == 1:
        # not 0.0, which would turn integers into float32
        return change(input, mul, False) if inplace else mul(input, False)
    state = kernels.of(input.array).philox_state(cuda_generator.philox)
    if inplace:
        return change(input, Dropout.apply, p=p, state=state)
    return Dropout.apply(input, p=p, state=state)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels with probability ``p`` and scales the others by 1 / (1 - p).

    Args:
        input: (N, C, H, W) or (N, C, ...); one image is (1, C, H, W).
        p: probability of a zero.
        training: when false, ``input`` itself is returned.
        inplace: overwrite ``input``, and return it.

    Raises:
        ValueError: for ``p`` outside [0, 1].
        RuntimeError: for an input without channels.

    As ``torch.nn.functional.dropout2d``, which reads an input of 3 dimensions as (N, C, L), too.
    """
    active = _is_active(p, training)
    if input.ndim < 2:
        raise RuntimeError(
            f"dropout2d expects an input of shape (N, C, ...), got {tuple(input.shape)}"
        )
    if not active:
        return input
    ones = xp_of(input.array).ones((*input.shape[:2], *(1 for _ in input.shape[2:])), input.dtype)
    kept = dropout(Tensor.of(ones), p)
    return change(input, mul, kept) if inplace else mul(input, kept)


def _is_active(p: float, training: bool) -> bool:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability must be between 0 and 1, got {p}")
    return training and p > 0
