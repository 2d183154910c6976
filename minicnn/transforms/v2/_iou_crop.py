"""RandomIoUCrop: crops that keep a part of at least one object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image as pil

from ...data.seeding import current_generator
from ...tv_tensors import BoundingBoxes, Image, Video, wrap
from ...tv_tensors.base import is_pure_tensor
from .._draws import integer
from . import functional as F
from ._samples import get_bounding_boxes, has_any, query_size
from ._transform import Transform

__all__ = ["RandomIoUCrop"]

Params = dict[str, Any]


class RandomIoUCrop(Transform):
    """Crops a random part that overlaps one of the boxes by a random amount at least, or nothing.

    Boxes whose middle is outside the crop get the size 0: :class:`SanitizeBoundingBoxes` removes
    them, with their labels.

    Args:
        min_scale, max_scale: bounds of the crop's height and width, as shares of the picture's.
        min_aspect_ratio, max_aspect_ratio: bounds of the crop's width / height.
        sampler_options: the smallest intersections over union of crop and box, of which one is
            drawn; 1 for the whole picture.
        trials: how many crops are tried for each of them.

    Raises:
        TypeError: when called without a picture or without boxes.

    Source: Liu et al., SSD, 2016; as in torchvision.
    """

    def __init__(
        self,
        min_scale: float = 0.3,
        max_scale: float = 1.0,
        min_aspect_ratio: float = 0.5,
        max_aspect_ratio: float = 2.0,
        sampler_options: Sequence[float] | None = None,
        trials: int = 40,
    ) -> None:
        super().__init__()
        self.min_scale, self.max_scale = min_scale, max_scale
        self.min_aspect_ratio, self.max_aspect_ratio = min_aspect_ratio, max_aspect_ratio
        options = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
        self.options = list(options if sampler_options is None else sampler_options)
        self.trials = trials

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        pictures = (pil.Image, Image, Video, is_pure_tensor)
        if not (has_any(flat_inputs, *pictures) and has_any(flat_inputs, BoundingBoxes)):
            raise TypeError(f"{type(self).__name__} expects a picture and boxes in a sample")

    def make_params(self, flat_inputs: list[Any]) -> Params:
        H, W = query_size(flat_inputs)
        boxes = F.convert_bounding_box_format(get_bounding_boxes(flat_inputs), new_format="XYXY")
        corners = boxes.numpy_copy()
        while True:
            overlap = self.options[integer(0, len(self.options))]
            if overlap >= 1:
                return {}
            for _ in range(self.trials):
                crop = self._draw(H, W)
                if crop is None:
                    continue
                inside = _middle_inside(corners, crop)
                if inside.any() and _iou(corners[inside], crop).max() >= overlap:
                    left, top, right, bottom = crop
                    box = (top, left, bottom - top, right - left)
                    return {"box": box, "inside": inside}

    def _draw(self, H: int, W: int) -> tuple[int, int, int, int] | None:
        """Left, top, right and bottom of a random crop; None for another aspect ratio."""
        shares = self.min_scale + (self.max_scale - self.min_scale) * _two_numbers()
        width, height = int(W * shares[0]), int(H * shares[1])
        if not self.min_aspect_ratio <= width / height <= self.max_aspect_ratio:
            return None
        x, y = _two_numbers()
        left, top = int((W - width) * x), int((H - height) * y)
        return (left, top, left + width, top + height) if width and height else None

    def transform(self, inpt: Any, params: Params) -> object:
        if not params:
            return inpt
        out = self._call_kernel(F.crop, inpt, *params["box"])
        if isinstance(out, BoundingBoxes):
            inside = out.new_tensor(params["inside"]).unsqueeze(1)
            return wrap(out * inside, like=out)
        return out


def _two_numbers() -> np.ndarray:
    return np.asarray(current_generator().random((2,)))


def _middle_inside(corners: np.ndarray, crop: tuple[int, int, int, int]) -> np.ndarray:
    """(N,): of which boxes the middle is inside a crop."""
    middle = 0.5 * (corners[:, :2] + corners[:, 2:])
    inside: np.ndarray = ((middle > crop[:2]) & (middle < crop[2:])).all(1)
    return inside


def _iou(corners: np.ndarray, crop: tuple[int, int, int, int]) -> np.ndarray:
    """(N,): intersection over union of each box and a crop."""
    both = np.minimum(corners[:, 2:], crop[2:]) - np.maximum(corners[:, :2], crop[:2])
    shared = both.clip(0).prod(1)
    areas = (corners[:, 2:] - corners[:, :2]).prod(1)
    area = (crop[2] - crop[0]) * (crop[3] - crop[1])
    return np.asarray(shared / (areas + area - shared))
