"""Erases rectangles of tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..data.seeding import current_generator
from ..tensor import Tensor
from ._arguments import Transform, check_probability, check_range, check_tensor
from ._draws import chance, integer, log_uniform, uniform


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> Tensor:
    """Sets a rectangle of an image.

    Args:
        img: (…, C, H, W).
        i, j: its top and left, in pixels.
        h, w: its height and width.
        v: its pixels, to broadcast to (C, h, w).
        inplace: change ``img`` instead of a copy.

    Raises:
        TypeError: for anything but a tensor.
    """
    out = check_tensor(img, name="erase")
    if not inplace:
        out = out.clone()
    out[..., i : i + h, j : j + w] = v
    return out


def random_rectangle(
    size: tuple[int, int, int],
    scale: Sequence[float],
    ratio: Sequence[float],
    value: Sequence[float] | None,
) -> tuple[int, int, int, int, Tensor] | None:
    """Top, left, height, width and pixels of a random rectangle; None after ten failed tries.

    Args:
        size: (C, H, W) of the image.
        scale, ratio: as for :class:`RandomErasing`.
        value: one number, or one for each channel; None for N(0, 1).
    """
    C, H, W = size
    for _ in range(10):
        area, aspect = H * W * uniform(scale[0], scale[1]), log_uniform(ratio[0], ratio[1])
        h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if h < H and w < W:
            if value is None:
                pixels = current_generator().normal((C, h, w))
            else:
                pixels = np.array(value, np.float32).reshape(-1, 1, 1)
            return integer(0, H - h + 1), integer(0, W - w + 1), h, w, Tensor.of(pixels)
    return None


def check_erasing(
    scale: Sequence[float], ratio: Sequence[float], value: float | Sequence[float] | str
) -> None:
    """Raises an error for arguments that :class:`RandomErasing` does not take."""
    if not isinstance(value, (int, float, str, tuple, list)):
        raise TypeError(f"value must be a number, a sequence or 'random', got {value!r}")
    if isinstance(value, str) and value != "random":
        raise ValueError(f"value as a string must be 'random', got {value!r}")
    check_range(ratio, "ratio")
    if check_range(scale, "scale")[0] < 0 or scale[1] > 1:
        raise ValueError(f"scale must be between 0 and 1, got {scale}")


class RandomErasing(Transform):
    """Erases a random rectangle of a tensor (…, C, H, W) with probability ``p``.

    Args:
        p: probability.
        scale: bounds of the rectangle's area, as a share of the image's.
        ratio: bounds of its height / width.
        value: fills it: one number, one for each channel, or ``"random"`` for N(0, 1).
        inplace: erase in the given tensor.

    Raises:
        TypeError: for another ``value``, or when called with anything but a tensor.
        ValueError: for arguments out of range.

    Source: Zhong et al., Random Erasing Data Augmentation, 2017; as in torchvision.
    """

    shown = ("p", "scale", "ratio", "value", "inplace")

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Sequence[float] | str = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        check_erasing(scale, ratio, value)
        self.p, self.scale, self.ratio = check_probability(p), scale, ratio
        self.value, self.inplace = value, inplace

    @staticmethod
    def get_params(
        img: Tensor,
        scale: Sequence[float],
        ratio: Sequence[float],
        value: Sequence[float] | None = None,
    ) -> tuple[int, int, int, int, Tensor]:
        """Top, left, height, width and pixels of a random rectangle.

        After ten failed tries, the whole image and its own pixels.
        """
        C, H, W = img.shape[-3:]
        return random_rectangle((C, H, W), scale, ratio, value) or (0, 0, H, W, img)

    def forward(self, img: Tensor) -> Tensor:
        check_tensor(img, name="RandomErasing")
        if not chance(self.p):
            return img
        value = None
        if not isinstance(self.value, str):
            value = [self.value] if isinstance(self.value, (int, float)) else self.value
            if len(value) not in (1, img.shape[-3]):
                raise ValueError(f"value must be 1 or {img.shape[-3]} numbers, got {len(value)}")
        i, j, h, w, v = self.get_params(img, self.scale, self.ratio, value)
        return erase(img, i, j, h, w, v.to(img.device, img.dtype), self.inplace)
