"""Resizing of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import kernels
from ..autograd import Function
from ..dtypes import uint8
from ..kernels.geometry import Pair
from ..tensor import Tensor
from ..typing import Array
from . import interpolation
from .adaptive_pool import adaptive_avg_pool2d
from .edge import in_float32
from .resample import Axis, Resample

Scale = tuple[float, float]

# The modes, and the number of dimensions that their inputs have.
_NDIM = {
    "nearest": (3, 4, 5), "nearest-exact": (3, 4, 5), "area": (3, 4, 5), "linear": (3,),
    "bilinear": (4,), "bicubic": (4,), "lanczos": (4,), "trilinear": (5,),
}  # fmt: skip
_WITHOUT_CORNERS = ("nearest", "nearest-exact", "area")
_ANTIALIASED = ("bilinear", "bicubic", "lanczos")
_OF_BYTES = ("nearest", "nearest-exact", *_ANTIALIASED)


class ResizeNearest(Function):
    """x (N, C, H, W) -> (N, C, OH, OW)."""

    def forward(self, x: Array, *, output_size: Pair, scale: Scale) -> Array:
        self.input_size, self.scale = x.shape[2:], scale
        return kernels.of(x).resize_nearest(x, output_size, scale)

    def backward(self, grad: Tensor) -> Tensor:
        return ResizeNearestBackward.apply(grad, input_size=self.input_size, scale=self.scale)


class ResizeNearestBackward(Function):
    """grad (N, C, OH, OW) -> (N, C, H, W)."""

    def forward(self, grad: Array, *, input_size: Pair, scale: Scale) -> Array:
        self.output_size, self.scale = grad.shape[2:], scale
        return kernels.of(grad).resize_nearest_backward(grad, input_size, scale)

    def backward(self, grad: Tensor) -> Tensor:
        return ResizeNearest.apply(grad, output_size=self.output_size, scale=self.scale)


class ResizeBilinear(Function):
    """x (N, C, H, W) -> (N, C, OH, OW)."""

    def forward(self, x: Array, *, output_size: Pair, scale: Scale, align_corners: bool) -> Array:
        self.input_size = x.shape[2:]
        self.options = {"scale": scale, "align_corners": align_corners}
        return kernels.of(x).resize_bilinear(x, output_size, scale, align_corners)

    def backward(self, grad: Tensor) -> Tensor:
        return ResizeBilinearBackward.apply(grad, input_size=self.input_size, **self.options)


class ResizeBilinearBackward(Function):
    """grad (N, C, OH, OW) -> (N, C, H, W)."""

    def forward(self, grad: Array, *, input_size: Pair, scale: Scale, align_corners: bool) -> Array:
        self.output_size = grad.shape[2:]
        self.options = {"scale": scale, "align_corners": align_corners}
        return kernels.of(grad).resize_bilinear_backward(grad, input_size, scale, align_corners)

    def backward(self, grad: Tensor) -> Tensor:
        return ResizeBilinear.apply(grad, output_size=self.output_size, **self.options)


@in_float32
def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resizes signals, images or volumes.

    Args:
        input: (N, C, W), (N, C, H, W) or (N, C, D, H, W), floating point; in the modes for images
            and the nearest ones also uint8.
        size: the output's sizes, or one number for all.
        scale_factor: instead of ``size``, one number for each size or for all; the output has
            floor(H * factor) rows, which lie 1 / factor input pixels apart.
        mode: ``'nearest'``, ``'nearest-exact'`` (which reads at the centres of output pixels) or
            ``'area'`` (adaptive averages); ``'linear'`` for signals, ``'bilinear'``, ``'bicubic'``
            or ``'lanczos'`` (with ``antialias``) for images, ``'trilinear'`` for volumes.
        align_corners: in the other modes than the first three, whether the centres of the corner
            pixels coincide, or (the default) the corners of the images.
        recompute_scale_factor: with ``scale_factor``, compute the distance of output pixels from
            the sizes instead, H / OH.
        antialias: for images made smaller, average over all pixels in reach, as Pillow does.

    Returns:
        (N, C, OW), (N, C, OH, OW) or (N, C, OD, OH, OW).

    Raises:
        ValueError: unless exactly one of size and scale_factor is given, or for options that
            exclude each other.
        NotImplementedError: for a mode that does not exist, or not for this input.
        RuntimeError: for an input or output without pixels.

    As ``torch.nn.functional.interpolate``, with two differences from what it does on a CPU: the
    gradient is always of what was computed (where a size stays, PyTorch's may be that of a copy),
    and an antialiased image of width 1 does not repeat its first row.
    """
    _check_options(mode, align_corners, antialias, input.ndim)
    sizes, factors = _sizes_and_factors(input, size, scale_factor)
    if recompute_scale_factor and factors is None:
        raise ValueError(f"recompute_scale_factor needs scale_factor, got size={size}")
    _check_input(input, mode)
    if mode == "area" and input.ndim == 4:
        return adaptive_avg_pool2d(input, (sizes[0], sizes[1]))
    if min(*sizes, *input.shape[1:]) < 1:
        raise RuntimeError(
            f"interpolate expects input and output sizes of at least 1, got an input of shape "
            f"{tuple(input.shape)} and output size {sizes}"
        )
    if factors is None or recompute_scale_factor:
        factors = (None,) * len(sizes)
    corners = bool(align_corners)
    scales = tuple(
        _distance(mode, corners, input.ndim, *each) for each in zip(input.shape[2:], sizes, factors)
    )
    if input.ndim == 4 and mode == "nearest":
        return ResizeNearest.apply(input, output_size=sizes, scale=scales)
    if mode == "bilinear" and not antialias and input.dtype != uint8:
        return ResizeBilinear.apply(input, output_size=sizes, scale=scales, align_corners=corners)
    return Resample.apply(
        input,
        axes=tuple(
            _axis(mode, antialias, corners, input.array.dtype, *each)
            for each in zip(input.shape[2:], sizes, scales)
        ),
    )


def _check_options(mode: str, align_corners: bool | None, antialias: bool, ndim: int) -> None:
    if mode in _WITHOUT_CORNERS and align_corners is not None:
        raise ValueError(f"align_corners is not for mode={mode!r}, got {align_corners}")
    if ndim not in _NDIM.get(mode, ()):
        raise NotImplementedError(
            f"interpolate: mode must be one of {', '.join(_NDIM)}, for inputs of 3, 4 or 5 "
            f"dimensions ({mode!r}: {_NDIM.get(mode, 'none')}), got {mode!r} for {ndim} dimensions"
        )
    if antialias and mode not in _ANTIALIASED:
        raise ValueError(f"antialias needs one of the modes {_ANTIALIASED}, got {mode!r}")
    if mode == "lanczos" and (align_corners or not antialias):
        raise ValueError(
            f"mode='lanczos' needs antialias=True and no align_corners, got {antialias} and "
            f"{align_corners}"
        )


def _check_input(input: Tensor, mode: str) -> None:
    if not input.is_floating_point() and not (input.dtype == uint8 and mode in _OF_BYTES):
        raise NotImplementedError(
            f"interpolate with mode={mode!r} expects floating point"
            f"{' or uint8' if mode in _OF_BYTES else ''}, got {input.array.dtype}"
        )


def _sizes_and_factors(
    input: Tensor, size: Any, scale_factor: Any
) -> tuple[tuple[int, ...], tuple[float | None, ...] | None]:
    """The output's sizes, and the factors that they were given by."""
    if (size is None) == (scale_factor is None):
        raise ValueError(
            f"interpolate expects either size or scale_factor, got {size} and {scale_factor}"
        )
    count = input.ndim - 2
    given = scale_factor if size is None else size
    numbers = tuple(given) if isinstance(given, (tuple, list)) else (given,) * count
    if len(numbers) != count:
        name = "scale_factor" if size is None else "size"
        raise ValueError(
            f"interpolate: {name} must be one number or {count} for an input of shape "
            f"{tuple(input.shape)}, got {given}"
        )
    if size is None:
        factors = tuple(map(float, numbers))
        return tuple(int(n * factor) for n, factor in zip(input.shape[2:], factors)), factors
    try:
        return tuple(n.__index__() for n in numbers), None
    except AttributeError:
        raise TypeError(f"size must hold integers, got {size!r}") from None


def _distance(
    mode: str, align_corners: bool, ndim: int, size: int, output_size: int, factor: float | None
) -> float:
    """Input pixels from one output pixel to the next."""
    if align_corners:
        return (size - 1) / (output_size - 1) if output_size > 1 else 0.0
    # torch ignores the factor where a size stays, and in the nearest mode for images where it doubles
    stays = output_size == size and (mode.endswith("linear") or (mode, ndim) == ("nearest", 4))
    doubles = output_size == 2 * size and (mode, ndim) == ("nearest", 4)
    return size / output_size if factor is None or stays or doubles else 1 / factor


def _axis(
    mode: str,
    antialias: bool,
    align_corners: bool,
    dtype: np.dtype,
    size: int,
    output_size: int,
    scale: float,
) -> Axis:
    """How the pixels along one axis are computed."""
    if mode.startswith("nearest"):
        return interpolation.nearest(size, output_size, scale, mode == "nearest-exact")
    wide = np.dtype(np.float64 if dtype in (np.float64, uint8) else np.float32)
    if mode == "area":
        return interpolation.windows(size, output_size, wide)
    if antialias:
        return interpolation.antialiased(mode, size, output_size, scale, wide)
    interpolated = interpolation.cubic if mode == "bicubic" else interpolation.linear
    return interpolated(size, output_size, scale, align_corners, wide)
