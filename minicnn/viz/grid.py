"""Pictures side by side in one, and in a file, as ``torchvision.utils``."""

from __future__ import annotations

import os
from typing import IO, Any

import numpy as np
from PIL import Image

from ..autograd import no_grad
from ..creation import full
from ..ops.shape import cat, stack
from ..tensor import Tensor

__all__ = ["make_grid", "save_image"]


@no_grad()
def make_grid(
    tensor: Tensor | list[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Images in rows, as one image.

    Args:
        tensor: images (N, C, H, W), or a list of (C, H, W); one image (C, H, W) or (H, W) as well.
        nrow: images in a row.
        padding: pixels between images and around them.
        normalize: whether to map ``value_range`` to 0 … 1.
        value_range: the values that become 0 and 1; by default the smallest and the largest.
        scale_each: whether to take these of each image by itself.
        pad_value: of the pixels between images.

    Returns:
        (C, rows * (H + padding) + padding, columns * (W + padding) + padding), with 3 channels for
        grey images; a single image is returned without padding.

    Raises:
        TypeError: for anything but tensors, or a ``value_range`` that is no tuple.

    As ``torchvision.utils.make_grid``.
    """
    images = _batch(tensor)
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError(f"value_range must be a tuple (min, max), got {value_range!r}")
    if normalize:
        images = images.clone()
        for part in images if scale_each else [images]:
            _normalize(part, value_range)
    N, C, H, W = images.shape
    if N == 1:
        return images.squeeze(0)
    columns = min(nrow, N)
    rows = -(-N // columns)
    height, width = H + padding, W + padding
    size = (C, height * rows + padding, width * columns + padding)
    grid = full(size, pad_value, dtype=images.dtype, device=images.device)
    for i, image in enumerate(images):
        top, left = i // columns * height + padding, i % columns * width + padding
        grid[:, top : top + H, left : left + W] = image
    return grid


def _batch(tensor: Any) -> Tensor:
    """Images (N, C, H, W) with 3 channels instead of 1."""
    parts = tensor if isinstance(tensor, list) else [tensor]
    for part in parts:
        if not isinstance(part, Tensor):
            raise TypeError(f"make_grid expects a tensor or a list of them, got {type(part)}")
    images = stack(parts, 0) if isinstance(tensor, list) else tensor
    if images.ndim == 2:
        images = images.unsqueeze(0)
    if images.ndim == 3:
        images = images.unsqueeze(0)
    return cat([images] * 3, 1) if images.ndim == 4 and images.shape[1] == 1 else images


def _normalize(images: Tensor, value_range: tuple[float, float] | None) -> None:
    """Maps a range of values to 0 … 1, in place."""
    low, high = value_range or (float(images.min()), float(images.max()))
    images.clamp_(min=low, max=high)
    images.sub_(low).div_(max(high - low, 1e-5))


@no_grad()
def save_image(
    tensor: Tensor | list[Tensor],
    fp: str | os.PathLike[str] | IO[bytes],
    format: str | None = None,
    **kwargs: Any,
) -> None:
    """Writes images with values 0 … 1 to a file, several as a grid.

    Args:
        tensor: as :func:`make_grid`'s.
        fp: the file, whose ending tells the format, or an open binary file.
        format: such as ``"PNG"``, for an open file.
        kwargs: go to :func:`make_grid`.

    As ``torchvision.utils.save_image``.
    """
    grid = make_grid(tensor, **kwargs)
    pixels = grid.mul(255).add(0.5).clamp(0, 255).permute(1, 2, 0).cpu().numpy().astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(pixels)).save(fp, format=format)
