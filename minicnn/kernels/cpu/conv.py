"""Convolution: each pass is done by the algorithm that :mod:`.conv_algorithm` chooses for its shape."""

from __future__ import annotations

import numpy as np

from ..geometry import Geometry
from . import conv_im2col, winograd
from .conv_algorithm import choose

__all__ = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad"]


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool = False,
) -> np.ndarray:
    """Slide filters over images, as ``torch.nn.functional.conv2d``.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, KH, KW).
        bias: (O,), float32 or of the dtype of ``x``, or None.
        geometry: where the windows lie.
        relu: whether negative results become 0.

    Returns:
        (N, O, OH, OW), channels-last in memory.
    """
    algorithm = choose("forward", x.dtype, len(x), weight.shape, geometry)
    if algorithm.tile:
        return winograd.conv2d(x, weight, bias, geometry, relu, algorithm.tile)
    return conv_im2col.conv2d(x, weight, bias, geometry, relu)


def conv2d_input_grad(grad: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient of :func:`conv2d` by ``x``, which is also the transposed convolution.

    Args:
        grad: (N, O, OH, OW).
        weight: (O, C / groups, KH, KW).
        geometry: that of the convolution.

    Returns:
        (N, C, H, W), channels-last in memory.
    """
    algorithm = choose("input_grad", grad.dtype, len(grad), weight.shape, geometry)
    if algorithm.tile:
        return winograd.conv2d_input_grad(grad, weight, geometry, algorithm.tile)
    return conv_im2col.conv2d_input_grad(grad, weight, geometry)


def conv2d_weight_grad(
    grad: np.ndarray, x: np.ndarray, geometry: Geometry, dtype: np.dtype | None = None
) -> np.ndarray:
    """The gradient of :func:`conv2d` by ``weight``.

    Args:
        grad: (N, O, OH, OW).
        x: (N, C, H, W).
        geometry: that of the convolution.
        dtype: that of the result, by default of ``x``.

    Returns:
        (O, C / groups, KH, KW), channels-last in memory.
    """
    weight_shape = grad.shape[1], x.shape[1] // geometry.groups, *geometry.kernel_size
    algorithm = choose("weight_grad", x.dtype, len(x), weight_shape, geometry)
    if algorithm.tile:
        return winograd.conv2d_weight_grad(grad, x, geometry, algorithm.tile, dtype)
    return conv_im2col.conv2d_weight_grad(grad, x, geometry, dtype)
