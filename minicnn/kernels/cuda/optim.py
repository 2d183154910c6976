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

__all__ = ["adam_step", "rmsprop_step", "sgd_step"]

Arrays = Sequence[cupy.ndarray]
Lowered = Sequence[cupy.ndarray | None]
Scaling = tuple[cupy.ndarray, cupy.ndarray]
Numbers = Callable[[], Sequence[float]]

cuda_file = CudaFile("optim.cu")
_sgd = cuda_file.kernel("sgd_step", FLOATS + HALVES, HALVES)
_adam = cuda_file.kernel("adam_step", FLOATS + HALVES, HALVES)
_rmsprop = cuda_file.kernel("rmsprop_step", FLOATS + HALVES, HALVES)

_CHUNK = 8192  # weights that a block updates, CHUNK in optim.cu
_STATES = 3


def sgd_step(
    params: Arrays,
    grads: Arrays,
    momenta: Arrays | None,
    numbers: Numbers,
    nesterov: bool,
    lowered: Lowered | None = None,
    scaling: Scaling | None = None,
) -> None:
    """One step of ``torch.optim.SGD``.

    Args:
        params: the weights, written in place.
        grads: their gradients, of the same dtype or float16 or bfloat16.
        momenta: momentum buffers, written in place, or None without momentum; zeros before the
            first step, whose dampening the caller sets to 0.
        numbers: gives (lr, momentum, dampening, weight_decay).
        nesterov: as in torch.
        lowered: float16 or bfloat16 copies of the weights, written in place, or None.
        scaling: (inverse_scale, found_inf), scalars of float32: a factor of the gradients, and
            whether to leave everything as it is (if not 0).
    """

    def on_device() -> list[float]:
        lr, momentum, dampening, weight_decay = numbers()
        return [lr, momentum, 1.0 - dampening, weight_decay]

    flags = momenta is not None, nesterov
    values = device_values(on_device, 4, np.float64)
    _launch(_sgd, values, flags, params, grads, [momenta], lowered, scaling)


def adam_step(
    params: Arrays,
    grads: Arrays,
    means: Arrays,
    squares: Arrays,
    numbers: Numbers,
    decoupled: bool,
    lowered: Lowered | None = None,
    scaling: Scaling | None = None,
) -> None:
    """One step of ``torch.optim.Adam``, or of ``AdamW`` if ``decoupled``.

    Args:
        params, grads, lowered, scaling: as for :func:`sgd_step`.
        means, squares: running averages of gradient and squared gradient, written in place.
        numbers: gives (step, lr, beta1, beta2, eps, weight_decay); steps are numbered from 1 on.
        decoupled: whether weights decay by themselves instead of through the gradient.
    """

    def on_device() -> list[float]:
        step, lr, beta1, beta2, eps, weight_decay = numbers()
        step_size, correction = lr / (1.0 - beta1**step), math.sqrt(1.0 - beta2**step)
        shares = [beta1, 1.0 - beta1, beta2, 1.0 - beta2]
        return [step_size, correction, *shares, eps, weight_decay, lr * weight_decay]

    values = device_values(on_device, 9, np.float64)
    _launch(_adam, values, (decoupled,), params, grads, [means, squares], lowered, scaling)


def rmsprop_step(
    params: Arrays,
    grads: Arrays,
    squares: Arrays,
    momenta: Arrays | None,
    averages: Arrays | None,
    numbers: Numbers,
    lowered: Lowered | None = None,
    scaling: Scaling | None = None,
) -> None:
    """One step of ``torch.optim.RMSprop``.

    Args:
        params, grads, lowered, scaling: as for :func:`sgd_step`.
        squares: running averages of the squared gradient, written in place.
        momenta: momentum buffers, written in place, or None without momentum.
        averages: running averages of the gradient, written in place, or None unless centered.
        numbers: gives (lr, alpha, eps, momentum, weight_decay).
    """

    def on_device() -> list[float]:
        lr, alpha, eps, momentum, weight_decay = numbers()
        return [lr, alpha, 1.0 - alpha, eps, momentum, weight_decay]

    flags = momenta is not None, averages is not None
    values = device_values(on_device, 6, np.float64)
    states = [squares, momenta, averages]
    _launch(_rmsprop, values, flags, params, grads, states, lowered, scaling)


def _launch(
    kernel: Kernel,
    numbers: cupy.ndarray,
    flags: tuple[bool, ...],
    params: Arrays,
    grads: Arrays,
    states: Sequence[Arrays | None],
    lowered: Lowered | None,
    scaling: Scaling | None,
) -> None:
    """Updates all weights with one launch, or one for each combination of dtypes among them."""
    absent = [None] * len(params)
    # biases, of which there are no lowered copies, go with the weights of which there are
    half = next((copy.dtype for copy in lowered or absent if copy is not None), HALVES[0])
    columns: list[Sequence[Any]] = [absent if arrays is None else arrays for arrays in states]
    columns += [absent] * (_STATES - len(columns))
    tables: dict[tuple[Any, ...], list[list[Any]]] = {}
    copies = []
    for param, grad, *written in zip(params, grads, *columns, lowered or absent, strict=True):
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
        table, blocks = _table(rows)
        arguments = table, len(rows), half_grads, *scalars, _address(numbers), *flags
        kernel[tuple(types)].launch((blocks,), (THREADS_PER_BLOCK,), *arguments)
    for array, updated in copies:
        array[...] = updated


def _table(rows: list[list[Any]]) -> tuple[cupy.ndarray, int]:
    """The table of ``optim.cu`` in device memory, and the number of blocks for it."""
    blocks = np.cumsum([0] + [-(-row[0].size // _CHUNK) for row in rows])
    table = np.array(
        [
            [*(_address(array) or 0 for array in row), row[0].size, first]
            for row, first in zip(rows, blocks)
        ],
        np.uint64,
    ).reshape(-1)
    return device_values(lambda: table, table.size, np.uint64), int(blocks[-1])


def _dtypes(
    param: cupy.ndarray,
    grad: cupy.ndarray,
    lowered: cupy.ndarray | None,
    default_half: np.dtype[Any],
) -> tuple[np.dtype[Any], np.dtype[Any], bool]:
    """The types of the kernel for these arrays, and whether the gradient is of the second one."""
    halves = {grad.dtype} - {param.dtype}
    if lowered is not None:
        halves.add(lowered.dtype)
    if len(halves) > 1 or any(half.name not in HALVES for half in halves):
        raise TypeError(
            "gradients and lowered copies must have the dtype of their weights or one of "
            f"{' and '.join(HALVES)}, got {' and '.join(sorted(half.name for half in halves))} "
            f"with weights of {param.dtype}"
        )
    half = next(iter(halves), default_half)
    return param.dtype, half, grad.dtype != param.dtype


def _in_one_order(param: cupy.ndarray, *others: cupy.ndarray | None) -> list[Any]:
    """Arrays that lie densely and in one order, that of the first; copies of those that do not."""
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
    """Whether the elements fill one stretch of memory, in whatever order of the axes."""
    expected = array.itemsize
    for stride, length in sorted(zip(array.strides, array.shape)):
        if length > 1 and stride != expected:
            return False
        expected *= length
    return True


def _address(array: cupy.ndarray | None) -> np.uint64 | None:
    return None if array is None else np.uint64(array.data.ptr)


def _float32_address(scalar: cupy.ndarray | None) -> np.uint64 | None:
    if scalar is not None and scalar.dtype != np.float32:
        raise TypeError(f"scaling must be two float32 scalars, got one of {scalar.dtype}")
    return _address(scalar)
