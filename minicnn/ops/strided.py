"""Views by strides, other views of the same memory, and tensors that get other memory."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import Function
from ..autograd.function import owner_of
from ..creation.arguments import integers
from ..devices import memory_order, xp_of
from ..tensor import Tensor
from ..typing import Array
from .dims import normalize_dim
from .index import GetItem, PutItem
from .promotion import require_first


class Unfold(Function):
    """Windows along a dimension, every ``step`` elements, with their elements as last dimension."""

    returns_view = never_warns = True

    def forward(self, x: Array, dim: int, size: int, step: int) -> Array:
        self.shape, self.windows = x.shape, {"dim": dim, "size": size, "step": step}
        count = (x.shape[dim] - size) // step + 1
        shape = (*x.shape[:dim], count, *x.shape[dim + 1 :], size)
        stride = x.strides[dim]
        strides = (*x.strides[:dim], stride * step, *x.strides[dim + 1 :], stride)
        return xp_of(x).lib.stride_tricks.as_strided(x, shape, strides)

    def backward(self, grad: Tensor) -> Tensor:
        return FoldWindows.apply(grad, shape=self.shape, **self.windows)


class FoldWindows(Function):
    """The sum of all windows at their places; the adjoint of :class:`Unfold`."""

    def forward(
        self, windows: Array, shape: tuple[int, ...], dim: int, size: int, step: int
    ) -> Array:
        self.windows = {"dim": dim, "size": size, "step": step}
        out = xp_of(windows).zeros(shape, windows.dtype)
        before, count = (slice(None),) * dim, windows.shape[dim]
        for i in range(size):  # no two windows have their i-th element in one place
            out[(*before, slice(i, i + step * (count - 1) + 1, step))] += windows[..., i]
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return Unfold.apply(grad, **self.windows)


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of ``size`` elements along a dimension, every ``step`` elements, as a view.

    Returns:
        A view in which the dimension counts the windows, and a new last one their elements.

    Raises:
        RuntimeError: for a size larger than the dimension, a negative one, or a step below 1.

    As ``torch.Tensor.unfold``.
    """
    d = normalize_dim(input, dimension)
    source = input.reshape(1) if input.ndim == 0 else input
    if not 0 <= size <= source.shape[d] or step < 1:
        raise RuntimeError(
            f"unfold expects a size in [0, {source.shape[d]}] and a step of at least 1, "
            f"got {size} and {step}"
        )
    if input.ndim == 0:
        return source[:size]
    return Unfold.apply(input, dim=d, size=size, step=step)


class AsStrided(Function):
    """A view of the memory of an array by strides, from an offset to its first element on.

    Both are counted in elements.
    """

    returns_view = never_warns = True

    def forward(
        self, x: Array, size: tuple[int, ...], stride: tuple[int, ...], offset: int
    ) -> Array:
        memory, start = _memory(x)
        last = start + offset + sum((n - 1) * s for n, s in zip(size, stride))
        if 0 not in size and not 0 <= start + offset <= last < memory.size:
            raise RuntimeError(
                f"as_strided expects elements within {memory.size} of memory, "
                f"got {start + offset} to {last}"
            )
        own_stride = tuple(s // x.itemsize for s in x.strides)
        self.own, self.taken = (x.shape, own_stride, start), (size, stride, start + offset)
        self.count = memory.size
        return _strided(memory, *self.taken)

    def backward(self, grad: Tensor) -> Tensor:
        elements = xp_of(grad.array).arange(self.count)
        taken, own = _strided(elements, *self.taken), _strided(elements, *self.own)
        of_memory = PutItem.apply(grad, shape=(self.count,), index=((taken,),))
        return GetItem.apply(of_memory, index=((own,),))


def _strided(memory: Array, size: Any, stride: Any, start: int) -> Array:
    strides = tuple(s * memory.itemsize for s in stride)
    return xp_of(memory).lib.stride_tricks.as_strided(memory[max(start, 0) :], size, strides)


def _memory(x: Any) -> tuple[Array, int]:
    """The memory that an array lies in, as a vector, and where in it the array begins."""
    owner: Any = owner_of(x)
    start, first = (
        a.data.ptr if hasattr(a, "__cuda_array_interface__") else a.ctypes.data for a in (x, owner)
    )
    strides = zip(owner.shape, owner.strides)
    size = sum((n - 1) * s for n, s in strides) + owner.itemsize if owner.size else 0
    as_vector = xp_of(x).lib.stride_tricks.as_strided
    memory = as_vector(owner, (size // owner.itemsize,), (owner.itemsize,))
    return memory.view(x.dtype), (start - first) // x.itemsize


def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the memory of ``input`` with a shape and strides of its own.

    Args:
        input: any shape.
        size: the shape of the view.
        stride: for each dimension, the elements of memory from one index to the next.
        storage_offset: the element of memory at which the view begins, by default where ``input``
            does.

    Raises:
        RuntimeError: for elements outside of the memory.

    As ``torch.as_strided``.
    """
    require_first("as_strided", input)
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride) or min((*size, *stride), default=0) < 0:
        raise RuntimeError(f"as_strided expects a stride for each length, got {size} and {stride}")
    offset = 0 if storage_offset is None else storage_offset - _memory(input.array)[1]
    return AsStrided.apply(input, size=size, stride=stride, offset=offset)


def resize_(input: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Another shape, in place: the first elements stay, and new ones are not initialised.

    Raises:
        RuntimeError: for a tensor that requires a gradient.

    As ``torch.Tensor.resize_``.
    """
    shape = integers("resize_", sizes)
    if input.requires_grad:
        raise RuntimeError("resize_ expects a tensor that requires no gradient")
    if any(n < 0 for n in shape):
        raise RuntimeError(f"resize_ expects lengths of at least 0, got {shape}")
    count = math.prod(shape)
    array = input.array
    flat = array.transpose(memory_order(array)).reshape(-1)
    if count > flat.size:
        larger = xp_of(flat).zeros(count, flat.dtype)
        larger[: flat.size] = flat
        flat = larger
    input.array = flat[:count].reshape(shape)
    return input


def resize_as_(input: Tensor, the_template: Tensor) -> Tensor:
    """The shape of another tensor, in place, as :func:`resize_`."""
    return resize_(input, the_template.shape)


def set_(input: Tensor, source: Tensor | None = None) -> Tensor:
    """Makes ``input`` show the memory of another tensor, or nothing.

    As ``torch.Tensor.set_``, for a tensor as source.
    """
    if source is None:
        input.array = input.array[:0].reshape(0) if input.ndim else input.array.reshape(1)[:0]
    else:
        input.array, input.version = source.array, source.version
    return input
