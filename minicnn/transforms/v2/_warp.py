"""Rotates, shears and distorts samples at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import affine, elastic, perspective
from . import functional as F
from ._fill import FillByKind, check_fill, fill_for
from ._samples import query_size
from ._transform import RandomTransform, Transform
from .functional._modes import Interpolation

__all__ = ["ElasticTransform", "RandomAffine", "RandomPerspective", "RandomRotation"]

Params = dict[str, Any]


class RandomRotation(Transform):
    """Rotates by a random angle.

    Args:
        degrees: (min, max), or one number for (-degrees, degrees); counter-clockwise.
        interpolation, expand, center: as for :func:`~.functional.rotate`.
        fill: as for :class:`Pad`.
    """

    get_params = staticmethod(affine.RandomRotation.get_params)

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: Interpolation = "nearest",
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: FillByKind = 0,
    ) -> None:
        super().__init__()
        checked = affine.RandomRotation(degrees, center=center)
        self.degrees, self.interpolation, self.expand = checked.degrees, interpolation, expand
        self.fill, self.center = check_fill(fill), checked.center

    def make_params(self, flat_inputs: list[Any]) -> Params:
        return {"angle": self.get_params(self.degrees)}

    def transform(self, inpt: Any, params: Params) -> object:
        settings = (self.interpolation, self.expand, self.center, fill_for(self.fill, type(inpt)))
        return self._call_kernel(F.rotate, inpt, params["angle"], *settings)


class RandomAffine(Transform):
    """Rotates, scales and shears around the centre, then shifts, all by random amounts.

    Args:
        degrees: bounds of the angle, or one number for (-degrees, degrees); 0 for none.
        translate: largest shift (x, y) as a share of width and height.
        scale: bounds of the factor.
        shear: degrees along x as one number or (min, max), or (min x, max x, min y, max y).
        interpolation, center: as for :func:`~.functional.affine`.
        fill: as for :class:`Pad`.

    Raises:
        ValueError: for a shift outside 0 … 1, or a scale that is not positive.
    """

    get_params = staticmethod(affine.RandomAffine.get_params)

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Interpolation = "nearest",
        fill: FillByKind = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        checked = affine.RandomAffine(degrees, translate, scale, shear, center=center)
        self.degrees, self.translate = checked.degrees, checked.translate
        self.scale, self.shear = checked.scale, checked.shear
        self.interpolation, self.fill = interpolation, check_fill(fill)
        self.center = checked.center

    def make_params(self, flat_inputs: list[Any]) -> Params:
        height, width = query_size(flat_inputs)
        bounds = (self.degrees, self.translate, self.scale, self.shear)
        return {"amounts": self.get_params(*bounds, (width, height))}

    def transform(self, inpt: Any, params: Params) -> object:
        settings = (self.interpolation, fill_for(self.fill, type(inpt)), self.center)
        return self._call_kernel(F.affine, inpt, *params["amounts"], *settings)


class RandomPerspective(RandomTransform):
    """Moves the four corners inwards by random distances, with probability ``p``.

    Args:
        distortion_scale: the largest distance, as a share of half the width or height.
        p: probability.
        interpolation: as for :func:`~.functional.perspective`.
        fill: as for :class:`Pad`.

    Raises:
        ValueError: unless ``distortion_scale`` is between 0 and 1.
    """

    get_params = staticmethod(perspective.RandomPerspective.get_params)

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: Interpolation = "bilinear",
        fill: FillByKind = 0,
    ) -> None:
        super().__init__(p)
        if not 0 <= distortion_scale <= 1:
            raise ValueError(f"distortion_scale must be between 0 and 1, got {distortion_scale}")
        self.distortion_scale, self.interpolation = distortion_scale, interpolation
        self.fill = check_fill(fill)

    def make_params(self, flat_inputs: list[Any]) -> Params:
        height, width = query_size(flat_inputs)
        corners = self.get_params(width, height, self.distortion_scale)
        return {"coefficients": perspective.coefficients_of(*corners)}

    def transform(self, inpt: Any, params: Params) -> object:
        settings = (self.interpolation, fill_for(self.fill, type(inpt)), params["coefficients"])
        return self._call_kernel(F.perspective, inpt, None, None, *settings)


class ElasticTransform(Transform):
    """Moves pixels by random distances that change slowly. See :func:`~.functional.elastic`.

    Args:
        alpha: how far, one number or (x, y); some pixels, for the usual ``sigma``.
        sigma: how slowly, the standard deviations (x, y) of a Gaussian in pixels.
        interpolation: nearest or bilinear.
        fill: as for :class:`Pad`.

    Raises:
        ValueError: for other than one number or two.
    """

    get_params = staticmethod(elastic.ElasticTransform.get_params)

    def __init__(
        self,
        alpha: float | Sequence[float] = 50.0,
        sigma: float | Sequence[float] = 5.0,
        interpolation: Interpolation = "bilinear",
        fill: FillByKind = 0,
    ) -> None:
        super().__init__()
        self.alpha, self.sigma = _two_floats(alpha, "alpha"), _two_floats(sigma, "sigma")
        self.interpolation, self.fill = interpolation, check_fill(fill)

    def make_params(self, flat_inputs: list[Any]) -> Params:
        return {"displacement": self.get_params(self.alpha, self.sigma, query_size(flat_inputs))}

    def transform(self, inpt: Any, params: Params) -> object:
        settings = (self.interpolation, fill_for(self.fill, type(inpt)))
        return self._call_kernel(F.elastic, inpt, params["displacement"], *settings)


def _two_floats(value: float | Sequence[float], name: str) -> list[float]:
    if isinstance(value, (int, float)):
        return [float(value)] * 2
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) not in (1, 2):
        raise ValueError(f"{name} must be one number or two, got {value!r}")
    return [float(value[0]), float(value[-1])]
