"""Resizes samples, to fixed sizes and to random ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...data.seeding import current_generator
from .._draws import integer
from . import functional as F
from ._samples import query_size
from ._transform import Transform
from .functional._modes import Interpolation

__all__ = ["RandomResize", "RandomShortestSize", "Resize", "ScaleJitter"]

Params = dict[str, Any]


class _Resizing(Transform):
    """Resizes a sample to the ``size`` of its parameters."""

    interpolation: Interpolation
    antialias: bool | None

    def transform(self, inpt: Any, params: Params) -> object:
        return self._call_kernel(
            F.resize, inpt, params["size"], self.interpolation, antialias=self.antialias
        )


class Resize(Transform):
    """Resizes to (height, width), or one side to one number. See :func:`~.functional.resize`."""

    def __init__(
        self,
        size: int | Sequence[int] | None,
        interpolation: Interpolation = "bilinear",
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if size is None and max_size is None:
            raise ValueError("Resize expects size or max_size, got None for both")
        sizes = [size] if isinstance(size, int) else size
        if sizes is not None and not (isinstance(sizes, Sequence) and len(sizes) in (1, 2)):
            raise ValueError(f"size must be one number, (height, width) or None, got {size}")
        self.size = None if sizes is None else list(sizes)
        self.interpolation, self.max_size, self.antialias = interpolation, max_size, antialias

    def transform(self, inpt: Any, params: Params) -> object:
        settings = (self.size, self.interpolation, self.max_size, self.antialias)
        return self._call_kernel(F.resize, inpt, *settings)


class RandomResize(_Resizing):
    """Resizes the shorter side to a random length.

    Args:
        min_size, max_size: bounds of the length in pixels; below ``max_size``.
        interpolation, antialias: as for :class:`Resize`.
    """

    def __init__(
        self,
        min_size: int,
        max_size: int,
        interpolation: Interpolation = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.min_size, self.max_size = min_size, max_size
        self.interpolation, self.antialias = interpolation, antialias

    def make_params(self, flat_inputs: list[Any]) -> Params:
        return {"size": [integer(self.min_size, self.max_size)]}


class RandomShortestSize(_Resizing):
    """Resizes the shorter side to one of several lengths, with a limit for the longer one.

    Args:
        min_size: the lengths, or a single one.
        max_size: the longer side's largest length; no limit if None.
        interpolation, antialias: as for :class:`Resize`.
    """

    def __init__(
        self,
        min_size: int | Sequence[int],
        max_size: int | None = None,
        interpolation: Interpolation = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.min_size = [min_size] if isinstance(min_size, int) else list(min_size)
        self.max_size, self.interpolation, self.antialias = max_size, interpolation, antialias

    def make_params(self, flat_inputs: list[Any]) -> Params:
        height, width = query_size(flat_inputs)
        factor = self.min_size[integer(0, len(self.min_size))] / min(height, width)
        if self.max_size is not None:
            factor = min(factor, self.max_size / max(height, width))
        return {"size": (int(height * factor), int(width * factor))}


class ScaleJitter(_Resizing):
    """Resizes by a random factor of the size that just fits into another one.

    Args:
        target_size: the other size; torchvision reads it as (width, height).
        scale_range: bounds of the factor.
        interpolation, antialias: as for :class:`Resize`.

    Source: Ghiasi et al., Simple Copy-Paste, 2020, as in torchvision.
    """

    def __init__(
        self,
        target_size: Sequence[int],
        scale_range: Sequence[float] = (0.1, 2.0),
        interpolation: Interpolation = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.target_size, self.scale_range = target_size, scale_range
        self.interpolation, self.antialias = interpolation, antialias

    def make_params(self, flat_inputs: list[Any]) -> Params:
        height, width = query_size(flat_inputs)
        low, high = self.scale_range
        scale = low + current_generator().random() * (high - low)
        factor = min(self.target_size[1] / height, self.target_size[0] / width) * scale
        return {"size": (int(height * factor), int(width * factor))}
