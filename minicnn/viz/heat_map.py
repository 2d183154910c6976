"""A heat map over its picture, without matplotlib."""

from __future__ import annotations

import numpy as np

from ..autograd import no_grad
from ..tensor import Tensor
from .arrays import to_array
from .draw import check_image

__all__ = ["blend", "overlay_heat_map"]

# From cold to hot, evenly spaced: blue, cyan, green, yellow, red
_COLOURS = np.array(
    [(48, 48, 160), (40, 150, 220), (90, 200, 110), (250, 220, 60), (220, 40, 40)], np.float64
)


def blend(pixels: np.ndarray, heat: np.ndarray, alpha: float) -> np.ndarray:
    """Pixels (H, W, 3) from 0 to 1 under the colours of heat (H, W), which is cut off at 0 and 1."""
    stops = np.linspace(0, 1, len(_COLOURS))
    colours = np.stack([np.interp(heat, stops, channel / 255) for channel in _COLOURS.T], -1)
    opacity = alpha * (2 * heat).clip(0, 1)[..., None]
    return pixels * (1 - opacity) + colours * opacity


@no_grad()
def overlay_heat_map(image: Tensor, heat_map: Tensor, alpha: float = 0.5) -> Tensor:
    """A picture with a heat map over it: red where it is hot, unchanged where it is cold.

    Args:
        image: (1 or 3, H, W) of uint8, or of floats from 0 to 1.
        heat_map: (H, W) from 0 to 1, as :func:`grad_cam` returns for one picture.
        alpha: opacity of the colours from the middle of the scale on, 0 to 1. Below it falls to 0, so
            that the picture can be seen.

    Returns:
        (3, H, W) of the image's dtype.

    Raises:
        TypeError: if ``image`` is no tensor.
        ValueError: for another dtype or shape.
    """
    check_image(image, (1, 3))
    heat = to_array(heat_map).astype(np.float64)
    if heat.shape != image.array.shape[1:]:
        raise ValueError(
            f"the heat map must have the image's size {tuple(image.shape[1:])}, got {heat.shape}"
        )
    highest = 255 if image.dtype == np.uint8 else 1
    pixels = np.broadcast_to(to_array(image), (3, *heat.shape)).transpose(1, 2, 0)
    mixed = blend(pixels.astype(np.float64) / highest, heat, alpha).transpose(2, 0, 1) * highest
    mixed = mixed.round() if image.dtype == np.uint8 else mixed
    return Tensor.of(mixed).to(dtype=image.dtype, device=image.device)
