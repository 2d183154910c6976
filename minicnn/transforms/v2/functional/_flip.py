"""Mirrors inputs of all kinds."""

from __future__ import annotations

from ....tensor import Tensor
from ....tv_tensors import Mask
from ... import flip
from ..._arguments import Picture
from ._kernels import functional, kernel

__all__ = ["hflip", "horizontal_flip", "vertical_flip", "vflip"]


@functional
def horizontal_flip(inpt: Picture) -> Picture:
    """Mirrors an input of any kind left to right."""
    return flip.hflip(inpt)


@functional
def vertical_flip(inpt: Picture) -> Picture:
    """Turns an input of any kind upside down."""
    return flip.vflip(inpt)


@kernel(horizontal_flip, Mask)
def _mirror_mask(mask: Tensor) -> Picture:
    return flip.hflip(mask)


@kernel(vertical_flip, Mask)
def _turn_mask(mask: Tensor) -> Picture:
    return flip.vflip(mask)


hflip, vflip = horizontal_flip, vertical_flip
