"""Optimizer steps on the GPU: one kernel launch for all weights, which are updated in place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import cupy
import numpy as np

from .runtime.hyperparameters import device_values
from .runtime.layout import flatten, unflatten
from .runtime.module import FLOATS, HALVES, THREADS_PER_BLOCK, CudaFile, Kernel
from .runtime.table import address, table

__all__ = ["adam_step", "rmsprop_step", "sgd_step"]

Arrays = Sequence[cupy.ndarray]
HalfCopies = Sequence[cupy.ndarray | None]
Scaling = tuple[cupy.ndarray, cupy.ndarray]
Hyperparameters = Callable[[], Sequence[float]]

cuda_file = CudaFile("optim.cu")
_sgd = cuda_file.kernel("sgd_step", FLOATS + HALVES, HALVES)
_adam = cuda_file.kernel("adam_step", FLOATS + HALVES, HALVES)
_rmsprop = cuda_file.kernel("rmsprop_step", FLOATS + HALVES, HALVES)

_STATES = 3


def sgd_step(
    params: Arrays,
    grads: Arrays,
    momenta: Arrays | None,
    hyperparameters: Hyperparameters,
    nesterov: bool,
    half_copies: HalfCopies | None = None,
    scaling: Scaling | None = None,
) -> None:
    """One step of ``torch.optim.SGD``.

    Args:
        params: the weights, written in place.
        grads: their gradients, of the same dtype or float16 or bfloat16.
        momenta: momentum buffers, written in place, or None without momentum. Before the first
            step they are zeros, and the caller sets dampening to 0 for that step.
        hyperparameters: gives (lr, momentum, dampening, weight_decay).
        nesterov: as in torch.
        half_copies: float16 or bfloat16 copies of the weights, written in place, or None.
        scaling: (inverse_scale, found_inf), scalars of float32: a factor of the gradients, and
            whether to change nothing (if not 0).
    """

    def on_device() -> list[float]:
        lr, momentum, dampening, weight_decay = hyperparameters()
        return [lr, momentum, 1.0 - dampening, weight_decay]

    flags = momenta is not None, nesterov
    values = device_values(on_device, 4, np.float64)
    _update(_sgd, values, flags, params, grads, [momenta], half_copies, scaling)


def adam_step(
    params: Arrays,
    grads: Arrays,
    means: Arrays,
    squares: Arrays,
    hyperparameters: Hyperparameters,
    decoupled: bool,
    half_copies: HalfCopies | None = None,
    scaling: Scaling | None = None,
    maxima: Arrays | None = None,
) -> None:
    """One step of ``torch.optim.Adam``, or of ``AdamW`` if ``decoupled``.

    Args:
        params, grads, half_copies, scaling: as for :func:`sgd_step`.
        means, squares: running averages of gradient and squared gradient, written in place.
        hyperparameters: gives (step, lr, beta1, beta2, eps, weight_decay); the first step is 1.
        decoupled: whether weight decay acts on the weights directly instead of on the gradients.
        maxima: the largest ``squares`` so far (AMSGrad), written in place, or None.
    """

    def on_device() -> list[float]:
        step, lr, beta1, beta2, eps, weight_decay = hyperparameters()
        step_size, correction = lr / (1.0 - beta1**step), math.sqrt(1.0 - beta2**step)
        shares = [beta1, 1.0 - beta1, beta2, 1.0 - beta2]
        return [step_size, correction, *shares, eps, weight_decay, lr * weight_decay]

    values = device_values(on_device, 9, np.float64)
    flags, states = (decoupled, maxima is not None), [means, squares, maxima]
    _update(_adam, values, flags, params, grads, states, half_copies, scaling)


def rmsprop_step(
    params: Arrays,
    grads: Arrays,
    squares: Arrays,
    momenta: Arrays | None,
    averages: Arrays | None,
    hyperparameters: Hyperparameters,
    half_copies: HalfCopies | None = None,
    scaling: Scaling | None = None,
) -> None:
    """One step of ``torch.optim.RMSprop``.

    Args:
        params, grads, half_copies, scaling: as for :func:`sgd_step`.
        squares: running averages of the squared gradient, written in place.
        momenta: momentum buffers, written in place, or None without momentum.
        averages: running averages of the gradient, written in place, or None unless centered.
        hyperparameters: gives (lr, alpha, eps, momentum, weight_decay).
    """

    def on_device() -> list[float]:
        lr, alpha, eps, momentum, weight_decay = hyperparameters()
        return [lr, alpha, 1.0 - alpha, eps, momentum, weight_decay]

    flags = momenta is not None, averages is not None
    values = device_values(on_device, 6, np.float64)
    states = [squares, momenta, averages]
    _update(_rmsprop, values, flags, params, grads, states, half_copies, scaling)


def _update(
    kernel: Kernel,
    hyperparameters: cupy.ndarray,
    flags: tuple[bool, ...],
    params: Arrays,
    grads: Arrays,
    states: Sequence[Arrays | None],
    half_copies: HalfCopies | None,
    scaling: Scaling | None,
) -> None:
    """Updates all weights by one launch, or one for each combination of dtypes among them."""
    absent = [None] * len(params)
    # biases have no half-precision copies, and go into the same launch as the weights that do
    half = next((copy.dtype for copy in half_copies or absent if copy is not None), HALVES[0])
    columns: list[Sequence[Any]] = [absent if arrays is None else arrays for arrays in states]
    columns += [absent] * (_STATES - len(columns))
    tables: dict[tuple[Any, ...], list[list[Any]]] = {}
    copies = []
    for param, grad, *written in zip(params, grads, *columns, half_copies or absent, strict=True):
        if param.size:
            row = _in_one_order(param, grad, *written)
            dtypes = _dtypes(param, grad, written[-1], np.dtype(half))
            tables.setdefault(dtypes, []).append(row)
            copies += [
                (array, unflatten(flat, param))
                for array, flat in zip((param, *written), (row[0], *row[2:]))
                if array is not None and array.data.ptr != flat.data.ptr
            ]

    scalars = [_float32_address(scalar) for scalar in scaling or (None, None)]
    for (*types, half_grads), rows in tables.items():
        addresses, blocks = table(rows)
        arguments = addresses, len(rows), half_grads, *scalars, address(hyperparameters), *flags
        kernel[tuple(types)].launch((blocks,), (THREADS_PER_BLOCK,), *arguments)
    for array, updated in copies:
        array[...] = updated


def _dtypes(
    param: cupy.ndarray,
    grad: cupy.ndarray,
    half_copy: cupy.ndarray | None,
    default_half: np.dtype[Any],
) -> tuple[np.dtype[Any], np.dtype[Any], bool]:
    """The kernel's types T and Half for these arrays, and whether the gradient is of type Half."""
    halves = {grad.dtype} - {param.dtype}
    if half_copy is not None:
        halves.add(half_copy.dtype)
    if len(halves) > 1 or any(half.name not in HALVES for half in halves):
        raise TypeError(
            "gradients and half-precision copies must have the dtype of their weights or one of "
            f"{' and '.join(HALVES)}, got {' and '.join(sorted(half.name for half in halves))} "
            f"with weights of {param.dtype}"
        )
    half = next(iter(halves), default_half)
    return param.dtype, half, grad.dtype != param.dtype


def _in_one_order(param: cupy.ndarray, *others: cupy.ndarray | None) -> list[Any]:
    """The arrays, or copies of them, dense in memory and all in the order of the first."""
    arrays = param, *others
    order = [strides // param.itemsize for strides in param.strides]
    present = [array for array in arrays if array is not None]
    if _is_dense(param) and all(
        [strides // array.itemsize for strides in array.strides] == order for array in present
    ):
        return list(arrays)
    flat = iter(flatten(*present))
    return [None if array is None else next(flat) for array in arrays]


def _is_dense(array: cupy.ndarray) -> bool:
    """Whether the elements fill memory without gaps, in any order of the axes."""
    expected = array.itemsize
    for stride, length in sorted(zip(array.strides, array.shape)):
        if length > 1 and stride != expected:
            return False
        expected *= length
    return True


def _float32_address(scalar: cupy.ndarray | None) -> np.uint64 | None:
    if scalar is not None and scalar.dtype != np.float32:
        raise TypeError(f"scaling must be two float32 scalars, got one of {scalar.dtype}")
    return address(scalar)
