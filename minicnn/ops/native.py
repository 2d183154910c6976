"""Layers under the names of ``torch``, with other arguments than in ``torch.nn.functional``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..tensor import Tensor
from . import adaptive_pool, grid_sample, norm, pool, pool1d
from . import dropout as noise
from . import instance_norm as per_image

Size1 = int | tuple[int]
Size2 = int | tuple[int, int]


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """:func:`minicnn.nn.functional.batch_norm` with the arguments of ``torch.batch_norm``."""
    statistics = running_mean, running_var
    return norm.batch_norm(input, *statistics, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """:func:`minicnn.nn.functional.instance_norm` with the arguments of ``torch.instance_norm``."""
    statistics = running_mean, running_var
    return per_image.instance_norm(input, *statistics, weight, bias, use_input_stats, momentum, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """:func:`minicnn.nn.functional.group_norm` with the arguments of ``torch.group_norm``."""
    return norm.group_norm(input, num_groups, weight, bias, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: int | tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """:func:`minicnn.nn.functional.layer_norm` with the arguments of ``torch.layer_norm``."""
    return norm.layer_norm(input, normalized_shape, weight, bias, eps)


def max_pool1d(
    input: Tensor,
    kernel_size: Size1,
    stride: Size1 | None = None,
    padding: Size1 = 0,
    dilation: Size1 = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """:func:`minicnn.nn.functional.max_pool1d` with the arguments of ``torch.max_pool1d``."""
    return pool1d.max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: Size1,
    stride: Size1 | None = None,
    padding: Size1 = 0,
    dilation: Size1 = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """:func:`minicnn.nn.functional.max_pool1d` and the positions of the maxima."""
    return pool1d.max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)  # type: ignore[return-value]


def max_pool2d(
    input: Tensor,
    kernel_size: Size2,
    stride: Size2 | None = None,
    padding: Size2 = 0,
    dilation: Size2 = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """:func:`minicnn.nn.functional.max_pool2d` with the arguments of ``torch.max_pool2d``."""
    return pool.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Size2,
    stride: Size2 | None = None,
    padding: Size2 = 0,
    dilation: Size2 = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """:func:`minicnn.nn.functional.max_pool2d` and the plane indices of the maxima."""
    return pool.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, True)  # type: ignore[return-value]


def adaptive_max_pool1d(
    input: Tensor, output_size: Size1, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`minicnn.nn.functional.adaptive_max_pool1d` and the positions of the maxima."""
    return pool1d.adaptive_max_pool1d(input, output_size, True)  # type: ignore[return-value]


adaptive_max_pool1d_with_indices = adaptive_max_pool1d  # its name in nn.functional


def adaptive_max_pool2d_with_indices(
    input: Tensor,
    output_size: int | tuple[int | None, int | None],
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """:func:`minicnn.nn.functional.adaptive_max_pool2d` and the plane indices of the maxima."""
    return adaptive_pool.adaptive_max_pool2d(input, output_size, True)  # type: ignore[return-value]


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """:func:`minicnn.nn.functional.grid_sample` with modes as numbers, as ``torch.grid_sampler``."""
    mode = grid_sample.MODES[interpolation_mode]
    padding = grid_sample.PADDING_MODES[padding_mode]
    return grid_sample.grid_sample(input, grid, mode, padding, align_corners)


def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """:func:`minicnn.nn.functional.affine_grid`, as ``torch.affine_grid_generator``."""
    return grid_sample.affine_grid(theta, size, align_corners)


def _dropout(function: Callable[..., Tensor], name: str, inplace: bool) -> Callable[..., Tensor]:
    def operation(input: Tensor, p: float, train: bool) -> Tensor:
        return function(input, p, train, inplace)

    operation.__name__ = operation.__qualname__ = name
    operation.__doc__ = function.__doc__
    return operation


def _dropouts(function: Callable[..., Tensor], name: str) -> list[Callable[..., Tensor]]:
    """A form of dropout as ``torch.dropout(input, p, train)``, and in place as ``torch.dropout_``."""
    return [_dropout(function, name, False), _dropout(function, f"{name}_", True)]


dropout, dropout_ = _dropouts(noise.dropout, "dropout")
feature_dropout, feature_dropout_ = _dropouts(noise.feature_dropout, "feature_dropout")
alpha_dropout, alpha_dropout_ = _dropouts(noise.alpha_dropout, "alpha_dropout")
feature_alpha_dropout, feature_alpha_dropout_ = _dropouts(
    noise.feature_alpha_dropout, "feature_alpha_dropout"
)
