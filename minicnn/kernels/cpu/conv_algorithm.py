"""Which algorithm a convolution uses: matrix products over columns (im2col), or Winograd's.

Both estimate their time for each pass of a shape; the smaller estimate wins. The environment has
a say: ``MINICNN_CONV`` is ``auto`` (the default), ``im2col``, or ``winograd`` (wherever that is
possible, with the tile size of the smallest estimate). With ``MINICNN_DEBUG=conv`` each choice is
printed to stderr when a shape first comes up. ``minicnn.nn.conv_algorithms`` lists the choices for
a whole network.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import NamedTuple

import numpy as np

from ..geometry import Geometry
from . import conv_im2col, winograd

__all__ = ["PASSES", "Algorithm", "choose", "estimates"]

PASSES = ("forward", "input_grad", "weight_grad")
_SETTINGS = ("auto", "im2col", "winograd")


class Algorithm(NamedTuple):
    """``im2col``, or ``winograd`` with tiles of ``tile`` * ``tile`` output pixels."""

    name: str
    tile: int = 0

    def __str__(self) -> str:
        return f"{self.name} {self.tile}x{self.tile}" if self.tile else self.name


def choose(
    pass_: str, dtype: np.dtype, N: int, weight_shape: tuple[int, ...], geometry: Geometry
) -> Algorithm:
    """The algorithm for one pass of a convolution.

    Args:
        pass_: ``"forward"``, ``"input_grad"`` or ``"weight_grad"``.
        dtype: that of the images.
        N: the number of images.
        weight_shape: (O, C / groups, KH, KW).
        geometry: that of the convolution.

    Raises:
        ValueError: for an unknown word in ``MINICNN_CONV`` or ``MINICNN_DEBUG``.
    """
    setting, debug = os.environ.get("MINICNN_CONV", ""), os.environ.get("MINICNN_DEBUG", "")
    return _choose(setting, debug, pass_, dtype, N, weight_shape, geometry)


@functools.lru_cache(maxsize=4096)  # images of ever new sizes must not fill the memory
def _choose(
    setting: str,
    debug: str,
    pass_: str,
    dtype: np.dtype,
    N: int,
    weight_shape: tuple[int, ...],
    geometry: Geometry,
) -> Algorithm:
    if setting and setting not in _SETTINGS:
        raise ValueError(f"MINICNN_CONV must be one of {', '.join(_SETTINGS)}, got {setting!r}")
    if debug not in ("", "conv"):
        raise ValueError(f"MINICNN_DEBUG must be 'conv' or empty, got {debug!r}")
    costs = estimates(pass_, dtype, N, weight_shape, geometry)
    possible = {a: cost for a, cost in costs.items() if a.name == setting}
    chosen = min(possible or costs, key=costs.__getitem__)
    if debug:
        print(_report(pass_, N, weight_shape, geometry, chosen, costs), file=sys.stderr)
    return chosen


def estimates(
    pass_: str, dtype: np.dtype, N: int, weight_shape: tuple[int, ...], geometry: Geometry
) -> dict[Algorithm, float]:
    """The estimated time of each possible algorithm, in multiplications of a matrix product.

    Takes the arguments of :func:`choose`.
    """
    costs = {Algorithm("im2col"): conv_im2col.cost(N, weight_shape, geometry)}
    if winograd.possible(dtype, weight_shape, geometry):
        R = -(-weight_shape[2] // geometry.stride[0])
        for M in winograd.tiles(R):
            cost = winograd.cost(pass_, N, weight_shape, geometry, M)
            costs[Algorithm("winograd", M)] = cost
    return costs


def _report(
    pass_: str,
    N: int,
    weight_shape: tuple[int, ...],
    geometry: Geometry,
    chosen: Algorithm,
    costs: dict[Algorithm, float],
) -> str:
    """A line for people: the shape, what was chosen, and the estimates in 10^6 multiplications."""
    O, Cg, KH, KW = weight_shape
    H, W = geometry.input_size
    shape = f"({N}, {Cg * geometry.groups}, {H}, {W}) -> {O} filters {KH}x{KW}"
    if geometry.stride != (1, 1):
        shape += f", stride {geometry.stride}"
    if geometry.groups > 1:
        shape += f", {geometry.groups} groups"
    listed = ", ".join(f"{algorithm} {cost / 1e6:.1f}" for algorithm, cost in costs.items())
    return f"conv2d {pass_} {shape}: {chosen} (10^6 multiplications: {listed})"
