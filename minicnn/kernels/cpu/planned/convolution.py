"""What a convolution step computes, and its parts: some images, output rows or filters."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np

from ...geometry import Geometry
from ..runtime.windows import rows_of
from .epilogue import epilogue
from .step import Call, Limits

__all__ = ["Convolution"]


class Convolution(NamedTuple):
    """``out = conv2d(x, weight, bias) + residual`` within limits, channels-last and in float32.

    Attributes:
        x: (N, H, W, C). The channels of images may be a slice of a wider buffer.
        weight: (O, C / groups, KH, KW).
        bias: (O,) or None.
        geometry: where the windows lie.
        out: (N, OH, OW, O).
        residual: of the shape of ``out``, or None.
        limits: of the result, or None.
        prepared: transformed filters by name, which convolutions with the same weight share.
    """

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray | None
    geometry: Geometry
    out: np.ndarray
    residual: np.ndarray | None
    limits: Limits | None
    prepared: dict[Hashable, np.ndarray]
    filters: tuple[int, int]  # the first and the last of the filters in ``weight``, plus 1

    def once(self, name: Hashable, prepare: Callable[[], np.ndarray]) -> np.ndarray:
        """The filters in the form ``name``, which ``prepare`` computes once."""
        key = name, self.filters
        if key not in self.prepared:
            self.prepared[key] = prepare()
        return self.prepared[key]

    def block(self, images: slice, rows: slice) -> Convolution:
        """Of some images, some output rows; ``x`` keeps all its rows."""
        return self._replace(
            x=self.x[images],
            geometry=rows_of(self.geometry, rows),
            out=self.out[images, rows],
            residual=None if self.residual is None else self.residual[images, rows],
        )

    def filtered(self, filters: slice) -> Convolution:
        """The results of some filters; only without groups."""
        return self._replace(
            weight=self.weight[filters],
            filters=(filters.start, filters.stop),
            bias=None if self.bias is None else self.bias[filters],
            out=self.out[..., filters],
            residual=None if self.residual is None else self.residual[..., filters],
        )

    def blocks(self, pixels: int, unit: int = 1) -> list[Convolution]:
        """Blocks of about ``pixels`` output pixels, in units of some rows, the largest first."""
        N, OH, OW, _ = self.out.shape
        images = max(1, min(N, pixels // (OH * OW)))
        rows = max(1, min(-(-OH // unit), pixels // (OW * unit))) * unit
        parts = -(-OH // rows)
        rows = -(-OH // (parts * unit)) * unit  # as many, but of more even size
        return [
            self.block(slice(n, min(n + images, N)), slice(top, min(top + rows, OH)))
            for n in range(0, N, images)
            for top in range(0, OH, rows)
        ]

    def epilogue(self) -> list[Call]:
        """The calls that finish ``out``, which holds the convolution alone."""
        return epilogue(self.out, self.bias, self.residual, self.limits)
