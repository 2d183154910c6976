"""Dropout: zeroing values at random during training."""

from __future__ import annotations

import math

import numpy as np

from .. import kernels
from ..autograd import Function
from ..devices import on_own_device, xp_of
from ..no_tensor import takes_tensors
from ..random import Generator, cuda_generator, default_generator
from ..tensor import Tensor
from ..typing import Array
from ..warn import warn
from .elementwise import add, mul
from .in_place import change
from .promotion import refuse_integers
from .shape import squeeze, unsqueeze

_SELU = 1.7580993408473766  # minus the value that SELU approaches at minus infinity


class Dropout(Function):
    """Zeroes with probability p, and scales the rest by 1 / (1 - p)."""

    def forward(self, x: Array, *, p: float, generator: Generator) -> Array:
        self.p = p
        out, self.mask = kernels.of(x).dropout(x, p, generator)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return DropoutBackward.apply(grad, mask=self.mask, p=self.p)


class DropoutBackward(Function):
    """grad / (1 - p) where the mask kept an element, else 0; linear, and its own adjoint."""

    def forward(self, grad: Array, *, mask: Array, p: float) -> Array:
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
        RuntimeError: for integers in training.

    As ``torch.nn.functional.dropout``, with its random numbers on the CPU. On a GPU they come from
    Philox4x32-10 (Salmon et al., 2011).
    """
    if not _is_active(p, training):
        if not isinstance(input, Tensor):
            refuse_integers("dropout", input)  # and what is no tensor
        return input
    if p == 1:
        # not 0.0, which would turn integers into float32
        return change(input, mul, False) if inplace else mul(input, False)
    if not (isinstance(input, Tensor) and input.array.dtype.kind in "fV"):  # bfloat16 is of kind V
        refuse_integers("dropout", input)  # and what is no tensor
    generator = default_generator if isinstance(input.array, np.ndarray) else cuda_generator
    if inplace:
        return change(input, Dropout.apply, p=p, generator=generator)
    return Dropout.apply(input, p=p, generator=generator)


@takes_tensors
def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels with probability ``p`` and scales the others by 1 / (1 - p).

    Args:
        input: (N, C, L) or (C, L).
        p: probability of a zero.
        training: when false, ``input`` itself is returned.
        inplace: overwrite ``input``, and return it.

    Raises:
        ValueError: for ``p`` outside [0, 1].
        RuntimeError: for an input of other dimensions.

    As ``torch.nn.functional.dropout1d``.
    """
    _is_active(p, training)
    if input.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d expects (N, C, L) or (C, L), got shape {tuple(input.shape)}")
    run = feature_dropout if input.ndim == 3 else _without_batch
    return run(input, p, training, inplace)


@takes_tensors
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

    As ``torch.nn.functional.dropout2d``, which reads an input of 3 dimensions as (N, C, L), too, and
    warns of it.
    """
    _is_active(p, training)
    if input.ndim != 4:
        warn(
            f"dropout2d reads an input of {input.ndim} dimensions as (N, C, ...): use dropout1d or "
            "dropout"
        )
    return feature_dropout(input, p, training, inplace)


@takes_tensors
def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels with probability ``p`` and scales the others by 1 / (1 - p).

    Args:
        input: (N, C, D, H, W) or (C, D, H, W).
        p: probability of a zero.
        training: when false, ``input`` itself is returned.
        inplace: overwrite ``input``, and return it.

    Raises:
        ValueError: for ``p`` outside [0, 1].

    As ``torch.nn.functional.dropout3d``.
    """
    _is_active(p, training)
    if input.ndim not in (4, 5):
        warn(f"dropout3d expects 4 or 5 dimensions, got {input.ndim}: use dropout")
    run = feature_dropout if input.ndim == 5 else _without_batch
    return run(input, p, training, inplace)


@takes_tensors
def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Sets each value to SELU's lower limit with probability ``p``, and keeps mean and variance.

    Args:
        input: any shape, with mean 0 and variance 1.
        p: probability of a change.
        training: when false, ``input`` itself is returned.
        inplace: overwrite ``input``, and return it.

    Raises:
        ValueError: for ``p`` outside [0, 1].

    As ``torch.nn.functional.alpha_dropout`` (Klambauer et al., 2017).
    """
    if not _is_active(p, training):
        return input
    return _to_limit(input, Tensor.of(xp_of(input.array).empty_like(input.array)), p, inplace)


@takes_tensors
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """:func:`alpha_dropout` of whole channels of (N, C, ...).

    As ``torch.nn.functional.feature_alpha_dropout``.
    """
    if not _is_active(p, training):
        return input
    return _to_limit(input, _for_channels("feature_alpha_dropout", input), p, inplace)


def _is_active(p: float, training: bool) -> bool:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability must be between 0 and 1, got {p}")
    return training and p > 0


@takes_tensors
@on_own_device
def feature_dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of (N, C, ...); the same as dropout1d to dropout3d of batches."""
    active = _is_active(p, training)
    ones = _for_channels("dropout of channels", input)
    if not active:
        return input
    ones.array.fill(1)
    kept = dropout(ones, p)
    return change(input, mul, kept) if inplace else mul(input, kept)


def _without_batch(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    """Dropout of the channels of (C, ...)."""
    if not inplace:
        return squeeze(feature_dropout(unsqueeze(input, 0), p, training), 0)
    images = input.unsqueeze_(0)  # type: ignore[attr-defined]
    return feature_dropout(images, p, training, inplace).squeeze_(0)  # type: ignore[attr-defined]


def _for_channels(name: str, input: Tensor) -> Tensor:
    """A tensor with one element for each channel of each image, (N, C, 1, ...)."""
    if input.ndim < 2:
        raise RuntimeError(
            f"{name} expects an input of shape (N, C, ...), got {tuple(input.shape)}"
        )
    shape = (*input.shape[:2], *(1 for _ in input.shape[2:]))
    return Tensor.of(xp_of(input.array).empty(shape, input.dtype))


def _to_limit(input: Tensor, noise: Tensor, p: float, inplace: bool) -> Tensor:
    """``input`` scaled and shifted where ``noise``, which is filled here, is 1, else at the limit."""
    if p == 1:
        return change(input, mul, False) if inplace else mul(input, False)
    refuse_integers("alpha_dropout", input)
    noise.bernoulli_(1 - p)  # type: ignore[attr-defined]
    scale = 1 / math.sqrt((_SELU**2 * p + 1) * (1 - p))
    shift = add(mul(add(noise, -1), _SELU * scale), _SELU * scale * p)
    kept = mul(noise, scale)
    if inplace:
        return change(change(input, mul, kept), add, shift)
    return add(mul(input, kept), shift)
