"""Adds borders to samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...data.seeding import current_generator
from ..pad import check_padding
from . import functional as F
from ._fill import FillByKind, check_fill, fill_for
from ._samples import query_size
from ._transform import RandomTransform, Transform

__all__ = ["Pad", "RandomZoomOut"]

Params = dict[str, Any]


class Pad(Transform):
    """Adds borders.

    Args:
        padding: pixels on all sides, or (left and right, top and bottom), or (left, top, right,
            bottom).
        fill: value of the new pixels in mode ``"constant"``, one number or one for each channel; or
            a dict of them for each class, and for all others under ``"others"``.
        padding_mode: ``"constant"``, ``"edge"``, ``"reflect"`` or ``"symmetric"``; for boxes and
            points only the first one.

    Raises:
        ValueError: for another ``padding_mode``, or for other than 1, 2 or 4 numbers.
        TypeError: for another ``fill``.
    """

    def __init__(
        self,
        padding: int | Sequence[int],
        fill: FillByKind = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        if not isinstance(padding, (int, list, tuple)):
            raise ValueError(f"padding must be 1, 2 or 4 integers, got {padding!r}")  # noqa: TRY004
        check_padding(padding, padding_mode)
        self.padding, self.fill, self.padding_mode = padding, check_fill(fill), padding_mode

    def transform(self, inpt: Any, params: Params) -> object:
        fill = fill_for(self.fill, type(inpt))
        return self._call_kernel(F.pad, inpt, self.padding, fill, self.padding_mode)


class RandomZoomOut(RandomTransform):
    """Puts a sample at a random place of a larger canvas, with probability ``p``.

    Args:
        fill: the canvas's value, as for :class:`Pad`.
        side_range: bounds of the canvas's height and width, as multiples of the sample's.
        p: probability.

    Raises:
        ValueError: unless 1 <= min <= max.

    Source: Liu et al., SSD, 2016; as in torchvision.
    """

    def __init__(
        self, fill: FillByKind = 0, side_range: Sequence[float] = (1.0, 4.0), p: float = 0.5
    ) -> None:
        super().__init__(p)
        if not 1 <= side_range[0] <= side_range[1]:
            raise ValueError(f"side_range must be (min, max), 1 or more, got {side_range}")
        self.fill, self.side_range = check_fill(fill), side_range

    def make_params(self, flat_inputs: list[Any]) -> Params:
        H, W = query_size(flat_inputs)
        low, high = self.side_range
        generator = current_generator()
        factor = low + generator.random() * (high - low)
        height, width = int(H * factor), int(W * factor)
        left = int((width - W) * generator.random())
        top = int((height - H) * generator.random())
        return {"padding": [left, top, width - W - left, height - H - top]}

    def transform(self, inpt: Any, params: Params) -> object:
        return self._call_kernel(F.pad, inpt, params["padding"], fill_for(self.fill, type(inpt)))
