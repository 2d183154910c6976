"""Images sampled at given points: spatial transformers.

Each output pixel is a weighted sum of input pixels around a point (Jaderberg et al., 2015). Along
every axis a point has a few taps, positions with weights, as bilinear interpolation has two. The
weights are computed with operations, so the gradient reaches the points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Function
from ..devices import on_own_device, xp_of
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from ..warn import warn
from .edge import in_float32
from .elementwise import add, mul, sub
from .linear import matmul
from .pad import pad
from .promotion import refuse_integers, widen, widened
from .shape import reshape, transpose, unbind, unsqueeze
from .transfer import to

Tap = tuple[Array, Tensor | None]  # positions (N, *sizes) along an axis, their weights (None: 1)

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")


class PickPixels(Function):
    """x (N, C, *sizes), flat positions (N, P) -> (N, C, P)."""

    def forward(self, x: Array, positions: Array) -> Array:
        self.shape, self.positions = x.shape, positions
        N, C = x.shape[:2]
        pixels = x.transpose(0, *range(2, x.ndim), 1).reshape(-1, C)
        picked = xp_of(x).take(pixels, _rows(positions, x.shape), axis=0)
        return picked.reshape(N, positions.shape[1], C).transpose(0, 2, 1)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        return AddPixels.apply(grad, self.positions, shape=self.shape), None


class AddPixels(Function):
    """grad (N, C, P), flat positions (N, P) -> (N, C, *sizes): adds at the positions."""

    def forward(self, grad: Array, positions: Array, *, shape: tuple[int, ...]) -> Array:
        self.positions, (N, C, *sizes) = positions, shape
        xp = xp_of(grad)
        out = xp.zeros(math.prod(shape), widened(grad).dtype)
        index = _rows(positions, shape)[:, None] * C + xp.arange(C)
        xp.add.at(out, index.ravel(), widened(grad).transpose(0, 2, 1).ravel())
        images = out.reshape(N, *sizes, C).astype(grad.dtype, copy=False)
        return images.transpose(0, -1, *range(1, images.ndim - 1))

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        return PickPixels.apply(grad, self.positions), None


def _rows(positions: Array, shape: tuple[int, ...]) -> Array:
    """Flat positions (N, P) in images as positions in all images together, (N * P,)."""
    first = xp_of(positions).arange(shape[0])[:, None] * math.prod(shape[2:])
    return (positions + first).ravel()


class PiecewiseLinear(Function):
    """``value``, computed from x beforehand, with its derivative ``slope``, constant in pieces."""

    def forward(self, x: Array, *, value: Array, slope: Array) -> Array:
        self.slope = slope
        return value

    def backward(self, grad: Tensor) -> Tensor:
        return mul(grad, Tensor.of(self.slope))


@in_float32
@on_own_device
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The values of images at given points.

    Args:
        input: (N, C, H, W), or volumes (N, C, D, H, W).
        grid: (N, OH, OW, 2), the points (x, y), or (N, OD, OH, OW, 3), the points (x, y, z); -1 and
            1 are the edges of the image.
        mode: ``"bilinear"`` (in volumes trilinear), ``"nearest"``, or for images ``"bicubic"``.
        padding_mode: what lies outside the image: ``"zeros"``, ``"border"`` (its outermost pixels),
            or ``"reflection"`` (its mirror image).
        align_corners: whether -1 and 1 are the centres of the outermost pixels, or (the default,
            with a warning) their outer edges.

    Returns:
        (N, C, OH, OW) or (N, C, OD, OH, OW).

    Raises:
        ValueError: for an unknown mode.
        RuntimeError: for shapes or dtypes that do not fit.

    As ``torch.nn.functional.grid_sample``.
    """
    for name, value, allowed in (
        ("mode", mode, MODES),
        ("padding_mode", padding_mode, PADDING_MODES),
    ):
        if value not in allowed:
            raise ValueError(f"grid_sample: {name} must be one of {allowed}, got {value!r}")
    _check_shapes(input, grid, mode)
    corners = _chosen_corners(align_corners)
    images, points = widen(input, grid)
    out = _sampled(images, points, mode=mode, padding_mode=padding_mode, align_corners=corners)
    return to(out, input.dtype)


def _sampled(
    images: Tensor, points: Tensor, *, mode: str, padding_mode: str, align_corners: bool
) -> Tensor:
    """:func:`grid_sample`, after all checks."""
    axes = list(unbind(points, -1))[::-1]  # x comes first, and its axis last
    sizes = images.shape[2:]
    taps = [
        _TAPS[mode](_in_pixels(axis, size, align_corners), size, padding_mode, align_corners)
        for axis, size in zip(axes, sizes)
    ]
    # a border of one zero pixel, which all positions outside the image read
    images = pad(images, (1, 1) * len(sizes))
    return _weighted_sum(images, taps, None)


def _check_shapes(x: Tensor, grid: Tensor, mode: str) -> None:
    if x.ndim not in (4, 5) or grid.ndim != x.ndim or grid.shape[-1] != x.ndim - 2:
        raise RuntimeError(
            "grid_sample expects an input (N, C, H, W) with a grid (N, OH, OW, 2), or (N, C, D, H, W) "
            f"with (N, OD, OH, OW, 3), got {tuple(x.shape)} and {tuple(grid.shape)}"
        )
    if x.shape[0] != grid.shape[0] or 0 in x.shape[2:]:
        raise RuntimeError(
            "grid_sample expects as many grids as images, which are not empty, "
            f"got {tuple(x.shape)} and {tuple(grid.shape)}"
        )
    if mode == "bicubic" and x.ndim == 5:
        raise RuntimeError(f"grid_sample: mode='bicubic' is for images, got {tuple(x.shape)}")
    if x.dtype != grid.dtype:
        raise RuntimeError(
            f"grid_sample expects input and grid of one dtype, got {x.array.dtype} and {grid.array.dtype}"
        )
    refuse_integers("grid_sample", x)


def _chosen_corners(align_corners: bool | None) -> bool:
    """False, with a warning, if left out."""
    if align_corners is None:
        warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since "
            "1.3.0. Please specify align_corners=True if the old behavior is desired. See the "
            "documentation of grid_sample for details."
        )
    return bool(align_corners)


def _in_pixels(x: Tensor, size: int, align_corners: bool) -> Tensor:
    """Points from -1 to 1 in pixels: 0 is the centre of the first one."""
    if align_corners:
        return (x + 1) / 2 * (size - 1)
    return ((x + 1) * size - 1) / 2


def _weighted_sum(images: Tensor, taps: list[list[Tap]], index: Any) -> Tensor:
    """The sum over the taps of all axes; ``index`` is the flat position along the axes before."""
    if not taps:
        N, *sizes = index.shape
        picked = PickPixels.apply(images, index.reshape(N, math.prod(index.shape[1:])))
        return reshape(picked, (N, images.shape[1], *sizes))
    size = images.shape[images.ndim - len(taps)]
    total: Tensor | None = None
    for position, weight in taps[0]:
        xp = xp_of(position)
        # 0 and size - 1 are the border of zeros; NaN is moved there, too
        place = xp.fmin(xp.fmax(position + 1, 0), size - 1).astype(np.int64)
        part = _weighted_sum(images, taps[1:], place if index is None else index * size + place)
        part = part if weight is None else mul(part, unsqueeze(weight, 1))
        total = part if total is None else add(total, part)
    assert total is not None
    return total


# ---------------------------------------------------------------------- taps


def _nearest(x: Tensor, size: int, padding_mode: str, align_corners: bool) -> list[Tap]:
    x = _padded(x, size, padding_mode, align_corners)
    return [(xp_of(x.array).rint(x.array), None)]


def _linear(x: Tensor, size: int, padding_mode: str, align_corners: bool) -> list[Tap]:
    x = _padded(x, size, padding_mode, align_corners)
    left = xp_of(x.array).floor(x.array)
    after = sub(x, Tensor.of(left))
    return [(left, 1 - after), (left + 1, after)]


def _cubic(x: Tensor, size: int, padding_mode: str, align_corners: bool) -> list[Tap]:
    left = xp_of(x.array).floor(x.array)
    after = sub(x, Tensor.of(left))
    taps: list[Tap] = []
    for offset, distance in enumerate((after + 1, after, 1 - after, 2 - after), start=-1):
        position = _padded(Tensor.of(left + offset), size, padding_mode, align_corners).array
        near = offset in (0, 1)
        taps.append((position, _near(distance) if near else _far(distance)))
    return taps


_TAPS = {"nearest": _nearest, "bilinear": _linear, "bicubic": _cubic}
_A = -0.75  # of Keys's cubic kernel, as for resizing


def _near(x: Tensor) -> Tensor:
    """The cubic kernel at distances from 0 to 1."""
    return ((_A + 2) * x - (_A + 3)) * x * x + 1


def _far(x: Tensor) -> Tensor:
    """The cubic kernel at distances from 1 to 2."""
    return ((_A * x - 5 * _A) * x + 8 * _A) * x - 4 * _A


# ---------------------------------------------------------------------- outside the image


def _padded(x: Tensor, size: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Points in pixels, moved into the image unless outside are zeros."""
    if padding_mode == "zeros":
        return x
    if padding_mode == "reflection":
        x = _reflected(x, size, align_corners)
    return _clipped(x, size)


def _clipped(x: Tensor, size: int) -> Tensor:
    """Points outside moved to the border, where they have no gradient; NaN to the first pixel."""
    xp = xp_of(x.array)
    value = xp.fmin(xp.fmax(x.array, 0), size - 1)
    inside = (x.array > 0) & (x.array < size - 1)
    return PiecewiseLinear.apply(x, value=value, slope=inside.astype(x.dtype))


def _reflected(x: Tensor, size: int, align_corners: bool) -> Tensor:
    """Points mirrored at the edges of the image, or at the centres of its outermost pixels."""
    xp = xp_of(x.array)
    low, span = (0, size - 1) if align_corners else (-0.5, size)
    if span == 0:
        zeros = xp.zeros_like(x.array)
        return PiecewiseLinear.apply(x, value=zeros, slope=zeros)
    distance = abs(x.array - low)
    rest, odd = xp.fmod(distance, span), xp.floor(distance / span) % 2 == 1
    value = xp.where(odd, span - rest, rest) + low
    slope = xp.where(odd, -1, 1) * xp.where(x.array < low, -1, 1)
    return PiecewiseLinear.apply(
        x, value=value.astype(x.dtype, copy=False), slope=slope.astype(x.dtype)
    )


# ---------------------------------------------------------------------- affine maps


@takes_tensors
@on_own_device
def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The points at which :func:`grid_sample` reads to transform images by affine maps.

    Args:
        theta: (N, 2, 3), maps from points (x, y, 1) of the output to points of the input; (N, 3, 4)
            for volumes.
        size: the shape of the output, (N, C, H, W) or (N, C, D, H, W).
        align_corners: as for :func:`grid_sample`.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        ValueError: for a ``theta`` of integers or of a wrong shape, or a size that is not positive.
        NotImplementedError: for a size of another length.

    As ``torch.nn.functional.affine_grid``.
    """
    corners = _chosen_corners(align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"affine_grid expects floating-point numbers, got {theta.array.dtype}")
    if len(size) not in (4, 5):
        raise NotImplementedError(
            f"affine_grid expects a size of 4 or 5 numbers, got {tuple(size)}"
        )
    dims = len(size) - 2
    if theta.ndim != 3 or theta.shape[1:] != (dims, dims + 1):
        raise ValueError(
            f"affine_grid expects theta of shape (N, {dims}, {dims + 1}) for size {tuple(size)}, "
            f"got {tuple(theta.shape)}"
        )
    if min(size) < 1:
        raise ValueError(f"affine_grid expects a size of at least 1, got {tuple(size)}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(f"affine_grid expects {size[0]} matrices, got {theta.shape[0]}")
    xp = xp_of(theta.array)
    axes = [_centres(n, corners) for n in size[2:]]
    points = [xp.asarray(axis) for axis in np.meshgrid(*axes, indexing="ij")[::-1]]
    base = xp.stack([*points, xp.ones_like(points[0])], -1).reshape(1, -1, dims + 1)
    grid = matmul(Tensor.of(base.astype(theta.dtype)), transpose(theta, 1, 2))
    return reshape(grid, (size[0], *size[2:], dims))


def _centres(size: int, align_corners: bool) -> np.ndarray:
    """The centres of pixels along an axis that goes from -1 to 1."""
    if size == 1:
        return np.zeros(1)
    centres = np.linspace(-1, 1, size)
    return centres if align_corners else centres * (size - 1) / size
