"""Creates tensors: from numbers and arrays, filled with a value, and random."""

from __future__ import annotations

import functools
import math
import operator
import reprlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from . import draws
from .devices import CPU, Device, current_device_of, get_default_device, to_device, xp_of
from .dtypes import (
    HALVES,
    all_ignored,
    as_number,
    bool_,
    default_float,
    float32,
    float64,
    int64,
    is_floating,
    number_in,
    numpy_errors,
)
from .memory_format import Layout, MemoryFormat, preserve_format, strided
from .no_tensor import takes_tensors
from .random import Generator, default_generator
from .tensor import Tensor
from .typing import Array, DeviceLike, DTypeLike
from .warn import warn


def _device(device: DeviceLike | None) -> Device:
    return get_default_device() if device is None else Device(device)


def _placed(array: Array, device: DeviceLike | None) -> Array:
    """An array on ``device``, by default the default device; arrays on a GPU then stay there."""
    on_cpu = isinstance(array, np.ndarray)
    if device is None and (not on_cpu or get_default_device() is CPU):
        return array
    return to_device(array, _device(device))


def with_options(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Decorates a function that makes a tensor: it takes torch's other options as well.

    ``out`` is a tensor to write to instead. ``layout`` and ``pin_memory`` change nothing: all
    tensors are strided, and :meth:`Tensor.pin_memory` returns a copy in pinned memory.
    """

    @functools.wraps(make)
    def made(
        *args: Any,
        out: Tensor | None = None,
        layout: Layout = strided,
        pin_memory: bool = False,
        **options: Any,
    ) -> Tensor:
        if out is None:
            return make(*args, **options)
        options.setdefault("dtype", out.array.dtype)
        options.setdefault("device", out.device)
        return written(make(*args, **options), out)

    return made


def written(result: Tensor, out: Tensor) -> Tensor:
    """``out`` with the numbers and the shape of a result."""
    if out.array.shape == result.array.shape:
        out.array[...] = result.array
    else:
        out.array = result.array.astype(out.array.dtype, copy=False)
    out.bump_version()
    return out


def tensor(
    data: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with a copy of ``data``.

    Args:
        data: a number, nested lists of numbers, an array or a tensor.
        dtype: by default an array's own, the default dtype for Python floats, int64 for integers.
        device: the default device if left out, but an array on a GPU stays there.
        requires_grad: whether ``backward`` should store its gradient.
        pin_memory: accepted for torch's scripts, but has no effect.

    As ``torch.tensor``.
    """
    if isinstance(data, Tensor):
        warn("to copy a tensor, use x.detach().clone() rather than tensor(x)")
        data = data.array
    if hasattr(data, "__cuda_array_interface__"):
        array = data.astype(dtype or data.dtype, order="K")
    else:
        array = _array(data, None if dtype is None else np.dtype(dtype))
    if array.dtype.kind not in "biufV":
        raise TypeError(f"tensor expects numbers, got {data!r}")
    return Tensor.of(_placed(array, device), requires_grad)


def _array(data: Any, dtype: np.dtype | None) -> Array:
    """A NumPy array of numbers, nested lists or an array.

    Python's floats get the default dtype. NumPy's own numbers keep their dtype, also within lists.
    """
    first = _first(data)
    if isinstance(first, Tensor):
        data = _numbers(data)
        first = _first(data)
    if first is None or isinstance(first, (str, bytes)):
        raise TypeError(f"tensor expects numbers, got {data!r}")
    before = numpy_errors.set(all_ignored)  # what is too large becomes inf
    try:
        array = _converted(data, dtype)
        if array.dtype == np.uint64 and isinstance(first, int):
            number_in(int64, int(array.max()))
        keeps = dtype is not None or isinstance(first, (np.float64, np.ndarray))
        return array.astype(default_float()) if array.dtype == float64 and not keeps else array
    finally:
        numpy_errors.reset(before)


def _converted(data: Any, dtype: np.dtype | None) -> Array:
    """``data`` as NumPy converts it, and -1 as 255 in uint8, which NumPy refuses."""
    try:
        return np.array(data, dtype=dtype, order="K")
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        got = reprlib.repr(data)
        raise ValueError(f"tensor expects nested lists of equal lengths, got {got}") from None
    except OverflowError:
        array = np.array(data)
        if dtype is not None:
            for limit in (array.min(), array.max()):
                number_in(dtype, limit)
        return array.astype(dtype)


def _first(data: Any) -> Any:
    """The first number of nested lists."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def _numbers(data: Any) -> Any:
    """Nested lists with the numbers of the tensors in them, which keep their dtypes."""
    if isinstance(data, (list, tuple)):
        return [_numbers(item) for item in data]
    if not isinstance(data, Tensor):
        return data
    if data.array.size != 1:
        raise ValueError(
            f"tensor expects tensors of one element in lists, got shape {tuple(data.shape)}"
        )
    return data.numpy_copy().reshape(())[()]


def as_tensor(
    data: Any, dtype: DTypeLike | None = None, device: DeviceLike | None = None
) -> Tensor:
    """A tensor of ``data`` that shares its memory where possible."""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    if isinstance(data, np.ndarray) or hasattr(data, "__cuda_array_interface__"):
        return Tensor.of(_placed(data, device)).to(dtype=dtype)
    return tensor(data, dtype, device)


def from_numpy(array: Array) -> Tensor:
    """A tensor on the memory of a NumPy array, always on the CPU."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy expects a numpy.ndarray, got {type(array).__name__}")
    if array.dtype.kind not in "biufV":
        raise TypeError(f"from_numpy expects numbers, got an array of {array.dtype}")
    return Tensor.of(array)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor on the memory of any object with ``__dlpack__``, such as a PyTorch tensor."""
    kind, index = ext_tensor.__dlpack_device__()
    return Tensor.of((CPU if kind == 1 else Device("cuda", index)).xp.from_dlpack(ext_tensor))


def integers(name: str, given: tuple[Any, ...], keyword: Any = None) -> tuple[int, ...]:
    """The integers of ``f(2, 3)``, ``f((2, 3))`` or ``f(keyword=(2, 3))``.

    Raises:
        TypeError: if none are given.
    """
    if keyword is not None:
        given = (*given, keyword)
    if not given:
        raise TypeError(f"{name} expects integers, one by one or in a tuple, got none")
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


def require_integers(name: str, given: Iterable[Any]) -> None:
    """Raises a TypeError for the first that is no integer."""
    for n in given:
        if not hasattr(n, "__index__"):
            raise TypeError(f"{name} expects integers, got {n!r}")


def _shape(name: str, given: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """The shape of a new tensor, from its ``size`` in one of torch's forms.

    Raises:
        RuntimeError: for a negative length.
        TypeError: for something other than integers.
    """
    given = integers(name, given, size)
    try:
        shape = tuple(map(operator.index, given))
    except TypeError:
        require_integers(name, given)
        raise
    if shape and min(shape) < 0:
        raise RuntimeError(f"{name} expects lengths of at least 0, got {shape}")
    return shape


def _tuple(name: str, size: Any) -> tuple[int, ...]:
    """The shape of a function that takes its ``size`` only as a tuple or list."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"{name} expects a tuple of integers as its size, got {size!r}")
    return _shape(name, (size,))


def _as_number(value: Any) -> Any:
    """A Python number, from a number or a tensor of one.

    Raises:
        TypeError: for something else, or a tensor that requires a gradient.
    """
    if isinstance(value, Tensor) and value.ndim == 0 and not value.requires_grad:
        return value.item()
    return as_number(value)


@with_options
def full(
    size: Any,
    fill_value: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of shape ``size`` with every element ``fill_value``.

    Raises:
        RuntimeError: for a number that ``dtype`` cannot hold.
    """
    shape, value = _tuple("full", size), _as_number(fill_value)
    if dtype is None:
        dtype = (
            bool_
            if isinstance(value, bool)
            else int64
            if isinstance(value, int)
            else default_float()
        )
    dtype = np.dtype(dtype)
    return Tensor.of(_device(device).xp.full(shape, number_in(dtype, value), dtype), requires_grad)


@with_options
def zeros(
    *sizes: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``."""
    shape = _shape("zeros", sizes, size)
    return Tensor.of(_device(device).xp.zeros(shape, dtype or default_float()), requires_grad)


@with_options
def ones(
    *sizes: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of ones."""
    shape = _shape("ones", sizes, size)
    return Tensor.of(_device(device).xp.ones(shape, dtype or default_float()), requires_grad)


@with_options
def empty(
    *sizes: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of uninitialised memory."""
    shape = _shape("empty", sizes, size)
    return Tensor.of(_device(device).xp.empty(shape, dtype or default_float()), requires_grad)


@takes_tensors
def empty_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Uninitialised memory with the shape, layout, dtype and device of ``input`` by default."""
    return _placed_like(
        xp_of(input.array).empty_like(input.array, dtype=dtype),
        device,
        requires_grad,
        memory_format,
    )


@takes_tensors
def zeros_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Zeros in the shape and layout of ``input``, by default its dtype and device."""
    return _placed_like(
        xp_of(input.array).zeros_like(input.array, dtype=dtype),
        device,
        requires_grad,
        memory_format,
    )


@takes_tensors
def ones_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Ones in the shape and layout of ``input``, by default its dtype and device."""
    return _placed_like(
        xp_of(input.array).ones_like(input.array, dtype=dtype), device, requires_grad, memory_format
    )


@takes_tensors
def full_like(
    input: Tensor,
    fill_value: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """``fill_value`` in the shape and layout of ``input``, by default its dtype and device.

    Raises:
        RuntimeError: for a number that the dtype cannot hold.
    """
    dtype = input.array.dtype if dtype is None else np.dtype(dtype)
    value = number_in(dtype, _as_number(fill_value))
    array = xp_of(input.array).full_like(input.array, value, dtype=dtype)
    return _placed_like(array, device, requires_grad, memory_format)


def _placed_like(
    array: Array,
    device: DeviceLike | None,
    requires_grad: bool,
    memory_format: MemoryFormat | str,
) -> Tensor:
    """A new array as a tensor on ``device``, in the layout of ``memory_format``."""
    out = Tensor.of(array)
    if device is not None or memory_format is not preserve_format:
        out = out.to(device=device, memory_format=memory_format)
    return out.requires_grad_(requires_grad)


@with_options
def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from ``start`` (0 if only one is given) up to but not including ``end``.

    For int64, all three are truncated to integers first.

    Raises:
        RuntimeError: for bounds that are not finite, a step of 0 or one that leads away from
            ``end``.

    As ``torch.arange``.
    """
    start, end = (0, start) if end is None else (0 if start is None else start, end)
    start, end, step = map(_as_number, (start, end, step))
    if dtype is None:
        dtype = int64 if all(isinstance(v, int) for v in (start, end, step)) else default_float()
    dtype = np.dtype(dtype)
    if dtype == bool_:
        raise NotImplementedError("arange expects a dtype of numbers, got bool")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"arange expects finite bounds, got {start} and {end}")
    if dtype == int64:
        start, end, step = (number_in(int64, v) for v in (start, end, step))
    if not (step > 0 or step < 0):
        raise RuntimeError(f"arange expects a step other than 0, got {step}")
    if (end - start) * step < 0:
        raise RuntimeError(f"arange from {start} does not lead to {end} in steps of {step}")
    count = -((start - end) // step) if dtype == int64 else math.ceil((end - start) / step)
    xp = _device(device).xp
    index = xp.arange(count, dtype=float64 if is_floating(dtype) else int64)
    if not is_floating(dtype):
        start, step = number_in(int64, start), number_in(int64, step)
    with current_device_of((index,)), np.errstate(over="ignore"):  # inf, as in torch
        return Tensor.of((start + step * index).astype(dtype, copy=False), requires_grad)


@with_options
def linspace(
    start: Any,
    end: Any,
    steps: int,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers evenly spaced from ``start`` to ``end``, both included.

    The second half is counted from the end, so that both ends are exact. Integers are truncated.

    Raises:
        RuntimeError: for a negative number of steps, or tensors with dimensions as ends.

    As ``torch.linspace``.
    """
    for bound in (start, end):
        if isinstance(bound, Tensor) and bound.ndim > 0:
            raise RuntimeError(f"linspace expects numbers as ends, got shape {tuple(bound.shape)}")
    start, end = (_as_number(v.detach() if isinstance(v, Tensor) else v) for v in (start, end))
    require_integers("linspace", (steps,))
    steps, dtype = operator.index(steps), np.dtype(dtype or default_float())
    if steps < 0:
        raise RuntimeError(f"linspace expects at least 0 steps, got {steps}")
    if dtype == bool_ and steps > 1:
        raise NotImplementedError("linspace expects a dtype of numbers, got bool")
    start, end = number_in(dtype, start), number_in(dtype, end)
    inside = float32 if dtype in HALVES else dtype if is_floating(dtype) else float64
    xp = _device(device).xp
    # float32 in float64: multiplied and added with one rounding, as processors do it
    index = xp.arange(steps, dtype=float64 if dtype == float32 else inside)
    with current_device_of((index,)), np.errstate(over="ignore", invalid="ignore"):
        first, last = (np.asarray(v, inside) for v in (start, end))
        step = (last - first) / max(steps - 1, 1)
        first, last, step = first.item(), last.item(), step.item()
        from_start, from_end = first + step * index, last - step * (steps - 1 - index)
        numbers = xp.where((index < steps // 2) | (steps == 1), from_start, from_end)
        return Tensor.of(numbers.astype(dtype, copy=False), requires_grad)


@with_options
def eye(
    n: int,
    m: int | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The identity matrix of ``n`` rows and ``m`` (or ``n``) columns."""
    rows, columns = _shape("eye", (n, n if m is None else m))
    return Tensor.of(
        _device(device).xp.eye(rows, columns, dtype=dtype or default_float()), requires_grad
    )


def _drawn(
    shape: tuple[int, ...],
    dtype: DTypeLike | None,
    device: DeviceLike | None,
    requires_grad: bool,
    draw: Callable[[Array], None],
) -> Tensor:
    """A tensor of numbers that ``draw`` fills in, on the CPU: a seed gives the same on every device."""
    array = np.empty(shape, default_float() if dtype is None else dtype)
    draw(array)
    return Tensor.of(_placed(array, device), requires_grad)


def _drawn_like(
    input: Tensor,
    dtype: DTypeLike | None,
    device: DeviceLike | None,
    requires_grad: bool,
    memory_format: MemoryFormat | str,
    draw: Callable[[Array], None],
) -> Tensor:
    """The same in the shape and layout of ``input``, by default its dtype and device."""
    like = empty_like(input, dtype, device, memory_format=memory_format)
    with current_device_of((like.array,)):
        draw(like.array)
    return like.requires_grad_(requires_grad)


def _check_floating(name: str, dtype: DTypeLike | None) -> None:
    if dtype is not None and not is_floating(np.dtype(dtype)):
        raise NotImplementedError(f"{name} draws floating-point numbers, got dtype {dtype}")


@with_options
def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers uniform in [0, 1)."""
    _check_floating("rand", dtype)
    draw = partial(draws.uniform, low=0, high=1, generator=generator or default_generator)
    return _drawn(_shape("rand", sizes, size), dtype, device, requires_grad, draw)


@with_options
def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from N(0, 1)."""
    _check_floating("randn", dtype)
    draw = partial(draws.normal, mean=0, std=1, generator=generator or default_generator)
    return _drawn(_shape("randn", sizes, size), dtype, device, requires_grad, draw)


@with_options
def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers uniform in [low, high): ``randint(low, high, size)`` or ``randint(high, size)``.

    Raises:
        RuntimeError: unless low < high, and both fit the dtype.
    """
    if isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    dtype = np.dtype(dtype or int64)
    draw = _integers_between("randint", low, high, dtype, generator)
    return _drawn(_tuple("randint", size), dtype, device, requires_grad, draw)


def _integers_between(
    name: str, low: Any, high: Any, dtype: np.dtype, generator: Generator | None
) -> Callable[[Array], None]:
    """What fills an array of ``dtype`` with integers in [low, high), after a check of both."""
    require_integers(name, (low, high))
    low, high = operator.index(low), operator.index(high)
    draws.check_range(name, low, high, dtype)
    return partial(draws.integers, low=low, high=high, generator=generator or default_generator)


@with_options
def randperm(
    n: int,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers 0 … n - 1 in random order."""
    (n,), dtype = _shape("randperm", (n,)), np.dtype(dtype or int64)
    number_in(dtype, n)

    def draw(array: Array) -> None:
        order = (generator or default_generator).permutation(n)
        array[...] = xp_of(array).asarray(order)

    return _drawn((n,), dtype, device, requires_grad, draw)


@takes_tensors
@with_options
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Numbers uniform in [0, 1), in the shape of ``input``, by default its dtype and device."""
    _check_floating("rand_like", dtype or input.array.dtype)
    draw = partial(draws.uniform, low=0, high=1, generator=generator or default_generator)
    return _drawn_like(input, dtype, device, requires_grad, memory_format, draw)


@takes_tensors
@with_options
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Numbers from N(0, 1), in the shape of ``input``, by default its dtype and device."""
    _check_floating("randn_like", dtype or input.array.dtype)
    draw = partial(draws.normal, mean=0, std=1, generator=generator or default_generator)
    return _drawn_like(input, dtype, device, requires_grad, memory_format, draw)


@takes_tensors
@with_options
def randint_like(
    input: Tensor,
    low: int = 0,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Integers uniform in [low, high), or [0, low) if only one is given, in the shape of ``input``.

    Raises:
        RuntimeError: unless low < high, and both fit the dtype.
    """
    low, high = (0, low) if high is None else (low, high)
    draw = _integers_between(
        "randint_like", low, high, np.dtype(dtype or input.array.dtype), generator
    )
    return _drawn_like(input, dtype, device, requires_grad, memory_format, draw)
