"""Convolution: each pass by the algorithm that should be the fastest for its shape.

There are two: matrix products over columns of pixels (:mod:`.conv_im2col`), and Winograd's, with
fewer multiplications (:mod:`.winograd`). Both estimate their time, and the smaller estimate wins.
With groups, the products are made for each group (:mod:`.conv_grouped`). Where every filter sees a
single channel, there is no matrix product to make, and taps are added up one by one
(:mod:`.conv_depthwise`).

``minicnn.backends.cpu.conv`` or the environment variable ``MINICNN_CONV`` overrides this: ``im2col``,
``winograd`` (wherever it is possible, with the best tile size), or ``auto``, the default. With
``MINICNN_DEBUG=conv`` each choice is printed to stderr the first time a shape comes up.
``minicnn.nn.conv_algorithms`` lists the choices for a whole network.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import NamedTuple

import numpy as np

from ...autograd.grad_mode import mode
from ..geometry import Geometry
from . import conv_depthwise, conv_grouped, conv_im2col, winograd

__all__ = [
    "ALGORITHMS",
    "PASSES",
    "Algorithm",
    "choose",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_relu",
    "conv2d_weight_grad",
    "estimates",
    "select",
    "selected",
]

ALGORITHMS = ("auto", "im2col", "winograd")
PASSES = ("forward", "input_grad", "weight_grad")

_selected = ""  # empty: MINICNN_CONV decides


class Algorithm(NamedTuple):
    """An algorithm, with a number that its passes take, if it has one.

    ``im2col``; ``winograd`` with tiles of ``number`` * ``number`` output pixels; ``depthwise``;
    ``grouped`` with at most ``number`` output pixels that share a column.
    """

    name: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.name} {self.number}x{self.number}" if self.name == "winograd" else self.name


_IM2COL, _DEPTHWISE, _GROUPED = Algorithm("im2col"), Algorithm("depthwise"), Algorithm("grouped", 8)
_GROUPED_EXACTLY = Algorithm("grouped", 1)  # a NaN reaches no other windows than its own
_MODULES = {
    "im2col": conv_im2col,
    "winograd": winograd,
    "depthwise": conv_depthwise,
    "grouped": conv_grouped,
}


def select(algorithm: str) -> None:
    """Selects one of ``ALGORITHMS`` for all threads; it overrides ``MINICNN_CONV``.

    Raises:
        ValueError: for another name.
    """
    global _selected
    if algorithm not in ALGORITHMS:
        raise ValueError(
            f"backends.cpu.conv must be one of {', '.join(ALGORITHMS)}, got {algorithm!r}"
        )
    _selected = algorithm


def selected() -> str:
    """The algorithm that is selected, by :func:`select` or in the environment."""
    return _selected or os.environ.get("MINICNN_CONV") or "auto"


def conv2d(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, geometry: Geometry
) -> np.ndarray:
    """Slide filters over images, as ``torch.nn.functional.conv2d``.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, KH, KW).
        bias: (O,), float32 or the dtype of ``x``, or None.
        geometry: where the windows lie.

    Returns:
        (N, O, OH, OW), channels-last in memory.
    """
    return _forward(x, weight, bias, geometry, relu=False)


def conv2d_relu(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, geometry: Geometry
) -> np.ndarray:
    """:func:`conv2d`, then ReLU while the results are still in the cache."""
    return _forward(x, weight, bias, geometry, relu=True)


def _forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool,
) -> np.ndarray:
    algorithm = choose("forward", x.dtype, len(x), weight.shape, geometry)
    number = (algorithm.number,) if algorithm.number else ()
    return _MODULES[algorithm.name].conv2d(x, weight, bias, geometry, relu, *number)


def conv2d_input_grad(grad: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient of ``x`` in :func:`conv2d`, which is also the transposed convolution.

    Args:
        grad: (N, O, OH, OW).
        weight: (O, C / groups, KH, KW).
        geometry: of the convolution.

    Returns:
        (N, C, H, W), channels-last in memory.
    """
    algorithm = choose("input_grad", grad.dtype, len(grad), weight.shape, geometry)
    number = (algorithm.number,) if algorithm.number else ()
    return _MODULES[algorithm.name].conv2d_input_grad(grad, weight, geometry, *number)


def conv2d_weight_grad(
    grad: np.ndarray, x: np.ndarray, geometry: Geometry, dtype: np.dtype | None = None
) -> np.ndarray:
    """The gradient of ``weight`` in :func:`conv2d`.

    Args:
        grad: (N, O, OH, OW).
        x: (N, C, H, W).
        geometry: of the convolution.
        dtype: of the result, by default the dtype of ``x``.

    Returns:
        (O, C / groups, KH, KW), channels-last in memory.
    """
    weight_shape = grad.shape[1], x.shape[1] // geometry.groups, *geometry.kernel_size
    algorithm = choose("weight_grad", x.dtype, len(x), weight_shape, geometry)
    number = (algorithm.number,) if algorithm.number else ()
    module = _MODULES[algorithm.name]
    return module.conv2d_weight_grad(grad, x, geometry, *number, dtype=dtype)


def choose(
    pass_: str, dtype: np.dtype, N: int, weight_shape: tuple[int, ...], geometry: Geometry
) -> Algorithm:
    """The algorithm for one pass of a convolution.

    Args:
        pass_: ``"forward"``, ``"input_grad"`` or ``"weight_grad"``.
        dtype: of the images.
        N: number of images.
        weight_shape: (O, C / groups, KH, KW).
        geometry: of the convolution.

    Raises:
        ValueError: for an unknown word in ``MINICNN_CONV`` or ``MINICNN_DEBUG``.
    """
    debug = os.environ.get("MINICNN_DEBUG", "")
    # with im2col, a NaN reaches no other windows than its own
    wanted = "im2col" if mode.anomaly else selected()
    return _choose(wanted, debug, pass_, dtype, N, weight_shape, geometry)


@functools.lru_cache(maxsize=4096)  # limited, because image sizes may keep changing
def _choose(
    wanted: str,
    debug: str,
    pass_: str,
    dtype: np.dtype,
    N: int,
    weight_shape: tuple[int, ...],
    geometry: Geometry,
) -> Algorithm:
    if wanted not in ALGORITHMS:
        raise ValueError(f"MINICNN_CONV must be one of {', '.join(ALGORITHMS)}, got {wanted!r}")
    if debug not in ("", "conv"):
        raise ValueError(f"MINICNN_DEBUG must be 'conv' or empty, got {debug!r}")
    is_depthwise = geometry.groups > 1 and conv_depthwise.possible(weight_shape, geometry)
    is_small = conv_im2col.cost(N, weight_shape, geometry) <= winograd.FIXED_COST
    if is_depthwise and wanted != "im2col":
        algorithm = _DEPTHWISE
    elif geometry.groups > 1:
        algorithm = _GROUPED_EXACTLY if wanted == "im2col" else _GROUPED
    elif wanted == "im2col" or (is_small and wanted != "winograd"):
        algorithm = _IM2COL
    else:
        costs = estimates(pass_, dtype, N, weight_shape, geometry)
        preferred = [algorithm for algorithm in costs if algorithm.name == wanted]
        algorithm = min(preferred or costs, key=costs.__getitem__)
    if debug:
        costs = estimates(pass_, dtype, N, weight_shape, geometry)
        print(_report(pass_, N, weight_shape, geometry, algorithm, costs), file=sys.stderr)
    return algorithm


def estimates(
    pass_: str, dtype: np.dtype, N: int, weight_shape: tuple[int, ...], geometry: Geometry
) -> dict[Algorithm, float]:
    """The estimated time of each possible algorithm, in multiplications of a matrix product.

    Takes the arguments of :func:`choose`.
    """
    products = _IM2COL if geometry.groups == 1 else _GROUPED
    costs = {products: conv_im2col.cost(N, weight_shape, geometry)}
    if geometry.groups > 1 and conv_depthwise.possible(weight_shape, geometry):
        costs[_DEPTHWISE] = conv_depthwise.cost(N, weight_shape, geometry)
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
    """A line for people: the shape, the choice, and the estimates in 10^6 multiplications."""
    O, Cg, KH, KW = weight_shape
    H, W = geometry.input_size
    shape = f"({N}, {Cg * geometry.groups}, {H}, {W}) -> {O} filters {KH}x{KW}"
    if geometry.stride != (1, 1):
        shape += f", stride {geometry.stride}"
    if geometry.groups > 1:
        shape += f", {geometry.groups} groups"
    listed = ", ".join(f"{algorithm} {cost / 1e6:.1f}" for algorithm, cost in costs.items())
    return f"conv2d {pass_} {shape}: {chosen} (10^6 multiplications: {listed})"
