"""What is in a sample: its parts of some kind, and the size of the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from PIL import Image as pil

from ...tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, TVTensor, Video
from ...tv_tensors.base import is_pure_tensor
from .functional import get_dimensions, get_size

__all__ = [
    "check_type",
    "get_bounding_boxes",
    "get_keypoints",
    "has_all",
    "has_any",
    "is_kind",
    "query_chw",
    "query_size",
]

KindOrTest = type | Callable[[Any], bool]
Kind = TypeVar("Kind", bound=TVTensor)


def is_kind(x: Any, kind: KindOrTest) -> bool:
    """Whether ``x`` is an instance of a class, or passes a test."""
    return isinstance(x, kind) if isinstance(kind, type) else kind(x)


def check_type(obj: Any, types_or_checks: tuple[KindOrTest, ...]) -> bool:
    """Whether ``obj`` is an instance of one of several classes, or passes one of several tests."""
    return any(is_kind(obj, kind) for kind in types_or_checks)


def has_any(flat_inputs: list[Any], *types_or_checks: KindOrTest) -> bool:
    """Whether a part of a sample is of one of several kinds."""
    return any(check_type(x, types_or_checks) for x in flat_inputs)


def has_all(flat_inputs: list[Any], *types_or_checks: KindOrTest) -> bool:
    """Whether a sample has a part of each of several kinds."""
    return all(any(is_kind(x, kind) for x in flat_inputs) for kind in types_or_checks)


def query_size(flat_inputs: list[Any]) -> tuple[int, int]:
    """(height, width) of the picture in a sample.

    Args:
        flat_inputs: the parts of the sample: images, videos, masks, boxes and points count.

    Raises:
        TypeError: if there is none of them.
        ValueError: if their sizes differ.
    """
    sizes = {tuple(get_size(x)) for x in flat_inputs if check_type(x, _WITH_SIZE)}
    if not sizes:
        raise TypeError("the sample has no image, video, mask, boxes or points")
    if len(sizes) > 1:
        raise ValueError(f"the sample has several heights and widths: {sorted(sizes)}")
    height, width = sizes.pop()
    return height, width


def query_chw(flat_inputs: list[Any]) -> tuple[int, int, int]:
    """(channels, height, width) of the image or video in a sample.

    Raises:
        TypeError: if there is none.
        ValueError: if there are several, and they differ.
    """
    sizes = {tuple(get_dimensions(x)) for x in flat_inputs if check_type(x, _PICTURES)}
    if not sizes:
        raise TypeError("the sample has no image or video")
    if len(sizes) > 1:
        raise ValueError(f"the sample has several channels, heights and widths: {sorted(sizes)}")
    channels, height, width = sizes.pop()
    return channels, height, width


_PICTURES: tuple[KindOrTest, ...] = (is_pure_tensor, pil.Image, Image, Video)
_WITH_SIZE = (*_PICTURES, Mask, BoundingBoxes, KeyPoints)


def get_bounding_boxes(flat_inputs: list[Any]) -> BoundingBoxes:
    """The first boxes in a sample.

    Raises:
        ValueError: if there are none.
    """
    return _first(flat_inputs, BoundingBoxes)


def get_keypoints(flat_inputs: list[Any]) -> KeyPoints:
    """The first points in a sample.

    Raises:
        ValueError: if there are none.
    """
    return _first(flat_inputs, KeyPoints)


def _first(flat_inputs: list[Any], kind: type[Kind]) -> Kind:
    for x in flat_inputs:
        if isinstance(x, kind):
            return x
    raise ValueError(f"the sample has no {kind.__name__}")
