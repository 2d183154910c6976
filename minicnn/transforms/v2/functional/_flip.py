"""Mirrors inputs of all kinds."""

from __future__ import annotations

from ....tv_tensors import BoundingBoxes, KeyPoints, Mask
from ... import flip
from ..._arguments import Picture
from ._boxes import Points, mirrored
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


kernel(horizontal_flip, Mask)(flip.hflip)
kernel(vertical_flip, Mask)(flip.vflip)


@kernel(horizontal_flip, BoundingBoxes, KeyPoints)
def _mirror_points(inpt: Points) -> Points:
    return mirrored(inpt, 0)


@kernel(vertical_flip, BoundingBoxes, KeyPoints)
def _turn_points(inpt: Points) -> Points:
    return mirrored(inpt, 1)


hflip, vflip = horizontal_flip, vertical_flip
