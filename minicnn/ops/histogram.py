"""Counts of numbers: histc, histogram and bincount. They have no gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..creation import linspace
from ..devices import on_own_device, xp_of
from ..dtypes import HALVES, bool_, float32, float64, is_floating
from ..tensor import Tensor
from ..typing import Array
from .results import returned


class Histogram(NamedTuple):
    """The result of :func:`histogram`."""

    hist: Tensor
    bin_edges: Tensor


@on_own_device
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements lie in each of ``bins`` equal intervals from ``min`` to ``max``.

    Elements outside are not counted. If both ends are equal, they are the smallest and the largest
    element.

    Raises:
        RuntimeError: for no bins, ends that are not finite, or max < min.
        NotImplementedError: for integers.

    As ``torch.histc``.
    """
    if not is_floating(input.array.dtype):
        raise NotImplementedError(f"histc expects floating-point numbers, got {input.dtype}")
    x, xp = input.array.reshape(-1), xp_of(input.array)
    x = x.astype(np.float32) if x.dtype in HALVES else x
    _check_bins("histc", bins)
    low, high = _ends("histc", x, min, max)
    low, high = (low - 1, high + 1) if low == high else (low, high)
    x = x[(x >= low) & (x <= high)]
    with np.errstate(all="ignore"):
        place = ((x - x.dtype.type(low)) * bins / x.dtype.type(high - low)).astype(np.int64)
    counts = xp.bincount(xp.minimum(place, bins - 1), minlength=bins)
    return Tensor.of(counts.astype(input.array.dtype))


def _check_bins(name: str, bins: int) -> None:
    if bins <= 0:
        raise RuntimeError(f"{name} expects at least one bin, got {bins}")


def _ends(name: str, x: Array, low: float, high: float) -> tuple[float, float]:
    """The ends of the bins."""
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name} expects finite ends, got {low} and {high}")
    if low > high:
        raise RuntimeError(f"{name} expects min of at most max, got {low} and {high}")
    return low, high


@on_own_device
def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Histogram:
    """How many elements lie in each bin: (hist, bin_edges).

    Args:
        input: any shape, float32 or float64.
        bins: how many equal bins, or their edges in rising order.
        range: the ends of the bins, by default the smallest and the largest element.
        weight: how much each element counts, in the shape of ``input``.
        density: whether to divide by the total and the widths, so that the integral is 1.

    Raises:
        RuntimeError: as :func:`histc`, and for a weight of another shape or dtype.

    As ``torch.histogram``.
    """
    x, xp = input.array.reshape(-1), xp_of(input.array)
    if x.dtype not in (float32, float64):
        raise NotImplementedError(f"histogram expects float32 or float64, got {x.dtype}")
    if weight is not None and (weight.shape, weight.array.dtype) != (
        input.shape,
        input.array.dtype,
    ):
        raise RuntimeError(
            f"histogram expects a weight of shape {input.shape} and dtype {input.dtype}, "
            f"got {weight.shape} and {weight.dtype}"
        )
    if isinstance(bins, Tensor):
        if bins.ndim != 1 or bins.array.dtype != input.array.dtype:
            raise RuntimeError(
                f"histogram expects edges of one dimension and of {input.dtype}, "
                f"got {bins.dtype} of shape {bins.shape}"
            )
        edges = bins.array
    else:
        _check_bins("histogram", bins)
        low, high = _ends("histogram", x, *(range or ((0, 0) if x.size else (0, 1))))
        low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
        edges = linspace(low, high, bins + 1, dtype=x.dtype, device=input.device).array
    inside = (x >= edges[0]) & (x <= edges[-1])
    place = xp.minimum(xp.searchsorted(edges, x[inside], side="right"), edges.size - 1) - 1
    weights = None if weight is None else weight.array.reshape(-1)[inside]
    hist = xp.bincount(place, weights, minlength=edges.size - 1).astype(x.dtype)
    if density:
        with np.errstate(invalid="ignore"):  # nothing was counted
            hist = hist / hist.sum() / (edges[1:] - edges[:-1])
    return returned("histogram", Histogram(Tensor.of(hist), Tensor.of(edges)))


@on_own_device
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number 0, 1, … occurs.

    Args:
        input: (n,), integers of at least 0.
        weights: (n,), what to add instead of 1.
        minlength: the least length of the result.

    Returns:
        int64, or the sums of weights as float32 for float32 and else float64.

    Raises:
        RuntimeError: for other shapes, dtypes or negative numbers.

    As ``torch.bincount``.
    """
    x, xp = input.array, xp_of(input.array)
    if x.ndim != 1 or is_floating(x.dtype) or x.dtype == bool_:
        raise RuntimeError(
            f"bincount expects one dimension of integers, got {x.dtype} of shape {input.shape}"
        )
    if minlength < 0:
        raise RuntimeError(f"bincount expects minlength of at least 0, got {minlength}")
    if x.size and int(x.min()) < 0:
        raise RuntimeError(f"bincount expects numbers of at least 0, got {int(x.min())}")
    if weights is not None and weights.shape != input.shape:
        raise RuntimeError(f"bincount expects weights of shape {input.shape}, got {weights.shape}")
    if weights is None:
        return Tensor.of(xp.bincount(x, minlength=minlength).astype(np.int64, copy=False))
    counts = xp.bincount(x, weights.array.astype(np.float64), minlength=minlength)
    return Tensor.of(
        counts.astype(float32 if weights.array.dtype == float32 else float64, copy=False)
    )
