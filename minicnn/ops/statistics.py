"""Statistics: sums and means without NaN, counts, covariances, distances and norms to keep."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..dtypes import HALVES, bool_, float32, is_floating
from ..tensor import Tensor
from .choice import clamp, where
from .comparison import isnan
from .dims import normalize_dim
from .edge import in_float32
from .elementwise import mul, reciprocal, sqrt
from .linear import matmul
from .promotion import Operand, promote, to_float
from .reduce import Dims, amax, amin, mean, norm, std, sum, var
from .results import returned


class MinMax(NamedTuple):
    """The result of :func:`aminmax`."""

    min: Tensor
    max: Tensor


def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over ``dim`` of what is not NaN, in ``dtype``; integers become int64."""
    return sum(_zero_for_nan(input), dim, keepdim, dtype)


def _zero_for_nan(x: Tensor) -> Tensor:
    return where(isnan(x), 0.0, x) if is_floating(x.array.dtype) else x


def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over ``dim`` of what is not NaN, in ``dtype``.

    Raises:
        RuntimeError: for integers.
    """
    if not is_floating(input.array.dtype):
        raise RuntimeError(f"nanmean expects floating-point numbers, got {input.dtype}")
    count = sum(~isnan(input.detach()), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


def var_mean(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The variance and the mean over ``dim``; arguments as in :func:`var`."""
    variance = var(input, dim, unbiased, keepdim, correction=correction)
    return variance, mean(input, None if isinstance(dim, bool) else dim, keepdim)


def std_mean(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean over ``dim``; arguments as in :func:`var`."""
    deviation = std(input, dim, unbiased, keepdim, correction=correction)
    return deviation, mean(input, None if isinstance(dim, bool) else dim, keepdim)


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """The smallest and the largest element over one dimension, or of all: (min, max)."""
    return returned("aminmax", MinMax(amin(input, dim, keepdim), amax(input, dim, keepdim)))


def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """How many elements over ``dim`` are not 0."""
    return sum(input.detach() != 0, dim)


def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """The covariances of variables, a matrix.

    Args:
        input: (variables, observations), or the observations of one variable.
        correction: divides by the sum of the weights minus so much.
        fweights: how often each observation was made; integers.
        aweights: how important each observation is.

    Raises:
        RuntimeError: for more than two dimensions, and weights that are negative, of another length
            or of a wrong dtype.

    As ``torch.cov``.
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov expects at most two dimensions, got shape {input.shape}")
    if input.array.dtype == bool_:
        raise RuntimeError("cov expects numbers, got a bool tensor")
    x = to_float(input if input.ndim == 2 else input.reshape(1, -1))
    weights = _weights(x.shape[1], fweights, aweights)
    if weights is None:
        average = sum(x, 1, keepdim=True) / x.shape[1]
        divisor: Operand = max(x.shape[1] - correction, 0)
    else:
        total = sum(weights)
        average = sum(x * weights, 1, keepdim=True) / total
        if aweights is not None and correction:
            divisor = total - correction * sum(weights * aweights) / total
        else:
            divisor = total - correction
        divisor = clamp(divisor, min=0)
    distance = x - average
    weighted = distance if weights is None else distance * weights
    out = matmul(weighted, distance.t()) / divisor
    return out.squeeze()


def _weights(count: int, fweights: Tensor | None, aweights: Tensor | None) -> Tensor | None:
    """The product of both kinds of weights, checked."""
    for name, weights, floating in (("fweights", fweights, False), ("aweights", aweights, True)):
        if weights is None:
            continue
        if weights.ndim > 1 or weights.array.size != count:
            raise RuntimeError(
                f"cov expects {name} for {count} observations, got shape {weights.shape}"
            )
        if is_floating(weights.array.dtype) != floating or weights.array.dtype == bool_:
            kind = "floating-point numbers" if floating else "integers"
            raise RuntimeError(f"cov expects {kind} as {name}, got {weights.dtype}")
        if bool((weights < 0).any()):
            raise RuntimeError(f"cov expects {name} of at least 0")
    if fweights is None or aweights is None:
        return aweights if fweights is None else fweights
    return fweights * aweights


def corrcoef(input: Tensor) -> Tensor:
    """The correlation coefficients of variables: the covariances, divided by both deviations.

    Args:
        input: (variables, observations), or the observations of one variable.

    Raises:
        RuntimeError: for more than two dimensions.
    """
    covariance = cov(input)
    if covariance.ndim == 0:
        return covariance / covariance
    deviation = sqrt(covariance.flatten()[:: covariance.shape[0] + 1])
    return clamp(covariance / deviation.unsqueeze(1) / deviation, -1, 1)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    x, y = promote("dist", input, other)
    return norm(x - y, p)


@in_float32
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """``input`` with its slices along ``dim`` scaled down to a p-norm of at most ``maxnorm``.

    Raises:
        RuntimeError: for fewer than two dimensions, p <= 0 or a negative ``maxnorm``.

    As ``torch.renorm``.
    """
    if p <= 0 or maxnorm < 0 or input.ndim < 2:
        raise RuntimeError(
            "renorm expects p above 0, maxnorm of at least 0 and two dimensions or more, "
            f"got p={p}, maxnorm={maxnorm} and shape {input.shape}"
        )
    d = normalize_dim(input, dim)
    wide = input.to(float32) if input.array.dtype in HALVES else input
    sizes = norm(wide, p, tuple(i for i in range(input.ndim) if i != d), keepdim=True)
    factor = where(sizes > maxnorm, mul(reciprocal(sizes + 1e-7), maxnorm), 1.0)
    return (wide * factor).to(input.array.dtype)
