"""Crops samples: the middle, random parts, corners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...tv_tensors import BoundingBoxes, Mask
from .. import crop
from .._arguments import check_range, pair
from .._draws import integer
from ..pad import check_padding
from . import functional as F
from ._fill import FillByKind, check_fill, fill_for
from ._samples import has_any, query_size
from ._transform import Transform
from .functional._modes import Interpolation

__all__ = ["CenterCrop", "FiveCrop", "RandomCrop", "RandomResizedCrop", "TenCrop"]

Params = dict[str, Any]


class CenterCrop(Transform):
    """Crops the middle. See :func:`~.functional.center_crop`."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = tuple(pair(size))

    def transform(self, inpt: Any, params: Params) -> object:
        return self._call_kernel(F.center_crop, inpt, self.size)


class RandomCrop(Transform):
    """Crops at a random position.

    Args:
        size: (height, width) or one number for both.
        padding: borders added first, as for :class:`Pad`.
        pad_if_needed: pad samples that are smaller than ``size``, by the missing pixels on each
            side, as torchvision does.
        fill, padding_mode: as for :class:`Pad`.

    Raises:
        ValueError: when called with a sample that is smaller than ``size``.
    """

    get_params = staticmethod(crop.RandomCrop.get_params)

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: FillByKind = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size, self.padding = tuple(pair(size)), None
        if padding is not None:
            left, top, right, bottom = check_padding(padding, padding_mode)
            self.padding = [left, right, top, bottom]
        self.pad_if_needed, self.fill = pad_if_needed, check_fill(fill)
        self.padding_mode = padding_mode

    def make_params(self, flat_inputs: list[Any]) -> Params:
        H, W = query_size(flat_inputs)
        height, width = self.size
        left, right, top, bottom = self.padding or (0, 0, 0, 0)
        H, W = H + top + bottom, W + left + right
        if self.pad_if_needed:
            down, across = max(height - H, 0), max(width - W, 0)
            left, right, top, bottom = left + across, right + across, top + down, bottom + down
            H, W = H + 2 * down, W + 2 * across
        if H < height or W < width:
            raise ValueError(f"RandomCrop of {self.size} is larger than the sample of {(H, W)}")
        return {
            "padding": [left, top, right, bottom],
            # nothing is drawn where there is no choice, unlike in the first transforms
            "top": integer(0, H - height + 1) if H > height else 0,
            "left": integer(0, W - width + 1) if W > width else 0,
            "needs_crop": H > height or W > width,
        }

    def transform(self, inpt: Any, params: Params) -> object:
        if any(params["padding"]):
            fill = fill_for(self.fill, type(inpt))
            inpt = self._call_kernel(F.pad, inpt, params["padding"], fill, self.padding_mode)
        if params["needs_crop"]:
            inpt = self._call_kernel(F.crop, inpt, params["top"], params["left"], *self.size)
        return inpt


class RandomResizedCrop(Transform):
    """Crops a part of random position, area and aspect ratio, and resizes it.

    Args:
        size: (height, width) of the result, or one number for both.
        scale: bounds of the crop's area, as a share of the sample's.
        ratio: bounds of the crop's width / height, whose logarithm is drawn uniformly.
        interpolation, antialias: as for :class:`Resize`.
    """

    get_params = staticmethod(crop.RandomResizedCrop.get_params)

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: Interpolation = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = tuple(pair(size))
        self.scale, self.ratio = check_range(scale, "scale"), check_range(ratio, "ratio")
        self.interpolation, self.antialias = interpolation, antialias

    def make_params(self, flat_inputs: list[Any]) -> Params:
        return {"box": crop.random_box(*query_size(flat_inputs), self.scale, self.ratio)}

    def transform(self, inpt: Any, params: Params) -> object:
        settings = (self.size, self.interpolation, self.antialias)
        return self._call_kernel(F.resized_crop, inpt, *params["box"], *settings)


class _Crops(Transform):
    """Several crops, which boxes and masks have no place in."""

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, BoundingBoxes, Mask):
            raise TypeError(f"{type(self).__name__} takes no boxes and no masks, got some")


class FiveCrop(_Crops):
    """Crops the four corners and the middle. See :func:`~.functional.five_crop`.

    Raises:
        TypeError: when called with a sample that has boxes or masks.
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = tuple(pair(size))

    def transform(self, inpt: Any, params: Params) -> object:
        return self._call_kernel(F.five_crop, inpt, self.size)


class TenCrop(_Crops):
    """Crops the four corners and the middle, of the mirror image, too.

    Raises:
        TypeError: when called with a sample that has boxes or masks.
    """

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__()
        self.size, self.vertical_flip = tuple(pair(size)), vertical_flip

    def transform(self, inpt: Any, params: Params) -> object:
        return self._call_kernel(F.ten_crop, inpt, self.size, self.vertical_flip)
