"""What the transforms share: their base class, checks of arguments, and the channels of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TypeAlias

from PIL import Image

from ..nn.module import Module
from ..tensor import Tensor

Picture: TypeAlias = Image.Image | Tensor  # a tensor is (…, C, H, W) or (H, W)


class Transform(Module):
    """A module whose ``repr`` shows the attributes named in ``shown``."""

    shown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={_text(getattr(self, name))}" for name in self.shown)
        return f"{type(self).__name__}({settings})"


def _text(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def check_picture(img: object) -> Image.Image:
    """``img`` itself.

    Raises:
        TypeError: if it is not a PIL image.
    """
    if not isinstance(img, Image.Image):
        raise TypeError(f"expected a PIL image, got {type(img).__module__}.{type(img).__name__}")
    return img


def check_tensor(img: object, channels: Sequence[int] = (), name: str = "the transform") -> Tensor:
    """``img`` itself.

    Args:
        img: what the caller was given.
        channels: how many channels it may have; any number when empty.
        name: of the caller, for the messages.

    Raises:
        TypeError: if it is not a tensor with two dimensions at least and such a number of channels.
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"{name} expects a tensor, got {type(img).__name__}")
    if img.ndim < 2:
        raise TypeError(f"{name} expects shape (..., C, H, W), got {tuple(img.shape)}")
    if channels and (img.shape[-3] if img.ndim > 2 else 1) not in channels:
        allowed = " or ".join(map(str, channels))
        raise TypeError(f"{name} expects {allowed} channels, got shape {tuple(img.shape)}")
    return img


def check_colors(img: Tensor, name: str) -> Tensor:
    """``img`` itself, if it is (…, 1 or 3, H, W).

    Raises:
        TypeError: if it is not.
    """
    if img.ndim < 3:
        raise TypeError(f"{name} expects shape (..., C, H, W), got {tuple(img.shape)}")
    return check_tensor(img, (1, 3), name)


def pair(size: int | Sequence[int], name: str = "size") -> Sequence[int]:
    """(height, width) from one number, a sequence of one, or a sequence of two."""
    if isinstance(size, (int, float)):
        return int(size), int(size)
    if len(size) not in (1, 2):
        raise ValueError(f"{name} must be one number or (height, width), got {tuple(size)}")
    return size if len(size) == 2 else (size[0], size[0])


def symmetric_range(
    value: float | Sequence[float], name: str, lengths: tuple[int, ...]
) -> list[float]:
    """[-value, value] from one number, or the numbers of a sequence of an allowed length."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{name} as a single number must be >= 0, got {value}")
        return [0.0 - value, float(value)]  # 0.0 and not -0.0 for 0
    return [float(number) for number in check_length(value, name, lengths)]


def check_length(
    values: Sequence[float], name: str, lengths: tuple[int, ...] = (2,)
) -> Sequence[float]:
    """``values`` itself.

    Raises:
        TypeError: if it is not a sequence.
        ValueError: if its length is not one of ``lengths``.
    """
    allowed = " or ".join(map(str, lengths))
    if not isinstance(values, Sequence):
        raise TypeError(f"{name} must be a sequence of {allowed} numbers, got {values!r}")
    if len(values) not in lengths:
        raise ValueError(f"{name} must be one number or {allowed} numbers, got {tuple(values)}")
    return values


def check_range(bounds: Sequence[float], name: str) -> Sequence[float]:
    """``bounds`` itself, if it is (min, max).

    Raises:
        TypeError: if it is not a sequence.
        ValueError: if it is not two numbers in this order; torchvision warns, and fails when called.
    """
    if not isinstance(bounds, Sequence):
        raise TypeError(f"{name} must be (min, max), got {bounds!r}")
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise ValueError(f"{name} must be (min, max), got {tuple(bounds)}")
    return bounds


def check_probability(p: float) -> float:
    """``p`` itself; a ValueError if it is not between 0 and 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"p must be between 0 and 1, got {p}")
    return p
