"""Mirrors samples at random."""

from __future__ import annotations

from typing import Any

from . import functional as F
from ._transform import RandomTransform

__all__ = ["RandomHorizontalFlip", "RandomVerticalFlip"]


class RandomHorizontalFlip(RandomTransform):
    """Mirrors a sample left to right with probability ``p``."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.horizontal_flip, inpt)


class RandomVerticalFlip(RandomTransform):
    """Turns a sample upside down with probability ``p``."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.vertical_flip, inpt)
