"""Changes the colours of images and videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import color
from .._draws import chance, permutation, uniform
from . import functional as F
from ._samples import query_chw
from ._transform import RandomTransform, Transform

__all__ = [
    "RGB",
    "ColorJitter",
    "Grayscale",
    "RandomChannelPermutation",
    "RandomGrayscale",
    "RandomPhotometricDistort",
]

Factor = float | Sequence[float] | None


class Grayscale(Transform):
    """Converts to grey, with 1 or 3 channels. See :func:`functional.rgb_to_grayscale`."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.rgb_to_grayscale, inpt, self.num_output_channels)


class RandomGrayscale(RandomTransform):
    """Converts to grey with probability ``p``, keeping the number of channels (1 or 3)."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"num_input_channels": query_chw(flat_inputs)[0]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.rgb_to_grayscale, inpt, params["num_input_channels"])


class RGB(Transform):
    """Converts to three channels. See :func:`functional.grayscale_to_rgb`."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.grayscale_to_rgb, inpt)


_CHANGES = ("brightness", "contrast", "saturation", "hue")


class ColorJitter(Transform):
    """Changes brightness, contrast, saturation and hue at random, in random order.

    Args:
        brightness, contrast, saturation: a number x draws the factor between max(0, 1 - x) and
            1 + x; a pair (min, max) draws it between these.
        hue: a number draws the shift between -hue and hue, a pair (min, max) between these; at
            most from -0.5 to 0.5.

    Raises:
        TypeError: for something else than a number or a pair.
        ValueError: for bounds that are out of range, or not in order.
    """

    def __init__(
        self,
        brightness: Factor = None,
        contrast: Factor = None,
        saturation: Factor = None,
        hue: Factor = None,
    ) -> None:
        super().__init__()
        self.brightness = color.factor_bounds(brightness, "brightness")
        self.contrast = color.factor_bounds(contrast, "contrast")
        self.saturation = color.factor_bounds(saturation, "saturation")
        self.hue = color.factor_bounds(hue, "hue", center=0, allowed=(-0.5, 0.5))

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        order, *factors = color.ColorJitter.get_params(
            self.brightness, self.contrast, self.saturation, self.hue
        )
        named = {f"{name}_factor": factor for name, factor in zip(_CHANGES, factors)}
        return {"fn_idx": order, **named}

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        for number in params["fn_idx"].tolist():
            inpt = _adjusted(self, inpt, params, _CHANGES[number])
        return inpt


class RandomPhotometricDistort(Transform):
    """Changes brightness, contrast, saturation, hue and the order of channels at random.

    Args:
        brightness, contrast, saturation: bounds (min, max) of the factors.
        hue: bounds of the shift, at most (-0.5, 0.5).
        p: the probability of each change.

    Source: Liu et al., SSD: Single Shot MultiBox Detector, 2016; as in torchvision.
    """

    def __init__(
        self,
        brightness: tuple[float, float] = (0.875, 1.125),
        contrast: tuple[float, float] = (0.5, 1.5),
        saturation: tuple[float, float] = (0.5, 1.5),
        hue: tuple[float, float] = (-0.05, 0.05),
        p: float = 0.5,
    ) -> None:
        super().__init__()
        self.brightness, self.contrast = brightness, contrast
        self.hue, self.saturation, self.p = hue, saturation, p

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels = query_chw(flat_inputs)[0]
        params: dict[str, Any] = {
            f"{name}_factor": uniform(*getattr(self, name)) if chance(self.p) else None
            for name in _CHANGES
        }
        params["contrast_before"] = chance(0.5)
        params["channel_permutation"] = permutation(channels) if chance(self.p) else None
        return params

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        colors = ["saturation", "hue"]
        colors.insert(0 if params["contrast_before"] else 2, "contrast")
        for name in ("brightness", *colors):
            inpt = _adjusted(self, inpt, params, name)
        if params["channel_permutation"] is None:
            return inpt
        return self._call_kernel(F.permute_channels, inpt, params["channel_permutation"])


def _adjusted(transform: Transform, inpt: Any, params: dict[str, Any], name: str) -> Any:
    """``inpt`` with another brightness, say, if there is a factor for it."""
    factor = params[f"{name}_factor"]
    if factor is None:
        return inpt
    return transform._call_kernel(getattr(F, f"adjust_{name}"), inpt, factor)


class RandomChannelPermutation(Transform):
    """The channels in random order."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"permutation": permutation(query_chw(flat_inputs)[0])}

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.permute_channels, inpt, params["permutation"])
