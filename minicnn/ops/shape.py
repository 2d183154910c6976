"""Operations that rearrange elements without changing them."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Function
from ..autograd.copied_view import CopiedView, layout_in_torch
from ..autograd.view import ONE_OF_SEVERAL
from ..creation.arguments import integers, require_integers
from ..devices import result_order, xp_of
from ..memory_format import contiguous_format
from ..no_tensor import refuse
from ..tensor import Tensor
from ..typing import Array
from .dims import normalize_dim, normalize_each
from .keywords import with_keywords
from .promotion import result_dtype


def check_tensors(name: str, tensors: Any) -> list[Tensor]:
    """The tensors of a list or tuple.

    Raises:
        TypeError: for anything else.
    """
    if not isinstance(tensors, (tuple, list)):
        raise TypeError(f"{name} expects a tuple or list, got {type(tensors).__name__}")
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name} expects tensors, got {type(x).__name__} as number {i}")
    return list(tensors)


def _check_has_dimension(name: str, x: Tensor) -> None:
    """Raises a RuntimeError for a tensor of shape ()."""
    if x.ndim == 0:
        raise RuntimeError(f"{name} expects a tensor with at least one dimension, got shape ()")


class Reshape(Function):
    returns_view = never_warns = True

    def forward(self, x: Array, shape: tuple[int, ...]) -> Array:
        self.shape = x.shape
        return x.reshape(shape)

    def backward(self, grad: Tensor) -> Tensor:
        return Reshape.apply(grad, shape=self.shape)


class Permute(Function):
    returns_view = never_warns = True

    def forward(self, x: Array, dims: tuple[int, ...]) -> Array:
        self.dims = dims
        return x.transpose(dims)

    def backward(self, grad: Tensor) -> Tensor:
        inverse = sorted(range(len(self.dims)), key=self.dims.__getitem__)
        return Permute.apply(grad, dims=tuple(inverse))


class ViewAs(Function):
    """The bits of an array as another dtype."""

    returns_view = never_warns = True

    def forward(self, x: Array, dtype: np.dtype) -> Array:
        self.dtype = x.dtype
        if x.ndim == 0 or x.dtype.itemsize == dtype.itemsize:
            return x.view(dtype)
        length = x.shape[-1] * x.dtype.itemsize // dtype.itemsize
        shape = (*x.shape[:-1], length)
        return x.view(dtype).reshape(shape)

    def backward(self, grad: Tensor) -> Tensor:
        return ViewAs.apply(grad, dtype=self.dtype)


class Expand(Function):
    returns_view = never_warns = True

    def forward(self, x: Array, shape: tuple[int, ...]) -> Array:
        out = xp_of(x).broadcast_to(x, shape)
        if isinstance(out, np.ndarray):
            out.flags.writeable = x.flags.writeable  # for views of it that show no element twice
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return grad  # the engine sums over broadcast dimensions


class Cat(Function):
    def forward(self, *arrays: Array, dim: int) -> Array:
        self.dim = dim
        self.lengths = [a.shape[dim] for a in arrays]
        xp, order = xp_of(arrays[0]), result_order(arrays[0])
        arrays = tuple(a.transpose(order) for a in arrays)
        shape, axis = list(arrays[0].shape), order.index(dim)
        shape[axis] = sum(self.lengths)
        # The layout is chosen here: NumPy takes that of the arrays, of expanded ones, too.
        out = xp.concatenate(arrays, axis, out=xp.empty(shape, arrays[0].dtype))
        return out.transpose([order.index(i) for i in range(len(order))])

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return split(grad, self.lengths, self.dim)


class Flip(Function):
    def forward(self, x: Array, dims: tuple[int, ...]) -> Array:
        self.dims = dims
        return xp_of(x).flip(x, dims).copy()

    def backward(self, grad: Tensor) -> Tensor:
        return Flip.apply(grad, dims=self.dims)


def reshape(input: Tensor, *sizes: Any, shape: Any = None) -> Tensor:
    """The same elements in another shape: ``reshape(2, -1)`` or ``reshape((2, -1))``.

    It shares memory with ``input`` or is a copy. What is written to the copy of a convolution's weights
    is written to them, too, where torch's result would share memory with them.

    Raises:
        RuntimeError: for a shape with another number of elements.
        TypeError: for something other than integers.
    """
    sizes = integers("reshape", sizes, shape)
    try:
        size, known = input.array.size, math.prod(n for n in sizes if n != -1)
        fits = known == size if -1 not in sizes else known > 0 and size % known == 0
        if not fits or sizes.count(-1) > 1:
            require_integers("reshape", sizes)
            raise RuntimeError(
                f"reshape expects a shape of {size} elements, got {sizes} for {tuple(input.shape)}"
            )
        out = Reshape.apply(input, shape=sizes)
    except (AttributeError, TypeError) as error:
        refuse("reshape", error, (input,))
        require_integers("reshape", sizes)
        raise
    if out.view_of is None:
        array = layout_in_torch(input)
        if array is not None and np.may_share_memory(array.reshape(sizes), array):
            CopiedView.link(input, out)
    return out


def _fitting_dtype(x: Tensor, dtype: np.dtype) -> np.dtype:
    """``dtype``, if the last dimension of x has whole numbers of it."""
    old, new = x.dtype.itemsize, dtype.itemsize
    if old != new and (x.ndim == 0 or x.shape[-1] * old % new):
        raise RuntimeError(f"view of {x.dtype} as {dtype} does not fit shape {x.shape}")
    return dtype


def view(input: Tensor, *sizes: Any, size: Any = None, dtype: Any = None) -> Tensor:
    """The same elements in another shape, as :func:`reshape`.

    Where no view can show them, torch's ``view`` is an error, and this is a copy: convolutions
    choose the memory layout of their results here, and ``x.view(len(x), -1)`` must not depend on it.
    What operations in place write to the copy is written to ``input``, too; but it does not follow what
    is written to ``input``, after which writing to the copy is an error. A dtype instead of a shape
    reads the same memory as that dtype.
    """
    if dtype is None and len(sizes) == 1 and not isinstance(sizes[0], (int, tuple, list)):
        dtype = None if hasattr(sizes[0], "__index__") else sizes[0]
    if dtype is not None:
        return ViewAs.apply(input, dtype=_fitting_dtype(input, np.dtype(dtype)))
    out = reshape(input, *sizes, shape=size)
    if out.view_of is None and out.version.copied is None:
        CopiedView.link(input, out)
    return out


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """The same elements in the shape of ``other``."""
    return reshape(input, other.shape)


def permute(input: Tensor, *order: Any, dims: Any = None) -> Tensor:
    """The dimensions in another order.

    Raises:
        RuntimeError: if ``dims`` does not name each dimension once.
    """
    given = integers("permute", order, dims)
    try:
        order = normalize_each(input, given)
    except AttributeError as error:
        refuse("permute", error, (input,))
        raise
    if len(given) != input.ndim:
        raise RuntimeError(f"permute expects each of {input.ndim} dimensions once, got {given}")
    return Permute.apply(input, dims=order)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped."""
    try:
        a, b = normalize_dim(input, dim0), normalize_dim(input, dim1)
    except AttributeError as error:
        refuse("transpose", error, (input,))
        raise
    order = list(range(input.ndim))
    if a != b:
        order[a], order[b] = b, a
    return Permute.apply(input, dims=tuple(order))


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a vector stays as it is."""
    if input.ndim > 2:
        raise RuntimeError(f"t expects at most 2 dimensions, got shape {tuple(input.shape)}")
    return input if input.ndim < 2 else Permute.apply(input, dims=(1, 0))


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Moves one dimension, or several, to other positions; the rest keep their order.

    Raises:
        RuntimeError: for a dimension named twice, or another number of destinations.
    """
    if isinstance(source, int) and isinstance(destination, int):
        source, destination = (source,), (destination,)
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim expects as many destinations as sources, got {source} and {destination}"
        )
    moved = dict(zip(normalize_each(input, destination), normalize_each(input, source)))
    rest = iter(d for d in range(input.ndim) if d not in moved.values())
    return Permute.apply(
        input, dims=tuple(moved[d] if d in moved else next(rest) for d in range(input.ndim))
    )


moveaxis = movedim


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merges the dimensions from ``start_dim`` to ``end_dim`` into one."""
    start, end = normalize_dim(input, start_dim), normalize_dim(input, end_dim)
    if input.ndim == 0:
        return reshape(input, 1)
    if start > end:
        raise RuntimeError(f"flatten expects start_dim <= end_dim, got {start_dim} and {end_dim}")
    shape = input.array.shape
    merged = math.prod(shape[start : end + 1])
    return reshape(input, (*shape[:start], merged, *shape[end + 1 :]))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Splits one dimension into several; one of their lengths may be -1.

    Raises:
        RuntimeError: for sizes whose product is not the length of the dimension.
    """
    _check_has_dimension("unflatten", input)
    d = normalize_dim(input, dim)
    known = math.prod(n for n in sizes if n != -1)
    lengths = tuple(input.shape[d] // max(known, 1) if n == -1 else n for n in sizes)
    if (
        not sizes
        or math.prod(lengths) != input.shape[d]
        or min(lengths) < 0
        or (-1 in sizes and known < 1)
    ):
        raise RuntimeError(
            f"unflatten expects sizes whose product is {input.shape[d]}, got {tuple(sizes)}"
        )
    return reshape(input, (*input.shape[:d], *lengths, *input.shape[d + 1 :]))


def squeeze(input: Tensor, *dims: Any, dim: Any = None) -> Tensor:
    """Drops all dimensions of length 1, or only those in ``dim``, which may be empty."""
    if not dims and dim is None:
        return reshape(input, tuple(n for n in input.shape if n != 1))
    chosen = normalize_each(input, integers("squeeze", dims, dim))
    return reshape(input, tuple(n for d, n in enumerate(input.shape) if n != 1 or d not in chosen))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Inserts a dimension of length 1 at ``dim``."""
    if not -input.ndim - 1 <= dim <= input.ndim:
        raise IndexError(
            f"dim must lie in [{-input.ndim - 1}, {input.ndim}] for shape {tuple(input.shape)}, got {dim}"
        )
    d = dim % (input.ndim + 1)
    return reshape(input, (*input.shape[:d], 1, *input.shape[d:]))


def expand(input: Tensor, *sizes: Any, size: Any = None) -> Tensor:
    """Repeats dimensions of length 1 without a copy; -1 keeps a length.

    Raises:
        RuntimeError: if another dimension would have to change.
    """
    sizes = integers("expand", sizes, size)
    shape = input.array.shape
    offset, lengths = len(sizes) - len(shape), sizes
    if -1 in sizes:
        kept = (1,) * offset + shape
        lengths = tuple(kept[d] if n == -1 and d >= offset else n for d, n in enumerate(sizes))
    fits = offset >= 0 and min(lengths, default=0) >= 0
    if not fits or any(n not in (1, lengths[d]) for d, n in enumerate(shape, offset)):
        raise RuntimeError(
            f"expand expects a shape that {tuple(input.shape)} broadcasts to, got {sizes}"
        )
    try:
        return Expand.apply(input, shape=lengths)
    except TypeError:
        require_integers("expand", sizes)
        raise


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Expanded to the shape of ``other``."""
    return expand(input, other.shape)


def repeat(input: Tensor, *counts: Any, repeats: Any = None) -> Tensor:
    """Copies laid side by side, ``repeats[d]`` of them along dimension d."""
    counts = integers("repeat", counts, repeats)
    require_integers("repeat", counts)
    if len(counts) < input.ndim:
        raise RuntimeError(f"repeat expects at least {input.ndim} numbers, got {counts}")
    input = reshape(input, (*(1,) * (len(counts) - input.ndim), *input.shape))
    pairs = [v for count, n in zip(counts, input.shape) for v in (count, n)]
    spread = reshape(input, [v for n in input.shape for v in (1, n)])
    copies = expand(spread, pairs).clone(memory_format=contiguous_format)
    return reshape(copies, [count * n for count, n in zip(counts, input.shape)])


@with_keywords
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after another along ``dim``, in the dtype that adding them would give.

    Raises:
        RuntimeError: for shapes that differ in another dimension than ``dim``.
        TypeError: for anything but tensors.
        ValueError: for no tensors.

    As ``torch.cat``: a tensor of shape (0,), such as ``tensor([])``, fits any other.
    """
    tensors = check_tensors("cat", tensors)
    if not tensors:
        raise ValueError("cat expects at least one tensor, got none")
    for x in tensors:
        _check_has_dimension("cat", x)
    dtype = result_dtype(tensors, [])
    tensors = [x for x in tensors if x.array.shape != (0,)] or tensors
    d = normalize_dim(tensors[0], dim)
    shapes_of_all = [x.array.shape for x in tensors]
    outside = {(len(shape), *shape[:d], *shape[d + 1 :]) for shape in shapes_of_all}
    if len(outside) > 1:
        shapes = ", ".join(map(str, shapes_of_all))
        raise RuntimeError(f"cat expects shapes that differ in dimension {d} only, got {shapes}")
    tensors = [x if x.array.dtype == dtype else x.to(dtype) for x in tensors]
    return Cat.apply(*tensors, dim=d)


@with_keywords
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after another along a new dimension ``dim``."""
    tensors = check_tensors("stack", tensors)
    if len({x.shape for x in tensors}) != 1:
        shapes = ", ".join(str(x.array.shape) for x in tensors)
        raise RuntimeError(f"stack expects tensors of one shape, got {shapes or 'none'}")
    return cat([unsqueeze(x, dim) for x in tensors], dim if dim >= 0 else dim + tensors[0].ndim + 1)


def split(
    tensor: Tensor, split_size_or_sections: builtins.int | Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Pieces along ``dim`` of one length (the last may be shorter) or of given lengths.

    Raises:
        RuntimeError: for lengths that do not add up to the dimension's.

    As ``torch.split``.
    """
    split_size = split_size_or_sections
    _check_has_dimension("split", tensor)
    d = normalize_dim(tensor, dim)
    total = tensor.shape[d]
    if isinstance(split_size, Sequence):
        lengths = list(split_size)
    elif split_size < 0 or (split_size == 0 and total > 0):
        raise RuntimeError(f"split expects a positive length, got {split_size}")
    else:
        lengths = [min(split_size, total - i) for i in range(0, total, split_size or 1)] or [0]
    if sum(lengths) != total or any(length < 0 for length in lengths):
        raise RuntimeError(f"split expects lengths that add up to {total}, got {lengths}")
    return _pieces(tensor, lengths, d)


def _pieces(x: Tensor, lengths: Sequence[int], d: int) -> tuple[Tensor, ...]:
    """Pieces of these lengths along dimension d."""
    pieces, start = [], 0
    for length in lengths:
        pieces.append(x[(slice(None),) * d + (slice(start, start + length),)])
        start += length
    return _several(pieces)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` pieces along ``dim``, all but the last of equal length."""
    _check_has_dimension("chunk", input)
    if chunks < 1:
        raise RuntimeError(f"chunk expects at least 1 chunk, got {chunks}")
    d = normalize_dim(input, dim)
    if input.shape[d] == 0:
        return _pieces(input, [0] * chunks, d)
    return split(input, -(-input.shape[d] // chunks), d)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along ``dim``, without that dimension."""
    d = normalize_dim(input, dim)
    if input.ndim == 0:
        raise IndexError("unbind expects a tensor with at least one dimension, got shape ()")
    return _several([input[(slice(None),) * d + (i,)] for i in range(input.shape[d])])


def _several(views: list[Tensor]) -> tuple[Tensor, ...]:
    """Views that, as in torch, must not be changed in place while gradients are recorded."""
    for view in views:
        if view.view_of is not None:
            view.view_of.restrict(ONE_OF_SEVERAL, view.version.writes)
    return tuple(views)


def flip(input: Tensor, *order: Any, dims: Any = None) -> Tensor:
    """Reverses the order along ``dims``."""
    return Flip.apply(input, dims=normalize_each(input, integers("flip", order, dims)))
