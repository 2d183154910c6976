"""AugMix: a picture mixed with changed copies of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from ._arguments import Picture
from ._draws import dirichlet, integer
from .augmentations import Rules, Space, augmented, space
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
        changes = mixing_space(height, width, self.all_ops)
        chain = partial(random_chain, changes=changes, mix=self)
        return mixed(img, 4, self.alpha, self.mixture_width, chain)


def mixed(
    img: Tensor, ndim: int, alpha: float, width: int, chain: Callable[[Tensor], Tensor]
) -> Tensor:
    """An image mixed with changed copies of itself.

    Args:
        img: (…, C, H, W).
        ndim: the number of dimensions of a batch, each part of which gets weights of its own.
        alpha: the concentration of the weights.
        width: the number of copies.
        chain: changes a batch.
    """
    batch = img.reshape((1,) * max(ndim - img.ndim, 0) + tuple(img.shape))
    x = batch.array
    # Each image has its own share of the picture itself, and of each copy in the rest.
    shares = dirichlet(alpha, len(x), 2)
    weights = dirichlet(alpha, len(x), width)
    total = _weighted(x, shares[:, 0])
    for copy in range(width):
        total += _weighted(chain(batch).array, weights[:, copy] * shares[:, 1])
    return Tensor.of(total.reshape(img.shape).astype(x.dtype))


class Mixing(Rules, Protocol):
    """A transform that mixes: see :class:`AugMix` for its attributes."""

    severity: int
    chain_depth: int


def random_chain(img: Tensor, changes: Space, mix: Mixing) -> Tensor:
    """An image after a few random changes."""
    depth = mix.chain_depth if mix.chain_depth > 0 else integer(1, 4)
    out = augmented(img, changes, lambda: integer(0, mix.severity), BINS, mix, depth)
    assert isinstance(out, Tensor)
    return out


def mixing_space(height: int, width: int, all_ops: bool, white: float = 255.0) -> Space:
    """AugMix's changes of an image; ``white`` as for :func:`space`."""
    shift = (width / 3.0, height / 3.0)
    changes = space(shear=0.3, shift=shift, degrees=30.0, color=0.9, bits=(4, 0), white=white)
    colors = {name: changes.pop(name) for name in COLORS}
    return {**changes, **colors} if all_ops else changes


def _weighted(x: Array, weights: Array) -> Array:
    """x (N, …) times a weight for each of the N."""
    product: Array = xp_of(x).asarray(weights).reshape(-1, *(1,) * (x.ndim - 1)) * x
    return product
