"""The hue of a tensor, by way of hue, saturation and value."""

from __future__ import annotations

from ..ops.choice import where
from ..ops.shape import stack
from ..tensor import Tensor


def shift_hue(img: Tensor, hue_factor: float) -> Tensor:
    """``img`` (…, 3, H, W), floats from 0 to 1, with its hue moved by a share of the circle."""
    hue, saturation, value = _hsv(img)
    return _rgb((hue + hue_factor) % 1.0, saturation, value)


def _hsv(img: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value, each (…, H, W) from 0 to 1; grey has the hue 0."""
    red, green, blue = img.unbind(-3)
    value, lowest = img.amax(-3), img.amin(-3)
    grey = value == lowest
    one = value.new_ones(())
    span = value - lowest
    saturation = span / where(grey, one, value)
    r, g, b = ((value - channel) / where(grey, one, span) for channel in (red, green, blue))
    hue = where(value == red, b - g, where(value == green, 2.0 + r - b, 4.0 + g - r))
    return (hue / 6.0 + 1.0) % 1.0, saturation, value


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """(…, 3, H, W)."""
    sextant = (hue * 6.0).floor()
    f = hue * 6.0 - sextant
    p = (value * (1.0 - saturation)).clamp(0.0, 1.0)
    q = (value * (1.0 - saturation * f)).clamp(0.0, 1.0)
    t = (value * (1.0 - saturation * (1.0 - f))).clamp(0.0, 1.0)
    channels = []
    for start in (0, 2, 4):  # red, green and blue go through the same values, two sextants apart
        n = (sextant + 6.0 - start) % 6.0
        falling = where(n == 1, q, where((n == 2) | (n == 3), p, value))
        channels.append(where(n == 4, t, falling))
    return stack(channels, -3)
