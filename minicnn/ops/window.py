"""Arguments that convolution, pooling and unfolding share: pairs, batches, checks of a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kernels.geometry import Geometry, Pair
from ..tensor import Tensor
from .shape import squeeze, unsqueeze


def pair(value: int | tuple[int, ...], name: str, at_least: int) -> Pair:
    """``value`` as (vertical, horizontal), both at least ``at_least``.

    Raises:
        RuntimeError: for more or fewer than one or two numbers, or too small ones.
        TypeError: for something other than integers.
    """
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2:
        raise RuntimeError(f"{name} must be one integer or two, got {value}")
    try:
        vertical, horizontal = (n.__index__() for n in numbers)
    except AttributeError:
        raise TypeError(f"{name} must hold integers, got {value!r}") from None
    if min(vertical, horizontal) < at_least:
        raise RuntimeError(f"{name} must be at least {at_least}, got {value}")
    return vertical, horizontal


def with_batch(name: str, x: Tensor, op: Callable[[Tensor], Any]) -> Any:
    """``op`` of images (N, C, H, W), or of one image (C, H, W) and then without N in the result.

    Raises:
        RuntimeError: for other numbers of dimensions.
    """
    if x.ndim == 4:
        return op(x)
    if x.ndim != 3:
        raise RuntimeError(
            f"{name} expects an input of shape (N, C, H, W) or (C, H, W), got {tuple(x.shape)}"
        )
    result = op(unsqueeze(x, 0))
    if isinstance(result, tuple):
        return tuple(squeeze(part, 0) for part in result)
    return squeeze(result, 0)


def window_geometry(
    name: str,
    size: Pair,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair = (1, 1),
    groups: int = 1,
    ceil_mode: bool = False,
) -> Geometry:
    """All windows of an image of ``size``; with ``ceil_mode`` also one that juts out at the end.

    Raises:
        RuntimeError: if not a single window fits, naming the operation.
    """
    rows, columns = (
        _positions(*axis, ceil_mode) for axis in zip(size, kernel_size, stride, padding, dilation)
    )
    check_not_empty(
        name, size, (rows, columns), kernel_size=kernel_size, padding=padding, dilation=dilation
    )
    return Geometry(size, (rows, columns), kernel_size, stride, padding, dilation, groups)


def _positions(n: int, k: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    room = n + 2 * padding - dilation * (k - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    # the last window must begin inside the image or the padding before it
    return count - 1 if (count - 1) * stride >= n + padding else count


def check_not_empty(name: str, size: Pair, output_size: Pair, **window: Any) -> None:
    """Raises RuntimeError if there is no window, or no output pixel, at all."""
    if min(output_size) < 1:
        options = ", ".join(f"{key}={value}" for key, value in window.items())
        raise RuntimeError(
            f"{name}: the output would be {output_size[0]} x {output_size[1]}, must be at least "
            f"1 x 1, for an input of {size[0]} x {size[1]} with {options}"
        )
