"""What transforms do without touching numbers: which part they cut out, and whether they mirror it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..data import current_generator
from ..transforms import CenterCrop, PILToTensor, RandomCrop, RandomHorizontalFlip, Resize

__all__ = ["Cut"]


class Cut(NamedTuple):
    """A resize, after which all pictures stay as they are, and a crop of the result.

    Attributes:
        resize: to the same size in every epoch.
        size: height and width of the crop.
        is_random: whether the crop's position is drawn; else it is the centre.
        flip: the probability that it is mirrored left to right.
    """

    resize: Resize
    size: tuple[int, int]
    is_random: bool
    flip: float

    @classmethod
    def of(cls, transform: Any) -> Cut:
        """What a ``Compose`` of a resize, a crop, a flip or none, and ``PILToTensor`` amounts to.

        Raises:
            ValueError: for anything else, for a padded crop, and for a crop that may be larger than
                the resized picture.
        """
        match getattr(transform, "transforms", ()):
            case [
                Resize() as resize,
                RandomCrop(padding=None) | CenterCrop() as crop,
                PILToTensor(),
            ]:
                flip = 0.0
            case [
                Resize() as resize,
                RandomCrop(padding=None) | CenterCrop() as crop,
                RandomHorizontalFlip(p=flip),
                PILToTensor(),
            ]:
                pass
            case _:
                raise ValueError(
                    "pictures that stay on the GPU take the transforms Resize, RandomCrop (without "
                    "padding) or CenterCrop, maybe RandomHorizontalFlip, and PILToTensor, got "
                    f"{transform}"
                )
        height, width = crop.size
        sizes = [resize.size] if isinstance(resize.size, int) else list(resize.size)
        if sizes[0] < height or sizes[-1] < width or resize.max_size is not None:
            raise ValueError(f"{resize} must not make pictures smaller than {crop}")
        return cls(resize, (height, width), isinstance(crop, RandomCrop), flip)

    def draw(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cuts of several pictures, drawn from the sample's generator.

        Args:
            sizes: height and width of each picture, (N, 2).

        Returns:
            Tops and lefts in pixels and whether to mirror, (N,) of int64 each.
        """
        spare, generator, N = sizes - self.size, current_generator(), len(sizes)
        if self.is_random:
            corners = np.floor(generator.random((N, 2), np.float64) * (spare + 1))
        else:
            corners = np.rint(spare / 2)  # as CenterCrop, halves to the even number
        tops, lefts = corners.astype(np.int64).T
        flips = generator.random(N) < self.flip if self.flip else np.zeros(N, bool)
        return tops, lefts, flips.astype(np.int64)
