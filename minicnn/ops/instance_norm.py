"""Instance norm: the batch norm of each image by itself."""

from __future__ import annotations

import math

from .. import kernels
from ..autograd import Function, is_grad_enabled, no_grad
from ..devices import xp_of
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .elementwise import add, mul, sub
from .norm import batch_norm, channel_parameters, move_towards, normalized_nothing
from .reduce import mean, sum
from .shape import reshape


class InstanceNorm(Function):
    """x (N, C, ...), weight (C,), bias (C,) -> normalised x; the images' mean and variance (N, C)."""

    def forward(self, x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, ...]:
        self.save_for_backward(x, weight)
        self.eps = eps
        normalize = kernels.of(x).batch_norm
        out, statistics = xp_of(x).empty_like(x), []
        for n in range(len(x)):
            out[n : n + 1], *both = normalize(x[n : n + 1], weight, bias, eps)
            statistics.append(both)
        self.means, self.variances = map(xp_of(x).stack, zip(*statistics))
        return out, self.means, self.variances

    def backward(self, grad: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
        # mean and variance are outputs only for the running statistics, so they have no gradient
        x, weight = self.saved_tensors
        if is_grad_enabled():
            return _gradients(grad, x, weight, self.eps)
        backward, grad_x = (
            kernels.of(x.array).batch_norm_backward,
            xp_of(x.array).empty_like(x.array),
        )
        of_parameters = []
        for n, (image, image_grad) in enumerate(zip(x.array, grad.array)):
            grad_x[n : n + 1], *both = backward(
                image_grad[None],
                image[None],
                weight.array,
                self.means[n],
                self.variances[n],
                self.eps,
            )
            of_parameters.append(both)
        grad_weight, grad_bias = (xp_of(grad_x).stack(each).sum(0) for each in zip(*of_parameters))
        return Tensor.of(grad_x), Tensor.of(grad_weight), Tensor.of(grad_bias)


def _gradients(
    grad: Tensor, x: Tensor, weight: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The same as the kernel, with differentiable operations."""
    pixels = tuple(range(2, x.ndim))
    centred = sub(x, mean(x, pixels, keepdim=True))
    scale = (mean(mul(centred, centred), pixels, keepdim=True) + eps) ** -0.5
    normalised = mul(centred, scale)
    product = mul(grad, normalised)
    rest = add(
        mean(grad, pixels, keepdim=True), mul(normalised, mean(product, pixels, keepdim=True))
    )
    channels = reshape(weight, (-1, *(1 for _ in pixels)))
    grad_x = mul(mul(channels, scale), sub(grad, rest))
    return grad_x, sum(product, (0, *pixels)), sum(grad, (0, *pixels))


@takes_tensors
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises each channel of each image to mean 0 and variance 1, then scales and shifts it.

    Args:
        input: (N, C, ...).
        running_mean, running_var: (C,), used unless ``use_input_stats``; else updated in place by
            the means of the images' statistics.
        weight, bias: (C,), scale and shift; 1 and 0 when left out.
        use_input_stats: normalise by the statistics of the images (with the biased variance).
        momentum: weight of these images in the running statistics.
        eps: added to the variance for stability; above 0.

    Returns:
        The shape of ``input``.

    Raises:
        ValueError: if a channel has a single value, or ``eps`` is not above 0.
        RuntimeError: for wrong shapes or dtypes, or without running statistics where needed.

    As ``torch.nn.functional.instance_norm`` (Ulyanov et al., 2016).
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(
            f"instance_norm expects more than 1 value per channel, got {tuple(input.shape)}"
        )
    if input.ndim < 3:
        raise RuntimeError(
            f"instance_norm expects an input of shape (N, C, L, ...), got {tuple(input.shape)}"
        )
    if eps <= 0:
        raise ValueError(f"instance_norm: eps must be above 0, got {eps}")
    if not input.array.size:
        return normalized_nothing(input, weight, bias)
    statistics = running_mean, running_var
    weight, bias = channel_parameters("instance_norm", input, *statistics, weight, bias)
    out, means, variances = InstanceNorm.apply(input, weight, bias, eps=eps)
    with no_grad():
        move_towards(running_mean, mean(means, 0), momentum)
        move_towards(running_var, mean(variances, 0), momentum, count / (count - 1))
    return out
