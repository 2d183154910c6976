"""Resizing of images."""

from __future__ import annotations

from .. import kernels
from ..autograd import Function
from ..kernels.geometry import Pair
from ..tensor import Tensor
from ..typing import Array
from .edge import in_float32, pair

Scale = tuple[float, float]


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
    size: int | tuple[int, int] | None = None,
    scale_factor: float | tuple[float, float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """Resizes images.

    Args:
        input: (N, C, H, W).
        size: (OH, OW), or one number for both.
        scale_factor: instead of ``size``, (vertical, horizontal), or one number for both; the
            output has floor(H * factor) rows, which lie 1 / factor input pixels apart.
        mode: ``'nearest'`` or ``'bilinear'``.
        align_corners: for ``'bilinear'``, whether the centres of the corner pixels coincide, or
            (the default) the corners of the images.
        recompute_scale_factor: with ``scale_factor``, compute the distance of output pixels from
            the sizes instead, H / OH.

    Returns:
        (N, C, OH, OW).

    Raises:
        ValueError: unless exactly one of size and scale_factor is given, or for options that
            exclude each other.
        NotImplementedError: for other modes or numbers of dimensions.

    As ``torch.nn.functional.interpolate``, in the modes above.
    """
    if input.ndim != 4:
        raise NotImplementedError(f"interpolate expects (N, C, H, W), got {tuple(input.shape)}")
    if mode not in ("nearest", "bilinear"):
        raise NotImplementedError(
            f"interpolate: mode must be 'nearest' or 'bilinear', got {mode!r}"
        )
    if mode == "nearest" and align_corners is not None:
        raise ValueError(f"align_corners needs mode='bilinear', got {align_corners} with 'nearest'")
    if (size is None) == (scale_factor is None):
        raise ValueError(
            f"interpolate expects either size or scale_factor, got {size} and {scale_factor}"
        )
    if size is not None and recompute_scale_factor:
        raise ValueError(f"recompute_scale_factor needs scale_factor, got size={size}")

    H, W = input.shape[2:]
    factors = None if scale_factor is None else _two_factors(scale_factor)
    if factors is None:
        OH, OW = pair(size, "size", 1)  # type: ignore[arg-type]
    else:
        OH, OW = pair((int(H * factors[0]), int(W * factors[1])), "output size", 1)
    given: tuple[float | None, ...] = (None, None)
    if factors is not None and not recompute_scale_factor:
        given = factors
    if mode == "nearest":
        # if a size stays or doubles, torch ignores the factor
        by_size = [out in (n, 2 * n) for n, out in ((H, OH), (W, OW))]
        given = tuple(None if simple else factor for simple, factor in zip(by_size, given))
        scale = _distance(H, OH, given[0], False), _distance(W, OW, given[1], False)
        return ResizeNearest.apply(input, output_size=(OH, OW), scale=scale)
    corners = bool(align_corners)
    scale = _distance(H, OH, given[0], corners), _distance(W, OW, given[1], corners)
    return ResizeBilinear.apply(input, output_size=(OH, OW), scale=scale, align_corners=corners)


def _two_factors(scale_factor: float | tuple[float, float]) -> Scale:
    factors = scale_factor if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * 2
    if len(factors) != 2 or min(factors) <= 0:
        raise ValueError(f"scale_factor must be one positive number or two, got {scale_factor}")
    return float(factors[0]), float(factors[1])


def _distance(size: int, output_size: int, factor: float | None, align_corners: bool) -> float:
    """Input pixels from one output pixel to the next."""
    if align_corners:
        return (size - 1) / (output_size - 1) if output_size > 1 else 0.0
    return size / output_size if factor is None else 1 / factor
