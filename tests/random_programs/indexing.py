"""Random views, indices, assignments, joins and creations."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import assume
from hypothesis import strategies as st

from .calls import Call, functional, library_of, method, numbers, top_level
from .strategies import DTYPES, broadcastable, shapes, tensors


@st.composite
def index_of(draw: Any, length: int) -> Any:
    """An index into one dimension."""
    return draw(
        st.one_of(
            st.integers(-length - 1, length),
            st.just(slice(None)),
            st.builds(
                slice,
                st.one_of(st.none(), st.integers(-4, 4)),
                st.one_of(st.none(), st.integers(-4, 4)),
                st.sampled_from((None, 1, 2, 3)),
            ),
            st.none(),
            st.just(Ellipsis),
            st.lists(st.integers(-max(length, 1), max(length - 1, 0)), max_size=3),
        )
    )


@st.composite
def views(draw: Any) -> Call:
    """A chain of operations on the shape."""
    shape = draw(shapes(1))
    x = draw(tensors(shape, special=False))
    steps: list[tuple[str, tuple[Any, ...]]] = []
    dims = st.integers(-len(shape), len(shape) - 1)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(("transpose", "getitem", "flip", "unsqueeze", "squeeze", "flatten",
                                     "movedim", "repeat", "reshape", "chunk", "split", "expand")))  # fmt: skip
        if name in ("transpose", "movedim"):
            steps.append((name, (draw(dims), draw(dims))))
        elif name == "getitem":
            index = tuple(draw(index_of(n)) for n in shape[: draw(st.integers(1, len(shape)))])
            assume(sum(part is Ellipsis for part in index) < 2)  # torch counts a second one oddly
            steps.append(("__getitem__", (index,)))
        elif name == "repeat":
            steps.append((name, tuple(draw(st.integers(0, 2)) for _ in shape)))
        elif name == "expand":
            steps.append((name, (2, *(-1 for _ in shape))))
        elif name == "reshape":
            steps.append((name, (-1, draw(st.sampled_from((1, 2, 3))))))
        elif name in ("chunk", "split"):
            steps.append((name, (draw(st.integers(1, 3)), draw(dims))))
        elif name == "flatten":
            steps.append((name, ()))
        else:
            steps.append((name, (draw(dims),)))

    def chain(x: Any) -> Any:
        for name, args in steps:
            x = getattr(x, name)(*args)
            x = x[0] if isinstance(x, (tuple, list)) else x
        return x * 1

    return str(steps), chain, (x,), {}


@st.composite
def assignments(draw: Any) -> Call:
    """``x[index] = value``, with index arrays, masks, numbers and tensors."""
    shape = draw(shapes(1, 3))
    x = draw(tensors(shape))
    index = tuple(draw(index_of(n)) for n in shape[: draw(st.integers(1, len(shape)))])
    # what torch does with a second … depends on what follows
    assume(sum(part is Ellipsis for part in index) < 2)
    try:
        target = tuple(torch.zeros(shape)[index].shape)
    except (IndexError, ValueError):
        target = (2,)
    value = draw(st.one_of(tensors(draw(broadcastable(target))), numbers))

    def assign(x: Any, value: Any) -> Any:
        out = x * 1 if x.is_floating_point() else x.clone()
        out[index] = value
        return out

    return f"x[{index}] = value", assign, (x, value), {}


@st.composite
def picks(draw: Any) -> Call:
    """cat, stack, gather, scatter_add, index_select, one_hot, masks and index tensors."""
    name = draw(st.sampled_from(("cat", "stack", "gather", "scatter_add", "index_select", "one_hot",
                                 "getitem", "masked_select")))  # fmt: skip
    shape = draw(shapes(1, 3))
    dim = draw(st.integers(-len(shape), len(shape) - 1))
    x = draw(tensors(shape))
    if name in ("cat", "stack"):
        # an empty vector is left out, with its gradient of nothing
        others = [draw(tensors(shape)), draw(tensors((0,), requires_grad=False))]
        join = lambda *tensors, dim: getattr(library_of(tensors[0]), name)(tensors, dim)
        return name, join, (x, *others), {"dim": dim}
    length = shape[dim]
    whole = lambda shape, n: (
        draw(tensors(shape, (torch.int64,), special=False, requires_grad=False)).abs() % max(n, 1)
    )
    if name == "one_hot":
        count = draw(st.sampled_from((-1, 5, 3)))
        return name, functional(name), (whole(shape, 4), count), {}
    if name == "getitem":
        index = whole(draw(shapes(0, 2)), shape[0]) - draw(st.integers(0, shape[0]))
        return name, method("__getitem__"), (x, index), {}
    if name == "masked_select":
        mask = draw(tensors(draw(broadcastable(shape)), (torch.bool,)))
        return name, method(name), (x, mask), {}
    if name == "index_select":
        return name, method(name), (x, dim, whole(draw(shapes(1, 1)), length)), {}
    index_shape = tuple(draw(st.integers(0, n)) for n in shape)
    index = whole(index_shape, length)
    if name == "gather":
        return name, method(name), (x, dim, index), {}
    src = draw(tensors(shape, (x.dtype,), requires_grad=x.requires_grad))
    return name, method(name), (x, dim, index, src), {}


def has_equal(x: torch.Tensor) -> bool:
    """Whether two elements are equal, or NaN."""
    return x.detach().unique().numel() < x.numel() or x.isnan().sum().item() > 1


@st.composite
def arrangements(draw: Any) -> Call:
    """Sorting, of which equal elements leave the indices open, and the places of elements."""
    shape = draw(shapes(1, 3))
    x = draw(tensors(shape))
    dim = st.integers(-len(shape), len(shape) - 1)
    k = st.integers(-3, 3)
    steps: dict[str, tuple[Any, ...]] = {
        "sort": (dim, st.booleans()), "msort": (), "topk": (st.integers(0, 4), dim, st.booleans()),
        "kthvalue": (st.integers(1, 4), dim), "roll": (k, dim), "tril": (k,), "triu": (k,),
        "diagonal": (k, dim, dim), "rot90": (k, st.permutations((0, 1))), "swapaxes": (dim, dim),
        "repeat_interleave": (st.integers(0, 3), dim), "narrow": (dim, k, st.integers(0, 3)),
        "tile": (st.lists(st.integers(0, 2), max_size=3),), "flipud": (), "fliplr": (),
        "unflatten": (dim, st.sampled_from(((-1, 1), (2, -1)))), "diag_embed": (k,),
    }  # fmt: skip
    name = draw(st.sampled_from(sorted(steps)))
    arguments = [draw(argument) for argument in steps[name]]
    takes_values = name in ("sort", "topk", "kthvalue")
    if name == "kthvalue" and has_equal(x):
        x = x.detach()  # torch's quickselect leaves open which one has the gradient

    def arranged(x: Any) -> Any:
        out = getattr(x, name)(*arguments)
        return out[0] if takes_values else out * 1

    return f"{name}{tuple(arguments)}", arranged, (x,), {}


@st.composite
def creations(draw: Any) -> Call:
    """arange, linspace, full and their like, in all dtypes."""
    name = draw(st.sampled_from(("arange", "linspace", "full", "full_like", "eye", "tensor")))
    dtype = draw(st.sampled_from((None, *DTYPES)))
    small = st.sampled_from((0, 1, -3, 5, 0.5, -1.5, 2.25, 7, 0.1))
    kwargs = {} if dtype is None else {"dtype": dtype}
    create = lambda x, *args, **kwargs: getattr(library_of(x), name)(*args, **kwargs)
    x = draw(tensors(draw(shapes(0, 2))))
    if name == "arange":
        args: tuple[Any, ...] = tuple(draw(small) for _ in range(draw(st.integers(1, 3))))
    elif name == "linspace":
        args = (draw(small), draw(small), draw(st.integers(0, 7)))
    elif name == "full":
        args = (draw(shapes(0, 2)), draw(numbers))
    elif name == "eye":
        args = (draw(st.integers(0, 4)), draw(st.integers(0, 4)))
    elif name == "tensor":
        args = (draw(st.lists(st.one_of(numbers, st.booleans()), max_size=3)),)
    else:
        return name, top_level(name), (x, draw(numbers)), kwargs
    return name, create, (x, *args), kwargs
