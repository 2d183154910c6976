"""Power-average pooling: the p-norm of each window."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from .activation import relu
from .edge import in_float32
from .elementwise import abs, mul, neg, pow, sign
from .pool import avg_pool2d, max_pool2d
from .pool1d import avg_pool1d, max_pool1d

Size = int | tuple[int, ...]


@in_float32
def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: int | tuple[int],
    stride: int | tuple[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window of a signal, (sum of x ** p) ** (1 / p).

    Args:
        input: (N, C, L), or one signal (C, L).
        norm_type: p; with inf the largest absolute value, with -inf the smallest.
        kernel_size, stride, ceil_mode: as for :func:`~minicnn.ops.pool1d.avg_pool1d`.

    Returns:
        (N, C, OL), without N for one signal.

    As ``torch.nn.functional.lp_pool1d``: 0 where the sum is negative, as odd powers can be.
    """
    count = kernel_size if isinstance(kernel_size, int) else math.prod(kernel_size)
    windows = kernel_size, stride, ceil_mode
    return _norms(avg_pool1d, max_pool1d, input, norm_type, count, *windows)


@in_float32
def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window of an image, (sum of x ** p) ** (1 / p).

    Args:
        input: (N, C, H, W), or one image (C, H, W).
        norm_type: p; with inf the largest absolute value, with -inf the smallest.
        kernel_size, stride, ceil_mode: as for :func:`~minicnn.ops.pool.avg_pool2d`.

    Returns:
        (N, C, OH, OW), without N for one image.

    As ``torch.nn.functional.lp_pool2d``: 0 where the sum is negative, as odd powers can be.
    """
    count = kernel_size**2 if isinstance(kernel_size, int) else math.prod(kernel_size)
    windows = kernel_size, stride, ceil_mode
    return _norms(avg_pool2d, max_pool2d, input, norm_type, count, *windows)


def _norms(
    avg_pool: Callable[..., Tensor],
    max_pool: Callable[..., Any],
    x: Tensor,
    p: float,
    count: int,
    kernel_size: Size,
    stride: Size | None,
    ceil_mode: bool,
) -> Tensor:
    """The p-norms of windows of ``count`` elements."""
    if p == math.inf:
        return max_pool(abs(x), kernel_size, stride, 0, 1, ceil_mode)
    if p == -math.inf:
        return neg(max_pool(neg(abs(x)), kernel_size, stride, 0, 1, ceil_mode))
    means = avg_pool(pow(x, p), kernel_size, stride, 0, ceil_mode)
    return pow(mul(mul(sign(means), relu(abs(means))), count), 1.0 / p)
