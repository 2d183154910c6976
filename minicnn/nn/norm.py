"""Normalisation layers: by batch, image, layer or group, and local response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..creation import ones, zeros
from ..dtypes import int64
from ..ops.norm import count_batch
from ..tensor import Tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from . import init
from .integers import check_integers
from .module import Module
from .parameter import empty_parameter
from .tuples import _single

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "CrossMapLRN2d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
]


class _Affine(Module):
    """A normalisation layer whose weight and bias may be absent."""

    weight: Tensor | None
    bias: Tensor | None

    def _make_affine(
        self,
        shape: tuple[int, ...],
        weight: bool,
        bias: bool,
        device: DeviceLike | None,
        dtype: DTypeLike | None,
    ) -> None:
        for name, present in (("weight", weight), ("bias", weight and bias)):
            self.register_parameter(
                name, empty_parameter(shape, dtype, device) if present else None
            )

    def reset_parameters(self) -> None:
        """Set weights to 1 and biases to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class _NormBase(_Affine):
    """What batch and instance norm share: parameters and running statistics."""

    _optional_buffers = frozenset({"num_batches_tracked"})
    _version = 2  # 1: without num_batches_tracked
    _dims: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        check_integers(self, num_features=num_features)
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._make_affine((num_features,), affine, bias, device, dtype)
        stats: tuple[Tensor | None, ...] = (None, None, None)
        if track_running_stats:
            stats = (
                zeros(num_features, dtype=dtype, device=device),
                ones(num_features, dtype=dtype, device=device),
                zeros((), dtype=int64, device=device),
            )
        for name, stat in zip(
            ("running_mean", "running_var", "num_batches_tracked"), stats, strict=True
        ):
            self.register_buffer(name, stat)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Reset the running statistics: mean 0, variance 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set weights to 1 and biases to 0, and reset the running statistics."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_dims(self, input: Tensor) -> None:
        if input.ndim not in self._dims:
            expected = " or ".join(f"{n}D" for n in self._dims)
            raise ValueError(
                f"{type(self).__name__} expects {expected} input, got shape {tuple(input.shape)}"
            )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_NormBase):
    """Batch norm: normalises each channel over all other dimensions.

    In training, a batch is normalised with its own mean and (biased) variance per channel. The
    running statistics become ``(1 - momentum) * running + momentum * batch``, with the unbiased
    variance. In evaluation, the running statistics are used to normalise.

    Args:
        num_features: C, the number of channels.
        eps: added to the variance.
        momentum: weight of a batch in the running statistics; None keeps the mean of all batches.
        affine: whether to scale and shift by a learned weight and bias per channel.
        track_running_stats: False uses the batch's statistics in evaluation, too.
        bias: False leaves out the shift.

    ``state_dict`` holds weight, bias, running_mean, running_var and num_batches_tracked (int64).

    Raises:
        ValueError: in ``forward``, for a wrong number of dimensions, and in training for a batch
            with one value per channel, whose variance is zero.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.batch_norm(*self.arguments(input))

    def arguments(self, input: Tensor) -> tuple[Any, ...]:
        """The arguments of :func:`functional.batch_norm`; counts the batch in training."""
        self._check_dims(input)
        updates = self.training and self.track_running_stats
        momentum = self.momentum
        if updates:
            count_batch(self.num_batches_tracked)
        if momentum is None:
            momentum = 1.0 / float(self.num_batches_tracked) if updates else 0.0
        # Training neither reads nor updates statistics that are no longer tracked. Evaluation uses
        # the batch's own statistics if there are no running ones.
        use_running = self.running_mean is not None and (updates or not self.training)
        return (
            input,
            self.running_mean if use_running else None,
            self.running_var if use_running else None,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    __doc__ = f"(N, C) or (N, C, L). {_BatchNorm.__doc__}"
    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = f"(N, C, H, W). {_BatchNorm.__doc__}"
    _dims = (4,)


class _InstanceNorm(_NormBase):
    """Instance norm: normalises each channel of each image over its pixels.

    Args:
        num_features: C, the number of channels.
        eps: added to the variance.
        momentum: weight of a batch in the running statistics, which are the means of the images'.
        affine: whether to scale and shift by a learned weight and bias per channel.
        track_running_stats: whether to keep running statistics, and to normalise by them in
            evaluation.
        bias: False leaves out the shift.

    Raises:
        ValueError: in ``forward``, for a wrong number of dimensions or channels, and for a channel
            with one value, whose variance is zero.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def forward(self, input: Tensor) -> Tensor:
        self._check_dims(input)
        single = input.ndim == min(self._dims)
        images = input.unsqueeze(0) if single else input
        if images.shape[1] != self.num_features and self.affine:
            raise ValueError(
                f"{type(self).__name__} expects {self.num_features} channels, "
                f"got input of shape {tuple(input.shape)}"
            )
        out = F.instance_norm(
            images, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats, self.momentum or 0.0, self.eps,
        )  # fmt: skip
        return out.squeeze(0) if single else out


class InstanceNorm1d(_InstanceNorm):
    __doc__ = f"(N, C, L) or (C, L). {_InstanceNorm.__doc__}"
    _dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    __doc__ = f"(N, C, H, W) or (C, H, W). {_InstanceNorm.__doc__}"
    _dims = (3, 4)


class LayerNorm(_Affine):
    """Normalises every sample over its last dimensions, ``normalized_shape``.

    Args:
        normalized_shape: sizes of those dimensions, or the size of the last one.
        eps: added to the variance.
        elementwise_affine: whether to scale by a learned weight of ``normalized_shape``.
        bias: whether to shift by a learned bias, too.

    As ``torch.nn.LayerNorm``.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_integers(self, normalized_shape=normalized_shape)
        super().__init__()
        self.normalized_shape = _single(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._make_affine(self.normalized_shape, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """Divides every sample by the root of its mean square over the last dimensions.

    Args:
        normalized_shape: sizes of those dimensions, or the size of the last one.
        eps: added to the mean square; by default the spacing of numbers at 1 in the input's dtype.
        elementwise_affine: whether to scale by a learned weight of ``normalized_shape``.

    As ``torch.nn.RMSNorm``.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_integers(self, normalized_shape=normalized_shape)
        super().__init__()
        self.normalized_shape = _single(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._make_affine(self.normalized_shape, elementwise_affine, False, device, dtype)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(_Affine):
    """Normalises every sample over groups of channels and all positions.

    Args:
        num_groups: number of groups; it must divide ``num_channels``.
        num_channels: C of (N, C, *).
        eps: added to the variance.
        affine: whether to scale and shift by a learned weight and bias per channel.
        bias: False leaves out the shift.

    As ``torch.nn.GroupNorm``.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        check_integers(self, num_groups=num_groups, num_channels=num_channels)
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(
                f"num_channels must be divisible by num_groups, got {num_channels} and {num_groups}"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._make_affine((num_channels,), affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """Divides by (k + alpha / size * sum of squares over ``size`` neighbouring channels) ** beta.

    AlexNet's paper does not divide alpha by size: its alpha of 1e-4 with 5 channels is ``alpha=5e-4``
    with ``size=5`` here.
    As ``torch.nn.LocalResponseNorm``.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossMapLRN2d(LocalResponseNorm):
    """``LocalResponseNorm`` under its older name. As ``torch.nn.CrossMapLRN2d``."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__(size, alpha, beta, k)
