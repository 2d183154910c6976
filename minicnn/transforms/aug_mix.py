"""AugMix: a picture mixed with changed copies of itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from ._arguments import Picture
from ._draws import dirichlet, integer
from .augmentations import Space, change, random_sign, space
from .auto_augment import Augmentation
from .conversion import pil_to_tensor, to_pil_image
from .dimensions import get_dimensions
from .interpolation import InterpolationMode

Fill = float | Sequence[float] | None
BINS = 10  # the number of strengths
COLORS = ("Brightness", "Color", "Contrast", "Sharpness")


class AugMix(Augmentation):
    """Mixes a picture with copies that went through chains of random changes.

    Args:
        severity: changes are drawn from this many of 10 strengths, 1 to 10.
        mixture_width: the number of copies.
        chain_depth: the number of changes of each; from 1 to 3 at random if it is not positive.
        alpha: the concentration of the random weights, Dirichlet-distributed.
        all_ops: whether brightness, contrast, saturation and sharpness are changed, too.
        interpolation: of what moves pixels.
        fill: value of pixels that come from outside the image.

    Raises:
        ValueError: for another severity.

    Called with a PIL image or a tensor (…, C, H, W) of uint8.

    Source: Hendrycks et al., AugMix, 2020; as in torchvision.
    """

    shown = (
        "severity", "mixture_width", "chain_depth", "alpha", "all_ops", "interpolation", "fill",
    )  # fmt: skip

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        fill: Fill = None,
    ) -> None:
        super().__init__()
        if not 1 <= severity <= BINS:
            raise ValueError(f"severity must be between 1 and {BINS}, got {severity}")
        self.severity, self.mixture_width, self.chain_depth = severity, mixture_width, chain_depth
        self.alpha, self.all_ops = alpha, all_ops
        self.interpolation, self.fill = interpolation, fill

    def forward(self, orig_img: Picture) -> Picture:
        if isinstance(orig_img, Tensor):
            return self._mix(orig_img)
        return to_pil_image(self._mix(pil_to_tensor(orig_img)))

    def _mix(self, img: Tensor) -> Tensor:
        _, height, width = get_dimensions(img)
        changes = self._space(height, width)
        batch = img.reshape((1,) * max(4 - img.ndim, 0) + tuple(img.shape))
        x = batch.array
        # Each image has its own share of the picture itself, and of each copy in the rest.
        shares = np.array([dirichlet([self.alpha] * 2) for _ in x], np.float32)
        weights = np.array([dirichlet([self.alpha] * self.mixture_width) for _ in x], np.float32)
        mixed = _weighted(x, shares[:, 0])
        for copy in range(self.mixture_width):
            changed = self._chain(batch, changes)
            mixed += _weighted(changed.array, weights[:, copy] * shares[:, 1])
        return Tensor.of(mixed.reshape(img.shape).astype(x.dtype))

    def _chain(self, img: Tensor, changes: Space) -> Tensor:
        for _ in range(self.chain_depth if self.chain_depth > 0 else integer(1, 4)):
            name, strengths = list(changes.items())[integer(0, len(changes))]
            magnitude = 0.0
            if strengths is not None:
                magnitude = strengths.at(integer(0, self.severity), BINS)
            magnitude *= random_sign(strengths)
            changed = change(img, name, magnitude, self.interpolation, self.fill)
            assert isinstance(changed, Tensor)
            img = changed
        return img

    def _space(self, height: int, width: int) -> Space:
        shift = (width / 3.0, height / 3.0)
        changes = space(shear=0.3, shift=shift, degrees=30.0, color=0.9, bits=(4, 0))
        colors = {name: changes.pop(name) for name in COLORS}
        return {**changes, **colors} if self.all_ops else changes


def _weighted(x: Array, weights: Array) -> Array:
    """x (N, …) times a weight for each of the N."""
    product: Array = xp_of(x).asarray(weights).reshape(-1, *(1,) * (x.ndim - 1)) * x
    return product
