"""Batch norm with the statistics of the batches of all ranks.

They are computed in float64 where the backend takes arrays from: on the CPU, or on the GPU, for
which the program then does not wait.
"""

from __future__ import annotations

from .. import kernels
from ..autograd import Function, no_grad, once_differentiable
from ..devices import current_device_of, device_of, to_device, xp_of
from ..dtypes import HALVES, float32, float64
from ..ops.norm import channel_parameters, move_towards
from ..tensor import Tensor
from ..typing import Array
from .process_group import ProcessGroup
from .reduce_op import ReduceOp

__all__ = ["sync_batch_norm"]


class SyncBatchNorm(Function):
    """x (N, C, ...), weight (C,), bias (C,) -> normalised x, with mean and variance of all ranks.

    The kernels of an ordinary batch norm compute what concerns this rank; between them, the ranks
    exchange 2 C + 1 numbers before, and 2 C in backward.
    """

    def forward(
        self,
        x: Array,
        weight: Array,
        bias: Array,
        *,
        mean: Array,
        variance: Array,
        count: Array,
        eps: float,
        group: ProcessGroup,
    ) -> Array:
        self.save_for_backward(x, weight)
        self.statistics = mean, variance, count
        self.eps, self.group = eps, group
        with current_device_of((x,)):
            scale = _as_float64(weight, mean) / xp_of(mean).sqrt(variance + eps)
            shift = _as_float64(bias, mean) - mean * scale
            return kernels.of(x).channel_affine(x, _beside(x, scale), _beside(x, shift))

    @once_differentiable
    def backward(self, grad: Tensor) -> tuple[Tensor, ...]:
        x, weight = (tensor.array for tensor in self.saved_tensors)
        with current_device_of((x,)):
            return tuple(map(Tensor.of, self._gradients(grad.array, x, weight)))

    def _gradients(self, grad: Array, x: Array, weight: Array) -> tuple[Array, ...]:
        mean, variance, count = self.statistics
        xp = xp_of(mean)
        # The kernel's gradient of x has the mean gradients of this rank; the difference to those of
        # all ranks is a factor and a constant for each channel. With h the normalised x, it is
        # weight / deviation * (grad - mean(grad) - h * mean(grad * h)).
        x_grad, weight_grad, bias_grad = kernels.of(x).batch_norm_backward(
            grad, x, weight, _beside(x, mean), _beside(x, variance), self.eps
        )
        own = xp.stack([_as_float64(weight_grad, mean), _as_float64(bias_grad, mean)])
        whole = own.copy()
        self.group.backend.all_reduce(whole.reshape(-1), ReduceOp.SUM).wait()
        through_h, constant = own / max(x.size // x.shape[1], 1) - whole / count
        inverse = 1 / xp.sqrt(variance + self.eps)
        factor = _as_float64(weight, mean) * inverse
        scale = factor * inverse * through_h
        shift = factor * constant - scale * mean
        x_grad += kernels.of(x).channel_affine(x, _beside(x, scale), _beside(x, shift))
        return x_grad, weight_grad, bias_grad


def sync_batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    momentum: float,
    eps: float,
    group: ProcessGroup,
) -> Tensor:
    """:func:`functional.batch_norm` in training, over the batches of all ranks of a group.

    Their batches may have different sizes, also none. The gradients of weight and bias are those of
    this rank's batch.

    Raises:
        ValueError: if a channel has a single value in all batches together.
    """
    weight, bias = channel_parameters(
        "sync_batch_norm", input, running_mean, running_var, weight, bias
    )
    with current_device_of((input.array,)), no_grad():
        mean, variance, count = _statistics(input.array, eps, group)
        for running, batch in (running_mean, mean), (running_var, variance * count / (count - 1)):
            move_towards(running, Tensor.of(_beside(input.array, batch)), momentum)
    options = {"mean": mean, "variance": variance, "count": count, "eps": eps, "group": group}
    return SyncBatchNorm.apply(input, weight, bias, **options)


def _statistics(x: Array, eps: float, group: ProcessGroup) -> tuple[Array, Array, Array]:
    """Mean and variance (C,) of all ranks' batches in float64, and how many values they are of."""
    C = x.shape[1]
    device = group.backend.device_for(x)
    rows = device.xp.zeros((group.size(), 2 * C + 1))  # of each rank: means, variances and count
    if x.size:
        _, mean, variance = kernels.of(x).batch_norm(x, None, None, eps)
        own = rows[group.rank()]
        own[:C], own[C:-1] = _as_float64(mean, rows), _as_float64(variance, rows)
        own[-1] = x.size // C
    group.backend.all_gather(rows).wait()
    means, variances, counts = rows[:, :C], rows[:, C:-1], rows[:, -1:]
    count = counts.sum()
    # asked only where it may be so: the answer is on the GPU
    if x.size <= C and float(count) <= 1:
        raise ValueError(
            "sync_batch_norm expects more than 1 value per channel when training, "
            f"got input of shape {x.shape}"
        )
    mean = (means * counts).sum(0) / count
    variance = ((variances + (means - mean) ** 2) * counts).sum(0) / count
    return mean, variance, count


def _as_float64(values: Array, beside: Array) -> Array:
    return to_device(values, device_of(beside)).astype(float64)


def _beside(x: Array, values: Array) -> Array:
    """Values for each channel where x is, in float32 or better."""
    there = to_device(values, device_of(x))
    return there.astype(float32 if x.dtype in HALVES else x.dtype, copy=False)
