"""Normalisation: by batch, layer or group, and across neighbouring channels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from ml_dtypes import finfo

from .. import kernels
from ..autograd import Function, check_writable, is_grad_enabled
from ..creation.arguments import integers, require_integers
from ..devices import current_device_of, xp_of
from ..dtypes import HALVES, float32, is_floating
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .bias import over_channels
from .choice import clamp
from .edge import in_float32
from .elementwise import add, div, mul, pow, sub
from .linear import matmul
from .promotion import to_float, widen, widened
from .reduce import Dims, mean, norm, sum
from .shape import permute, reshape


class BatchNorm(Function):
    """x (N, C, ...), weight (C,), bias (C,) -> normalised x; the batch's mean and variance (C,)."""

    # mean and variance are outputs only for the running statistics, so they have no gradient
    materialize_grads = False

    def forward(self, x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, ...]:
        self.save_for_backward(x, weight)
        self.eps = eps
        out, self.mean, self.variance = kernels.of(x).batch_norm(x, weight, bias, eps)
        return out, self.mean, self.variance

    def backward(self, grad: Tensor, *_: Tensor | None) -> tuple[Tensor, ...]:
        x, weight = self.saved_tensors
        if is_grad_enabled():
            return batch_norm_gradients(grad, x, weight, self.eps)
        results = kernels.of(x.array).batch_norm_backward(
            grad.array, x.array, weight.array, self.mean, self.variance, self.eps
        )
        return tuple(map(Tensor.of, results))


def batch_norm_gradients(
    grad: Tensor, x: Tensor, weight: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The same as the kernel, with differentiable operations (Ioffe and Szegedy, 2015)."""
    axes = (0, *range(2, x.ndim))
    centred = sub(x, mean(x, axes, keepdim=True))
    scale = pow(mean(mul(centred, centred), axes, keepdim=True) + eps, -0.5)
    normalised = mul(centred, scale)
    grad_weight = sum(mul(grad, normalised), axes)
    grad_bias = sum(grad, axes)
    channels = (1, -1, *(1 for _ in axes[1:]))
    count = x.array.size // x.shape[1]
    rest = grad_bias.reshape(channels) + mul(normalised, grad_weight.reshape(channels))
    grad_x = mul(mul(weight.reshape(channels), scale), sub(grad, rest / count))
    return grad_x, grad_weight, grad_bias


class ChannelAffine(Function):
    """x (N, C, ...), scale (C,), shift (C,) -> x * scale + shift, channel by channel."""

    def forward(self, x: Array, scale: Array, shift: Array) -> Array:
        self.save_for_backward(x, scale)
        return kernels.of(x).channel_affine(x, scale, shift)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return self.gradients(grad, *self.saved_tensors)

    def gradients(self, grad: Tensor, x: Tensor, scale: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of x, scale and shift, where needed."""
        needs_x, needs_scale, needs_shift = self.needs_input_grad
        axes = (0, *range(2, x.ndim))
        grad = grad.to(scale.dtype)  # float32 when x is half precision
        return (
            mul(grad, over_channels(scale, x.shape)) if needs_x else None,
            sum(mul(grad, x), axes) if needs_scale else None,
            sum(grad, axes) if needs_shift else None,
        )


class FixedBatchNorm(Function):
    """x (N, C, ...), weight, bias, mean and variance (C,) -> x normalised by these statistics.

    Where gradients are recorded, :class:`ChannelAffine` takes its place.
    """

    def forward(
        self, x: Array, weight: Array, bias: Array, mean: Array, variance: Array, *, eps: float
    ) -> Array:
        scale, shift = scale_and_shift(weight, bias, mean, variance, eps)
        return kernels.of(x).channel_affine(x, scale, shift)


@takes_tensors
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises each channel to mean 0 and variance 1, then scales and shifts it.

    Args:
        input: (N, C) or (N, C, ...).
        running_mean, running_var: (C,), used unless ``training``; in training updated in place to
            ``(1 - momentum) * running + momentum * batch``, with the unbiased variance.
        weight, bias: (C,), scale and shift; 1 and 0 when left out.
        training: normalise by the statistics of the batch (with the biased variance).
        momentum: weight of this batch in the running statistics.
        eps: added to the variance for stability; above 0 in training.

    Returns:
        The shape of ``input``. An empty batch changes no running statistics.

    Raises:
        ValueError: in training, if a channel has a single value or ``eps`` is not above 0; for a
            negative ``eps``, or one running statistic without the other.
        RuntimeError: for wrong shapes or dtypes, or without running statistics outside training.

    As ``torch.nn.functional.batch_norm`` (Ioffe and Szegedy, 2015).
    """
    arguments = input, running_mean, running_var, weight, bias, training, momentum, eps
    return normalize_batch(BatchNorm, ChannelAffine, FixedBatchNorm, *arguments)


def normalize_batch(
    in_training: type[BatchNorm],
    in_evaluation: type[ChannelAffine],
    without_gradient: type[FixedBatchNorm],
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """:func:`batch_norm` with given operations for training, evaluation, and without gradients."""
    shape = x.array.shape
    if training and math.prod(shape[:1] + shape[2:]) == 1:
        raise ValueError(
            "batch_norm expects more than 1 value per channel when training, "
            f"got input of shape {tuple(x.shape)}"
        )
    if eps < 0 or (training and eps == 0):
        rule = "above 0 when training" if training else "at least 0"
        raise ValueError(f"batch_norm: eps must be {rule}, got {eps}")
    if not x.array.size:
        return normalized_nothing(x, weight, bias)
    if x.ndim < 2:
        raise RuntimeError(
            f"batch_norm expects an input of shape (N, C, ...), got {tuple(x.shape)}"
        )
    weight, bias = channel_parameters("batch_norm", x, running_mean, running_var, weight, bias)
    if training:
        count = x.array.size // shape[1]
        out, batch_mean, batch_var = in_training.apply(x, weight, bias, eps=eps)
        move_towards(running_mean, batch_mean, momentum)
        move_towards(running_var, batch_var, momentum, count / (count - 1))
        return out
    if running_mean is None or running_var is None:
        raise RuntimeError(
            "batch_norm needs running_mean and running_var when not training, got None"
        )
    given = x, weight, bias, running_mean, running_var
    if is_grad_enabled() and any(v.requires_grad for v in given):
        return in_evaluation.apply(x, *_folded(*given[1:], eps))
    return without_gradient.apply(*given, eps=eps)


def channel_parameters(
    name: str,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Weight and bias (C,), made where they are None, after a check of all parameters."""
    C = x.array.shape[1]
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{name} expects both running_mean and running_var, or neither")
    _check_parameters(name, x, (C,), running_mean, running_var, weight, bias)
    if weight is None or bias is None:
        xp = xp_of(x.array)
        # beside half-precision activations, statistics and parameters stay float32
        like = next((v for v in (weight, bias, running_mean) if v is not None), x)
        weight = Tensor.of(xp.ones(C, like.array.dtype)) if weight is None else weight
        bias = Tensor.of(xp.zeros(C, like.array.dtype)) if bias is None else bias
    return weight, bias


def normalized_nothing(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Normalised x without elements; weight and bias get gradients of 0."""
    x = x.clone()
    for parameter in (weight, bias):
        if parameter is not None:
            x = mul(x, sum(parameter).to(x.dtype))
    return x


def _check_parameters(
    name: str,
    x: Tensor,
    shape: tuple[int, ...],
    *parameters: Tensor | None,
    of_channels: bool = True,
) -> None:
    """Raises a RuntimeError for a wrong shape or dtype; float32 fits every x, as in torch on CUDA."""
    if not is_floating(x.array.dtype):
        raise RuntimeError(f"{name} expects floating-point numbers, got {x.array.dtype}")
    names = ("running_mean", "running_var", "weight", "bias")[-len(parameters) :]
    for what, value in zip(names, parameters):
        if value is None:
            continue
        if value.array.shape != shape:
            if of_channels and value.ndim == 1:
                raise RuntimeError(
                    f"{name} expects {len(value)} channels, as many as {what} has, "
                    f"got input of shape {tuple(x.shape)}"
                )
            raise RuntimeError(f"{name} expects {what} of shape {shape}, got {tuple(value.shape)}")
        if value.array.dtype not in (x.array.dtype, float32):
            raise RuntimeError(f"{name} expects {what} of {x.array.dtype}, got {value.array.dtype}")


def _folded(
    weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """Factor and offset (C,) that normalise each channel by the given statistics."""
    given = (weight, bias, mean, var)
    if any(v.requires_grad for v in given):
        scale = weight * (var + eps) ** -0.5
        return scale, bias - mean * scale
    # plain arrays: five more operations would take longest on small images
    folded = scale_and_shift(weight.array, bias.array, mean.array, var.array, eps)
    return Tensor.of(folded[0]), Tensor.of(folded[1])


def scale_and_shift(
    weight: Array, bias: Array, mean: Array, variance: Array, eps: float
) -> tuple[Array, Array]:
    """The same for arrays, in float32 or better."""
    weight, bias, mean, variance = (widened(v) for v in (weight, bias, mean, variance))
    scale = weight * (variance + eps) ** -0.5
    return scale, bias - mean * scale


def count_batch(tracked: Tensor) -> None:
    """Adds 1 to a layer's number of batches, in place; ``add_`` takes ten times as long."""
    array = tracked.array
    with current_device_of((array,)):
        array += 1
    tracked.bump_version()


def move_towards(
    running: Tensor | None, batch: Tensor, momentum: float, factor: float = 1.0
) -> None:
    """Moves a running statistic, in place, a share of ``momentum`` of the way to batch * factor.

    No gradient is recorded. It computes with arrays, as every layer does this twice in a step.
    """
    if running is None:
        return
    check_writable(running.array)
    step = kernels.of(running.array).running_average_step
    with np.errstate(all="ignore"):
        step(running.array, batch.array, momentum, factor)
    running.bump_version()


@in_float32
def layer_norm(
    input: Tensor,
    normalized_shape: int | tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises over the last dimensions, then scales and shifts.

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the dimensions to normalise over.
        weight, bias: scale and shift, of ``normalized_shape``.
        eps: added to the variance for stability.

    Returns:
        The shape of ``input``.

    Raises:
        RuntimeError: for wrong shapes or dtypes.

    As ``torch.nn.functional.layer_norm`` (Ba, Kiros and Hinton, 2016).
    """
    axes = _normalized_axes("layer_norm", input, normalized_shape, weight, bias)
    out = _standardize(input.contiguous(), axes, eps)  # in torch, the result is in C order, too
    return _affine(out, weight, bias).to(input.dtype)


@in_float32
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises groups of channels of each image, then scales and shifts each channel.

    Args:
        input: (N, C, ...).
        num_groups: number of groups, a divisor of C.
        weight, bias: (C,), scale and shift.
        eps: added to the variance for stability.

    Returns:
        The shape of ``input``.

    Raises:
        RuntimeError: for wrong shapes or dtypes.
        ValueError: if a group has a single value.

    As ``torch.nn.functional.group_norm`` (Wu and He, 2018).
    """
    if input.ndim < 2:
        raise RuntimeError(
            f"group_norm expects an input of shape (N, C, ...), got {tuple(input.shape)}"
        )
    N, C, *rest = input.shape
    if num_groups < 1 or C % num_groups:
        raise RuntimeError(f"group_norm: num_groups={num_groups} must divide the {C} channels")
    _check_parameters("group_norm", input, (C,), weight, bias)
    if N * C // num_groups * math.prod(rest) == 1:
        raise ValueError(
            f"group_norm expects more than 1 value per group, got input of shape {tuple(input.shape)} "
            f"in {num_groups} groups"
        )
    grouped = reshape(input, (N, num_groups, C // num_groups, *rest))
    out = reshape(_standardize(grouped, tuple(range(2, grouped.ndim)), eps), input.shape)
    channels = (-1, *(1 for _ in rest))
    weight, bias = (None if v is None else reshape(v, channels) for v in (weight, bias))
    return _affine(out, weight, bias).to(input.dtype)


@in_float32
def rms_norm(
    input: Tensor,
    normalized_shape: int | tuple[int, ...],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Divides by the root of the mean square over the last dimensions, then scales.

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the dimensions to normalise over.
        weight: scale, of ``normalized_shape``.
        eps: added to the mean square; by default the spacing of numbers at 1 in the input's dtype.

    Returns:
        The shape of ``input``.

    Raises:
        RuntimeError: for wrong shapes or dtypes.

    As ``torch.nn.functional.rms_norm`` (Zhang and Sennrich, 2019).
    """
    axes = _normalized_axes("rms_norm", input, normalized_shape, weight)
    eps = float(finfo(input.array.dtype).eps) if eps is None else eps
    (x,) = widen(input)
    scale = pow(mean(mul(x, x), axes, keepdim=True) + eps, -0.5)
    return _affine(mul(x, scale), weight, None).to(input.dtype)


def _normalized_axes(
    name: str, x: Tensor, normalized_shape: int | Sequence[int], *parameters: Tensor | None
) -> tuple[int, ...]:
    """The last dimensions of x, after a check that they and the parameters have this shape."""
    shape = integers(name, (normalized_shape,))
    require_integers(name, shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise RuntimeError(
            f"{name} expects an input of shape (..., {', '.join(map(str, shape))}), "
            f"got {tuple(x.shape)}"
        )
    _check_parameters(name, x, shape, *parameters, of_channels=False)
    return tuple(range(x.ndim - len(shape), x.ndim))


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    x = x if weight is None else mul(x, weight)
    return x if bias is None else add(x, bias)


class Standardize(Function):
    """x -> x with mean 0 and variance 1 over ``axes``."""

    def forward(self, x: Array, *, axes: tuple[int, ...], eps: float) -> Array:
        self.save_for_backward(x)
        self.axes, self.eps = axes, eps
        out = x - _mean(x, axes)
        self.scale = (_mean(out * out, axes) + eps) ** -0.5
        out *= self.scale
        self.out = out
        return out

    def backward(self, grad: Tensor) -> Tensor:
        if is_grad_enabled():
            return self._gradient(grad, *self.saved_tensors)
        g, axes = grad.array, self.axes
        grad_x = g - self.out * _mean(g * self.out, axes)
        grad_x -= _mean(g, axes)
        grad_x *= self.scale
        return Tensor.of(grad_x)

    def _gradient(self, grad: Tensor, x: Tensor) -> Tensor:
        """The same with differentiable operations."""
        axes = self.axes
        centred = sub(x, mean(x, axes, keepdim=True))
        scale = pow(mean(mul(centred, centred), axes, keepdim=True) + self.eps, -0.5)
        out = mul(centred, scale)
        rest = add(
            mean(grad, axes, keepdim=True), mul(out, mean(mul(grad, out), axes, keepdim=True))
        )
        return mul(scale, sub(grad, rest))


def _mean(x: Array, axes: tuple[int, ...]) -> Array:
    """The means, kept as dimensions of 1; NaN without NumPy's warning where there is nothing."""
    return x.sum(axes, keepdims=True) / math.prod(x.shape[axis] for axis in axes)


def _standardize(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """x with mean 0 and variance 1 over ``axes``, in float32 or better."""
    (x,) = widen(x)
    return Standardize.apply(x, axes=axes, eps=eps)


class LocalResponseNorm(Function):
    """x (N, C, H, W) / (k + alpha / size * sum of squares of ``size`` channels around) ** beta."""

    def forward(self, x: Array, *, size: int, alpha: float, beta: float, k: float) -> Array:
        self.save_for_backward(x)
        self.options = size, alpha, beta, k
        return kernels.of(x).local_response_norm(x, *self.options)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        if is_grad_enabled():
            return _local_response_norm_backward(grad, x, *self.options)
        backward = kernels.of(x.array).local_response_norm_backward
        return Tensor.of(backward(grad.array, x.array, *self.options))


def _local_response_norm_backward(
    grad: Tensor, x: Tensor, size: int, alpha: float, beta: float, k: float
) -> Tensor:
    """The same as the kernel, with differentiable operations."""
    xp = xp_of(x.array)
    c = xp.arange(x.shape[1])
    offset = c - c[:, None]  # (C, C), of a neighbour from the channel
    near = Tensor.of(((-(size // 2) <= offset) & (offset <= (size - 1) // 2)).astype(x.dtype))
    grad, x = permute(grad, (0, 2, 3, 1)), permute(x, (0, 2, 3, 1))  # (N, H, W, C)
    base = matmul(mul(x, x), near.transpose(0, 1)) * (alpha / size) + k
    through = matmul(mul(mul(grad, x), pow(base, -beta - 1)), near)
    grad_x = sub(mul(grad, pow(base, -beta)), mul(x, through) * (2 * alpha * beta / size))
    return permute(grad_x, (0, 3, 1, 2))


@takes_tensors
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divides each value by a power of the mean square of its neighbours across channels.

    Args:
        input: (N, C, ...) of at least 3 dimensions.
        size: number of neighbouring channels.
        alpha, beta, k: the divisor is (k + alpha * mean of squares) ** beta. The mean is over
            ``size`` channels; those before the first and after the last count as 0.

    Returns:
        The shape of ``input``; of integers float32, with a mean that is rounded down, as in torch.

    Raises:
        ValueError: for fewer than 3 dimensions, or a size below 1.

    As ``torch.nn.functional.local_response_norm``. The paper (Krizhevsky et al., 2012) has a sum
    instead of the mean: its alpha of 1e-4 is 5e-4 here.
    """
    if input.ndim < 3:
        raise ValueError(
            f"local_response_norm expects 3 or more dimensions, got {tuple(input.shape)}"
        )
    if size < 1:
        raise ValueError(f"local_response_norm expects a size of at least 1, got {size}")
    if not input.array.size:
        return input
    if not is_floating(input.array.dtype):
        return _local_response_norm_of_integers(input, size, alpha, beta, k)
    images = input if input.ndim == 4 else reshape(input, (*input.shape[:2], -1, 1))
    out = LocalResponseNorm.apply(images, size=size, alpha=alpha, beta=beta, k=k)
    return out if input.ndim == 4 else reshape(out, input.shape)


def _local_response_norm_of_integers(
    x: Tensor, size: int, alpha: float, beta: float, k: float
) -> Tensor:
    padding = [(0, 0), (size // 2, (size - 1) // 2), *((0, 0) for _ in x.shape[2:])]
    squares = xp_of(x.array).pad(x.array**2, padding)
    sums = squares[:, : x.shape[1]].copy()
    for offset in range(1, size):
        sums += squares[:, offset : offset + x.shape[1]]
    return div(x, pow(to_float(Tensor.of(sums // size)) * alpha + k, beta))


@in_float32
def normalize(
    input: Tensor,
    p: float = 2.0,
    dim: Dims = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """Divides by the p-norm, or by ``eps`` if that is larger.

    Args:
        input: any shape.
        p: order of the norm, as in ``norm``.
        dim: over which dimension or dimensions the norms are; None for all.
        eps: smallest divisor; in float16 the default is 0, and a vector of zeros gives NaN.
        out: a tensor to write the result to.

    As ``torch.nn.functional.normalize``.
    """
    if input.dtype in HALVES:
        wide = normalize(input.to(float32), p, dim, float(input.dtype.type(eps)))
        result = wide.to(input.dtype)
    else:
        result = div(input, clamp(norm(input, p, dim, keepdim=True), min=eps))
    return result if out is None else out.copy_(result)
