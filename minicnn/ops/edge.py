"""The edge of an operation: what happens to its arguments before it starts.

Decorators keep two things out of the operations: the precision that autocast requires (``in_half``,
``in_float32``, and ``one_precision`` for layers), and the batch dimension of a single image
(``batched``, ``batched_signals``). ``pair``, ``in_a_row`` and ``empty_output`` check the windows of
convolution and pooling.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..autograd.grad_mode import mode
from ..dtypes import HALVES, float32, float64
from ..kernels.geometry import Pair
from ..no_tensor import refuse
from ..tensor import Tensor
from .half_copy import weight_in_half
from .half_images import images_in_half
from .keywords import called
from .shape import squeeze, unsqueeze
from .transfer import to

F = TypeVar("F", bound=Callable[..., Any])

# Which operations autocast runs in half precision or in float32 follows torch's lists for CUDA.
# Operations without a decorator compute in the dtype of their inputs, the wider one if they differ
# (promotion.py).


def in_half(operation: F) -> F:
    """Decorates an operation that autocast runs in half precision, such as a matrix product."""

    @functools.wraps(operation)
    def edge(*args: Any, **kwargs: Any) -> Any:
        """Converts the arguments to half precision under autocast."""
        try:
            if mode.autocast is not None:
                args, kwargs = _cast((*HALVES, float32), mode.autocast, args, kwargs)
            return called(operation, args, kwargs) if kwargs else operation(*args)
        except (AttributeError, TypeError) as error:
            refuse(operation.__name__, error, args, kwargs)
            raise

    return edge  # type: ignore[return-value]


def in_float32(operation: F) -> F:
    """Decorates an operation that autocast runs in float32, such as a sum or an exponential."""

    @functools.wraps(operation)
    def edge(*args: Any, **kwargs: Any) -> Any:
        """Converts the arguments to float32 under autocast."""
        try:
            if mode.autocast is not None:
                args, kwargs = _cast(HALVES, float32, args, kwargs)
            return called(operation, args, kwargs) if kwargs else operation(*args)
        except (AttributeError, TypeError) as error:
            refuse(operation.__name__, error, args, kwargs)
            raise

    return edge  # type: ignore[return-value]


def _cast(eligible: tuple[np.dtype, ...], dtype: np.dtype, args: Any, kwargs: Any) -> Any:
    """The arguments with every tensor of an ``eligible`` dtype in ``dtype``."""

    def cast(x: Any) -> Any:
        return to(x, dtype) if isinstance(x, Tensor) and x.array.dtype in eligible else x

    return tuple(map(cast, args)), {name: cast(value) for name, value in kwargs.items()}


def one_precision(operation: F) -> F:
    """Decorates a layer of (input, weight, bias), whose dtypes must agree.

    Under autocast, input and weight are converted to half precision, and a float32 bias stays.

    Raises:
        RuntimeError: if the dtypes do not agree.
        TypeError: if the weight is not a tensor.
    """

    @functools.wraps(operation)
    def edge(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Compares the dtypes of input, weight and bias, after autocast has converted them."""
        if not isinstance(weight, Tensor):
            raise TypeError(
                f"{operation.__name__} expects tensors, got a weight of type "
                f"{type(weight).__name__}: use minicnn.tensor(…)"
            )
        given = input, weight, bias
        try:
            if (
                mode.autocast is not None and input.array.dtype != float64
            ):  # which autocast leaves alone
                input, weight, bias = _operands_in_half(input, weight, bias, mode.autocast)
                dtype = input.array.dtype
                agree = weight.array.dtype == dtype and (
                    bias is None or bias.array.dtype in (dtype, float32)
                )
            else:
                dtype = input.array.dtype
                agree = weight.array.dtype == dtype and (bias is None or bias.array.dtype == dtype)
            if not agree:
                dtypes = ", ".join(str(each.array.dtype) for each in given if each is not None)
                raise RuntimeError(
                    f"{operation.__name__} expects input, weight and bias of one dtype, got {dtypes}"
                )
            return operation(input, weight, bias, *args, **kwargs)
        except (AttributeError, TypeError) as error:
            refuse(operation.__name__, error, (*given, *args), kwargs)
            raise

    return edge  # type: ignore[return-value]


def _operands_in_half(
    x: Tensor, weight: Tensor, bias: Tensor | None, half: np.dtype
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Input, weight and bias as autocast converts them."""
    if x.array.dtype in (*HALVES, float32):
        x = images_in_half(x, half) if weight.ndim == 4 else to(x, half)
    if weight.array.dtype == float32:
        weight = weight_in_half(weight, half)
    elif weight.array.dtype in HALVES:
        weight = to(weight, half)
    if bias is not None and bias.array.dtype in HALVES:
        bias = to(bias, half)
    return x, weight, bias


def batched(operation: F) -> F:
    """Decorates an operation on images (N, C, H, W): one image (C, H, W) becomes a batch of one.

    Raises:
        RuntimeError: for other numbers of dimensions.
    """
    return _batched(operation, 4, "(N, C, H, W) or (C, H, W)")


def batched_signals(operation: F) -> F:
    """Decorates an operation on signals (N, C, L): one signal (C, L) becomes a batch of one.

    Raises:
        RuntimeError: for other numbers of dimensions.
    """
    return _batched(operation, 3, "(N, C, L) or (C, L)")


def _batched(operation: F, ndim: int, shapes: str) -> F:
    @functools.wraps(operation)
    def edge(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Adds a batch dimension to a single input, and takes it from the result."""
        try:
            if input.array.ndim == ndim:
                return operation(input, *args, **kwargs)
            if input.ndim != ndim - 1:
                raise RuntimeError(
                    f"{operation.__name__} expects an input of shape {shapes}, "
                    f"got {input.array.shape}"
                )
            result = operation(unsqueeze(input, 0), *args, **kwargs)
        except (AttributeError, TypeError) as error:
            refuse(operation.__name__, error, (input, *args), kwargs)
            raise
        if isinstance(result, tuple):
            return tuple(squeeze(part, 0) for part in result)
        return squeeze(result, 0)

    return edge  # type: ignore[return-value]


def pair(value: int | tuple[int, ...], name: str, at_least: int) -> Pair:
    """``value`` as (vertical, horizontal), both at least ``at_least``.

    Raises:
        RuntimeError: for a wrong count of numbers, or too small ones.
        TypeError: for something other than integers.
    """
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2:
        raise RuntimeError(f"{name} must be one integer or two, got {value}")
    try:
        vertical, horizontal = numbers[0].__index__(), numbers[1].__index__()
    except AttributeError:
        raise TypeError(f"{name} must hold integers, got {value!r}") from None
    if vertical < at_least or horizontal < at_least:
        raise RuntimeError(f"{name} must be at least {at_least}, got {value}")
    return vertical, horizontal


def in_a_row(value: int | tuple[int, ...], name: str, vertical: int) -> Pair:
    """(vertical, horizontal) for images of one row, where a signal has one number.

    Raises:
        RuntimeError: for several numbers.
    """
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(numbers) != 1:
        raise RuntimeError(f"{name} must be one integer, got {value}")
    return vertical, numbers[0]


def empty_output(name: str, size: Pair, output_size: Pair, **window: Any) -> RuntimeError:
    """The error for an output without pixels."""
    options = ", ".join(f"{key}={value}" for key, value in window.items())
    return RuntimeError(
        f"{name}: the output would be {output_size[0]} x {output_size[1]}, must be at least "
        f"1 x 1, for an input of {size[0]} x {size[1]} with {options}"
    )
