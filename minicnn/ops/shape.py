"""Operations that rearrange elements without changing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Function
from ..autograd.view import ONE_OF_SEVERAL
from ..devices import in_memory_order, memory_order, xp_of
from ..tensor import Tensor
from ..typing import Array
from .dims import normalize_dim, normalize_dims
from .promotion import result_dtype


def _sizes(size: tuple[Any, ...]) -> tuple[int, ...]:
    """The sizes of ``f(2, 3)`` or ``f((2, 3))``."""
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size


class Reshape(Function):
    returns_view = True

    def forward(self, x: Array, shape: tuple[int, ...]) -> Array:
        self.shape = x.shape
        return x.reshape(shape)

    def backward(self, grad: Tensor) -> Tensor:
        return Reshape.apply(grad, shape=self.shape)


class Permute(Function):
    returns_view = True

    def forward(self, x: Array, dims: tuple[int, ...]) -> Array:
        self.dims = dims
        return x.transpose(dims)

    def backward(self, grad: Tensor) -> Tensor:
        inverse = sorted(range(len(self.dims)), key=self.dims.__getitem__)
        return Permute.apply(grad, dims=tuple(inverse))


class Expand(Function):
    returns_view = True

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
        axis = memory_order(arrays[0]).index(dim)

        def concatenate(*arrays: Any) -> Any:
            return xp_of(arrays[0]).concatenate(arrays, axis)

        return in_memory_order(concatenate, *arrays)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return split(grad, self.lengths, self.dim)


class Pad(Function):
    def forward(self, x: Array, widths: tuple[tuple[int, int], ...], value: float) -> Array:
        self.inner = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape))
        return xp_of(x).pad(x, widths, constant_values=value)

    def backward(self, grad: Tensor) -> Tensor:
        return grad[self.inner]


class Flip(Function):
    def forward(self, x: Array, dims: tuple[int, ...]) -> Array:
        self.dims = dims
        return xp_of(x).flip(x, dims).copy()

    def backward(self, grad: Tensor) -> Tensor:
        return Flip.apply(grad, dims=self.dims)


class Contiguous(Function):
    def forward(self, x: Array) -> Array:
        return xp_of(x).ascontiguousarray(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad


def reshape(x: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape; one length may be -1.

    Raises:
        RuntimeError: for a shape with another number of elements.
    """
    sizes = _sizes(shape)
    known = math.prod(n for n in sizes if n != -1)
    fits = known == x.array.size if -1 not in sizes else known > 0 and x.array.size % known == 0
    if not fits or sizes.count(-1) > 1:
        raise RuntimeError(
            f"reshape expects a shape of {x.array.size} elements, got {sizes} for {x.shape}"
        )
    return Reshape.apply(x, shape=sizes)


def permute(x: Tensor, *dims: Any) -> Tensor:
    """The dimensions in another order.

    Raises:
        RuntimeError: if ``dims`` does not name each dimension once.
    """
    order = normalize_dims(x, _sizes(dims))
    if len(order) != x.ndim or len(_sizes(dims)) != x.ndim:
        raise RuntimeError(f"permute expects each of {x.ndim} dimensions once, got {_sizes(dims)}")
    return Permute.apply(x, dims=order)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped."""
    a, b = normalize_dim(x, dim0), normalize_dim(x, dim1)
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    return Permute.apply(x, dims=tuple(order))


def t(x: Tensor) -> Tensor:
    """The transpose of a matrix; a vector stays as it is."""
    if x.ndim > 2:
        raise RuntimeError(f"t expects at most 2 dimensions, got shape {x.shape}")
    return x if x.ndim < 2 else Permute.apply(x, dims=(1, 0))


def moveaxis(x: Tensor, source: int, destination: int) -> Tensor:
    """Moves one dimension to another position; the others keep their order."""
    a, b = normalize_dim(x, source), normalize_dim(x, destination)
    order = [d for d in range(x.ndim) if d != a]
    order.insert(b, a)
    return Permute.apply(x, dims=tuple(order))


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merges the dimensions from ``start_dim`` to ``end_dim`` into one."""
    if x.ndim == 0:
        return reshape(x, 1)
    start, end = normalize_dim(x, start_dim), normalize_dim(x, end_dim)
    if start > end:
        raise RuntimeError(f"flatten expects start_dim <= end_dim, got {start_dim} and {end_dim}")
    merged = math.prod(x.shape[start : end + 1])
    return reshape(x, (*x.shape[:start], merged, *x.shape[end + 1 :]))


def unflatten(x: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Splits one dimension into several."""
    d = normalize_dim(x, dim)
    known = math.prod(n for n in sizes if n != -1)
    lengths = tuple(x.shape[d] // known if n == -1 else n for n in sizes)
    if math.prod(lengths) != x.shape[d]:
        raise RuntimeError(
            f"unflatten expects sizes whose product is {x.shape[d]}, got {tuple(sizes)}"
        )
    return reshape(x, (*x.shape[:d], *lengths, *x.shape[d + 1 :]))


def squeeze(x: Tensor, dim: Any = None) -> Tensor:
    """Drops all dimensions of length 1, or only those in ``dim``."""
    dims = normalize_dims(x, dim)
    return reshape(x, tuple(n for d, n in enumerate(x.shape) if n != 1 or d not in dims))


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """Inserts a dimension of length 1 at ``dim``."""
    if not -x.ndim - 1 <= dim <= x.ndim:
        raise IndexError(
            f"dim must lie in [{-x.ndim - 1}, {x.ndim}] for shape {x.shape}, got {dim}"
        )
    d = dim % (x.ndim + 1)
    return reshape(x, (*x.shape[:d], 1, *x.shape[d:]))


def expand(x: Tensor, *shape: Any) -> Tensor:
    """Repeats dimensions of length 1 without a copy; -1 keeps a length.

    Raises:
        RuntimeError: if another dimension would have to change.
    """
    sizes = _sizes(shape)
    offset = len(sizes) - x.ndim
    lengths = tuple(
        x.shape[d - offset] if n == -1 and d >= offset else n for d, n in enumerate(sizes)
    )
    fits = offset >= 0 and all(n >= 0 for n in lengths)
    if not fits or any(n not in (1, lengths[d + offset]) for d, n in enumerate(x.shape)):
        raise RuntimeError(f"expand expects a shape that {x.shape} broadcasts to, got {sizes}")
    return Expand.apply(x, shape=lengths)


def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """Expanded to the shape of ``other``."""
    return expand(x, other.shape)


def repeat(x: Tensor, *repeats: Any) -> Tensor:
    """Copies laid side by side, ``repeats[d]`` of them along dimension d."""
    counts = _sizes(repeats)
    if len(counts) < x.ndim:
        raise RuntimeError(f"repeat expects at least {x.ndim} numbers, got {counts}")
    x = reshape(x, (*(1,) * (len(counts) - x.ndim), *x.shape))
    pairs = [v for count, n in zip(counts, x.shape) for v in (count, n)]
    spread = reshape(x, [v for n in x.shape for v in (1, n)])
    return reshape(expand(spread, pairs), [count * n for count, n in zip(counts, x.shape)])


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after another along ``dim``, in the dtype that adding them would give.

    Raises:
        RuntimeError: for no tensors, or shapes that differ in another dimension than ``dim``.

    As ``torch.cat``: a tensor of shape (0,), such as ``tensor([])``, fits any other.
    """
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("cat expects at least one tensor, got none")
    dtype = result_dtype(tensors, [])
    tensors = [x for x in tensors if x.shape != (0,)] or tensors[:1]
    d = normalize_dim(tensors[0], dim)
    outside = {(x.ndim, *x.shape[:d], *x.shape[d + 1 :]) for x in tensors}
    if len(outside) > 1:
        shapes = ", ".join(str(x.shape) for x in tensors)
        raise RuntimeError(f"cat expects shapes that differ in dimension {d} only, got {shapes}")
    return Cat.apply(*(x.to(dtype) for x in tensors), dim=d)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after another along a new dimension ``dim``."""
    tensors = list(tensors)
    if len({x.shape for x in tensors}) != 1:
        shapes = ", ".join(str(x.shape) for x in tensors)
        raise RuntimeError(f"stack expects tensors of one shape, got {shapes or 'none'}")
    return cat([unsqueeze(x, dim) for x in tensors], dim if dim >= 0 else dim + tensors[0].ndim + 1)


def split(x: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces along ``dim`` of one length (the last may be shorter) or of given lengths."""
    d = normalize_dim(x, dim)
    total = x.shape[d]
    if isinstance(split_size, int):
        lengths = [min(split_size, total - i) for i in range(0, total, split_size)] or [0]
    else:
        lengths = list(split_size)
    if sum(lengths) != total:
        raise RuntimeError(f"split expects lengths that add up to {total}, got {lengths}")
    pieces, start = [], 0
    for length in lengths:
        pieces.append(x[(slice(None),) * d + (slice(start, start + length),)])
        start += length
    return _several(pieces)


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` pieces along ``dim``, all but the last of equal length."""
    d = normalize_dim(x, dim)
    return split(x, max(1, -(-x.shape[d] // chunks)), d)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along ``dim``, without that dimension."""
    d = normalize_dim(x, dim)
    return _several([x[(slice(None),) * d + (i,)] for i in range(x.shape[d])])


def _several(views: list[Tensor]) -> tuple[Tensor, ...]:
    """Views that, as in torch, must not be changed in place while gradients are recorded."""
    for view in views:
        if view.view_of is not None:
            view.view_of.restrict(ONE_OF_SEVERAL)
    return tuple(views)


def flip(x: Tensor, *dims: Any) -> Tensor:
    """Reverses the order along ``dims``."""
    sizes = _sizes(dims)
    return Flip.apply(x, dims=normalize_dims(x, sizes) if sizes else ())


def contiguous(x: Tensor) -> Tensor:
    """A copy in C order, or x itself if it is in C order."""
    return x if x.is_contiguous() else Contiguous.apply(x)


def pad(x: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """Adds ``value`` around x; ``pad`` is (left, right, top, bottom, …), last dimension first.

    Negative widths crop. As ``torch.nn.functional.pad``, but only with ``mode="constant"``.

    Raises:
        NotImplementedError: for another mode.
        RuntimeError: for an odd number of widths, or more than two for each dimension.
    """
    if mode != "constant":
        raise NotImplementedError(f"pad knows mode 'constant', got {mode!r}")
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise RuntimeError(f"pad expects two widths a dimension of {x.shape}, got {tuple(pad)}")
    widths = [(0, 0)] * x.ndim
    for i in range(len(pad) // 2):
        widths[x.ndim - 1 - i] = (pad[2 * i], pad[2 * i + 1])
    if any(w < 0 for pair in widths for w in pair):
        x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, x.shape))]
        widths = [(max(a, 0), max(b, 0)) for a, b in widths]
    return Pad.apply(x, widths=tuple(widths), value=value)
