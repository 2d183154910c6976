"""Random calls of operations: each entry draws the arguments of one kind of operation."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from hypothesis import assume
from hypothesis import strategies as st

import minicnn

from .strategies import DTYPES, FLOATS, broadcastable, shapes, tensors

Call = tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]

UNARY = [
    "abs",
    "neg",
    "sign",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "square",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "floor",
    "ceil",
    "round",
    "trunc",
    "relu",
    "isnan",
    "isinf",
    "isfinite",
    "logical_not",
]
FUNCTIONAL = [
    "relu",
    "elu",
    "leaky_relu",
    "gelu",
    "silu",
    "hardswish",
    "sigmoid",
    "tanh",
    "softplus",
    "logsigmoid",
]
BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "remainder",
    "floor_divide",
    "maximum",
    "minimum",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "logical_and",
    "logical_or",
    "logical_xor",
]
REDUCTIONS = [
    "sum",
    "mean",
    "var",
    "std",
    "amax",
    "amin",
    "argmax",
    "argmin",
    "prod",
    "logsumexp",
    "softmax",
    "log_softmax",
    "cumsum",
    "all",
    "any",
    "max",
    "min",
    "norm",
]


def method(name: str) -> Callable[..., Any]:
    """Calls a method of a tensor of either library."""
    return lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


def top_level(name: str) -> Callable[..., Any]:
    """Calls a function of the library that the first argument, a tensor, is from."""
    return lambda x, *args, **kwargs: getattr(_library_of(x), name)(x, *args, **kwargs)


def functional(name: str) -> Callable[..., Any]:
    """Calls a function of ``nn.functional`` of the library that the first argument is from."""
    return lambda x, *args, **kwargs: getattr(_library_of(x).nn.functional, name)(
        x, *args, **kwargs
    )


def _library_of(x: Any) -> Any:
    return torch if isinstance(x, torch.Tensor) else minicnn


numbers = st.one_of(
    st.integers(-3, 5), st.sampled_from((0.5, -1.5, 0.1, 2.0, 1e10, float("nan"), float("inf")))
)


@st.composite
def unary(draw: Any) -> Call:
    name = draw(st.sampled_from([*UNARY, *(f"F.{n}" for n in FUNCTIONAL)]))
    function = functional(name[2:]) if name.startswith("F.") else method(name)
    return name, function, (draw(tensors(draw(shapes()))),), {}


@st.composite
def binary(draw: Any) -> Call:
    name = draw(st.sampled_from(BINARY))
    shape = draw(shapes())
    x = draw(tensors(shape))
    y = draw(st.one_of(tensors(draw(broadcastable(shape))), numbers))
    kwargs = {}
    if name in ("add", "sub") and draw(st.booleans()):
        kwargs["alpha"] = draw(st.sampled_from((2, -3, 0.5)))
    if name == "div":
        kwargs["rounding_mode"] = draw(st.sampled_from((None, "floor", "trunc")))
    return name, method(name), (x, y), kwargs


@st.composite
def operators(draw: Any) -> Call:
    name = draw(
        st.sampled_from(
            ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor"]
        )
    )
    x, y = draw(tensors(draw(shapes(0, 2)))), draw(numbers)
    arguments = (x, y) if draw(st.booleans()) else (y, x)
    return f"operator.{name}", getattr(operator, name), arguments, {}


@st.composite
def choices(draw: Any) -> Call:
    shape = draw(shapes())
    x = draw(tensors(shape))
    name = draw(st.sampled_from(("clamp", "masked_fill", "where", "masked_select")))
    other = st.one_of(tensors(draw(broadcastable(shape))), numbers)
    mask = st.sampled_from(DTYPES[-1:]).flatmap(
        lambda dtype: tensors(draw(broadcastable(shape)), (dtype,))
    )
    if name == "clamp":
        low, high = draw(st.one_of(st.none(), numbers)), draw(numbers)
        return name, method(name), (x, low, high), {}
    if name == "where":
        return name, top_level(name), (draw(mask), x, draw(other)), {}
    if name == "masked_select":
        return name, method(name), (x, draw(mask)), {}
    return name, method(name), (x, draw(mask), draw(numbers)), {}


@st.composite
def reductions(draw: Any) -> Call:
    name = draw(st.sampled_from(REDUCTIONS))
    shape = draw(shapes())
    x = draw(tensors(shape))
    dim = draw(st.integers(-len(shape) - 1, len(shape)))
    takes_many = name in (
        "sum",
        "mean",
        "var",
        "std",
        "amax",
        "amin",
        "logsumexp",
        "norm",
        "all",
        "any",
    )
    kwargs: dict[str, Any] = {}
    if name not in ("softmax", "log_softmax", "cumsum") and draw(st.integers(0, 3)) == 0:
        dim = None
    if takes_many and len(shape) > 1 and draw(st.booleans()):
        dim = tuple(draw(st.lists(st.integers(0, len(shape) - 1), unique=True, max_size=3)))
    # torch fails inside for integers and no dimensions
    assume(name != "logsumexp" or dim != () or x.is_floating_point())
    if dim is not None or name == "logsumexp":
        kwargs["dim"] = dim
        if name not in ("softmax", "log_softmax", "cumsum"):
            kwargs["keepdim"] = draw(st.booleans())
    if name in ("sum", "mean", "prod", "softmax", "cumsum") and draw(st.booleans()):
        kwargs["dtype"] = draw(st.sampled_from(FLOATS))
    if name in ("var", "std") and draw(st.booleans()):
        kwargs["correction"] = draw(st.sampled_from((0, 1, 2, 7)))
    if name == "norm":
        kwargs["p"] = draw(st.sampled_from((0, 1, 2, 3, 0.5, float("inf"), -float("inf"), -1)))
    return name, method(name), (x,), kwargs


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


IMAGES = (
    "conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d",
    "adaptive_max_pool2d", "pad", "interpolate", "unfold", "batch_norm", "group_norm", "layer_norm",
    "local_response_norm",
)  # fmt: skip
Arguments = tuple[tuple[Any, ...], dict[str, Any]]
sides = st.integers(1, 9)


def pairs(low: int, high: int) -> Any:
    """One number, or a vertical and a horizontal one."""
    number = st.integers(low, high)
    return st.one_of(number, st.tuples(number, number))


@st.composite
def images(draw: Any) -> Call:
    """Convolution, pooling, padding, resizing and normalisation of small images."""
    n, c = draw(st.integers(0, 3)), draw(st.sampled_from((1, 2, 3, 4)))
    dtype = (draw(st.sampled_from(FLOATS)),)
    x = draw(tensors((n, c, draw(sides), draw(sides)), dtype, special=draw(st.booleans())))
    name = draw(st.sampled_from(IMAGES))
    if name in ("conv2d", "conv_transpose2d"):
        args, kwargs = convolution(draw, x, dtype, name == "conv_transpose2d")
    elif name in ("max_pool2d", "avg_pool2d"):
        args, kwargs = pooling(draw, x, name == "avg_pool2d")
    elif name.startswith("adaptive"):
        args, kwargs = (x, draw(pairs(1, 6))), {}
    elif name == "pad":
        mode = draw(st.sampled_from(("constant", "reflect", "replicate", "circular")))
        least = 0 if mode == "circular" else -1  # where it crops, torch reads unwritten memory
        args, kwargs = (x, [draw(st.integers(least, 3)) for _ in range(4)]), {"mode": mode}
    elif name == "interpolate":
        args, kwargs = interpolation(draw, x)
    elif name == "unfold":
        args, kwargs = (x,), {
            "kernel_size": draw(pairs(1, 3)), "padding": draw(pairs(0, 2)),
            "stride": draw(pairs(1, 2)), "dilation": draw(pairs(1, 2)),
        }  # fmt: skip
    else:
        args, kwargs = normalisation(draw, x, dtype, name)
    return name, functional(name), args, kwargs


def convolution(draw: Any, x: Any, dtype: Any, transposed: bool) -> Arguments:
    c = x.shape[1]
    # so that the output has pixels; torch has a result without any
    most = min(2, (min(x.shape[2:]) - 1) // 2) if transposed else 2
    groups = draw(st.sampled_from((1, c)))
    per_group = draw(st.integers(1, 3))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    out = per_group if transposed else per_group * groups
    shape = (c, out, *kernel) if transposed else (out, c // groups, *kernel)
    weight = draw(tensors(shape, dtype, special=False))
    bias = draw(st.one_of(st.none(), tensors((per_group * groups,), dtype, special=False)))
    return (x, weight, bias), {
        "stride": draw(pairs(1, 3)), "padding": draw(pairs(0, most)), "groups": groups,
        "dilation": draw(pairs(1, 2)),
    }  # fmt: skip


def pooling(draw: Any, x: Any, average: bool) -> Arguments:
    kwargs = {
        "kernel_size": draw(pairs(1, 4)), "padding": draw(pairs(0, 1)),
        "stride": draw(st.one_of(st.none(), pairs(1, 3))), "ceil_mode": draw(st.booleans()),
    }  # fmt: skip
    if average:
        kwargs["count_include_pad"] = draw(st.booleans())
        kwargs["divisor_override"] = draw(st.sampled_from((None, 1, 3, -2)))
    else:
        kwargs["return_indices"] = draw(st.booleans())
    return (x,), kwargs


def interpolation(draw: Any, x: Any) -> Arguments:
    mode = draw(st.sampled_from(("nearest", "nearest-exact", "bilinear", "bicubic", "area")))
    scales = st.sampled_from((0.5, 1.0, 1.2, 1.7, 2.0, 2.5))
    kwargs = {"mode": mode}
    if draw(st.booleans()):
        kwargs["size"] = (draw(sides), draw(sides))
    else:
        kwargs["scale_factor"] = (draw(scales), draw(scales))
    if mode in ("bilinear", "bicubic"):
        kwargs["align_corners"] = draw(st.booleans())
        kwargs["antialias"] = draw(st.booleans())
    return (x,), kwargs


def normalisation(draw: Any, x: Any, dtype: Any, name: str) -> Arguments:
    if name == "layer_norm":
        return (x, list(x.shape[-draw(st.integers(1, 3)) :])), {}
    if name == "group_norm":
        return (x, draw(st.sampled_from((1, x.shape[1])))), {}
    if name == "local_response_norm":
        return (x, draw(st.integers(1, 5))), {}
    # In some layouts with one row or one sample, torch mixes up the channels of the gradient.
    x = x.detach().contiguous().requires_grad_(x.requires_grad)
    mean = draw(tensors((x.shape[1],), dtype, special=False, requires_grad=False))
    return (x, mean, mean * mean + 0.1), {"training": draw(st.booleans())}


@st.composite
def losses(draw: Any) -> Call:
    shape = draw(shapes(2, 4))
    dtype = (draw(st.sampled_from(FLOATS)),)
    x = draw(tensors(shape, dtype))
    kwargs = {"reduction": draw(st.sampled_from(("mean", "sum", "none")))}
    name = draw(st.sampled_from(("mse_loss", "l1_loss", "smooth_l1_loss", "kl_div", "cross_entropy",
                                 "nll_loss", "binary_cross_entropy_with_logits")))  # fmt: skip
    if name in ("cross_entropy", "nll_loss"):
        classes = shape[1]
        assume(classes)
        target_shape = (shape[0], *shape[2:])
        target = draw(tensors(target_shape, DTYPES[4:5], special=False, requires_grad=False))
        target = target.abs() % max(classes, 1)
        if draw(st.booleans()):
            kwargs["weight"] = draw(
                tensors((classes,), dtype, special=False, requires_grad=False)
            ).abs()
        if name == "cross_entropy":
            kwargs["label_smoothing"] = draw(st.sampled_from((0.0, 0.1)))
        return name, functional(name), (x, target), kwargs
    return name, functional(name), (x, draw(tensors(shape, dtype))), kwargs


@st.composite
def products(draw: Any) -> Call:
    """matmul of any ranks, and linear."""
    dtype = (draw(st.sampled_from((*FLOATS, DTYPES[4]))),)
    m, k, n = (draw(st.sampled_from((1, 2, 3, 5, 0))) for _ in range(3))
    batch = draw(shapes(0, 2))
    a_shape = draw(st.sampled_from(((k,), (m, k), (*batch, m, k))))
    b_shape = draw(st.sampled_from(((k,), (k, n), (*draw(broadcastable(batch)), k, n))))
    a, b = (
        draw(tensors(a_shape, dtype, special=False)),
        draw(tensors(b_shape, dtype, special=False)),
    )
    return "matmul", method("matmul"), (a, b), {}


@st.composite
def in_place(draw: Any) -> Call:
    """The methods that end in _: dtypes that the result does not fit into, shapes that grow."""
    shape = draw(shapes(0, 3))
    if draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from(UNARY[: UNARY.index("isnan")]))
        arguments: tuple[Any, ...] = ()
    else:
        name = draw(st.sampled_from([n for n in BINARY if n not in ("maximum", "minimum")]))
        # a comparison in place never has a gradient here; in torch it has one of zeros
        tracked_too = False if name in ("eq", "ne", "lt", "le", "gt", "ge") else None
        other = tensors(draw(broadcastable(shape)), requires_grad=tracked_too)
        arguments = (draw(st.one_of(other, numbers)),)
    operation = method(f"{name}_")
    tracked = draw(st.booleans())

    def changed(x: Any, *args: Any) -> Any:
        return operation(x * 1 if tracked and x.is_floating_point() else x.clone(), *args)

    return f"{name}_", changed, (draw(tensors(shape)), *arguments), {}


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
        join = lambda *tensors, dim: getattr(_library_of(tensors[0]), name)(tensors, dim)
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


@st.composite
def creations(draw: Any) -> Call:
    """arange, linspace, full and their like, in all dtypes."""
    name = draw(st.sampled_from(("arange", "linspace", "full", "full_like", "eye", "tensor")))
    dtype = draw(st.sampled_from((None, *DTYPES)))
    small = st.sampled_from((0, 1, -3, 5, 0.5, -1.5, 2.25, 7, 0.1))
    kwargs = {} if dtype is None else {"dtype": dtype}
    create = lambda x, *args, **kwargs: getattr(_library_of(x), name)(*args, **kwargs)
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


@st.composite
def slopes(draw: Any) -> Call:
    """Second derivatives, in float64: the gradient of the squares of the gradient."""
    name = draw(st.sampled_from([f"F.{n}" for n in FUNCTIONAL] + ["exp", "log", "sqrt", "rsqrt",
        "reciprocal", "sin", "cos", "prod", "logsumexp", "softmax", "log_softmax", "cumsum", "norm",
        "var", "std", "amax", "layer_norm", "group_norm", "conv2d", "avg_pool2d", "max_pool2d",
        "pow", "div", "matmul", "remainder", "interpolate"]))  # fmt: skip
    if name in ("conv2d", "avg_pool2d", "max_pool2d", "interpolate", "group_norm"):
        shape = (2, 2, 4, draw(st.integers(3, 5)))
    else:
        shape = (3, 3)
    x = draw(tensors(shape, (torch.float64,), special=False, requires_grad=True))
    y = draw(tensors(shape, (torch.float64,), special=False, requires_grad=True))
    options: dict[str, tuple[Any, ...]] = {
        "logsumexp": (1,), "softmax": (1,), "log_softmax": (0,), "cumsum": (1,), "prod": (1,),
        "norm": (draw(st.sampled_from((1, 2, 3, 1.5))),), "layer_norm": ((3,),),
        "group_norm": (2,), "avg_pool2d": (2,), "max_pool2d": (2,), "interpolate": (None, 1.7),
    }  # fmt: skip
    in_functional = name in ("conv2d", "avg_pool2d", "max_pool2d", "interpolate", "layer_norm",
                             "group_norm") or name.startswith("F.")  # fmt: skip
    operation = functional(name.removeprefix("F.")) if in_functional else method(name)
    takes_two = name in ("conv2d", "pow", "div", "matmul", "remainder")

    def slope(x: Any, y: Any) -> Any:
        base = x.abs() + 0.1 if name in ("log", "sqrt", "rsqrt", "pow") else x
        out = operation(base, y) if takes_two else operation(base, *options.get(name, ()))
        inputs = (x, y) if takes_two else (x,)
        grads = _library_of(x).autograd.grad((out * out).sum(), inputs, create_graph=True)
        return [(g * g).sum() for g in grads]

    return f"slope of {name}", slope, (x, y), {}


@st.composite
def others(draw: Any) -> Call:
    """What the other kinds leave out: "same" padding, 3-D and 5-D pads, dropout, bounds, fold."""
    name = draw(st.sampled_from(("conv2d", "pad", "interpolate", "dropout", "clamp", "where", "fold",
                                 "prod", "norm", "softmax", "cross_entropy", "nll_loss",
                                 "huber_loss", "binary_cross_entropy", "normalize", "round")))  # fmt: skip
    float_dtype = (draw(st.sampled_from(FLOATS)),)
    sides = st.integers(1, 6)
    if name == "conv2d":
        x = draw(tensors((2, 2, draw(sides), draw(sides)), float_dtype, special=False))
        kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 4)))
        weight = draw(tensors((3, 2, *kernel), float_dtype, special=False))
        kwargs: dict[str, Any] = {"padding": draw(st.sampled_from(("same", "valid"))),
                                  "dilation": draw(st.integers(1, 2)),
                                  "stride": draw(st.sampled_from((1, 1, 2)))}  # fmt: skip
        return name, functional(name), (x, weight), kwargs
    if name == "pad":
        shape = draw(st.sampled_from(((2, 3), (2, 3, 4), (1, 2, 3, 3), (1, 1, 2, 3, 3), (4,))))
        count = 2 * draw(st.integers(1, len(shape)))
        mode = draw(st.sampled_from(("constant", "reflect", "replicate", "circular")))
        least = 0 if mode == "circular" else -1  # where it crops, torch reads unwritten memory
        widths = [draw(st.integers(least, 2)) for _ in range(count)]
        kwargs = {"mode": mode}
        if mode == "constant":
            kwargs["value"] = draw(st.one_of(st.none(), numbers))
        return name, functional(name), (draw(tensors(shape)), widths), kwargs
    if name == "interpolate":
        dims = draw(st.integers(3, 5))
        x = draw(tensors((1, 2, *(draw(sides) for _ in range(dims - 2))), float_dtype))
        mode = draw(
            st.sampled_from(("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "area"))
        )
        kwargs = {"mode": mode, "scale_factor": draw(st.sampled_from((0.5, 2, 1.7)))}
        if "linear" in mode:
            kwargs["align_corners"] = draw(st.booleans())
        return name, functional(name), (x,), kwargs
    if name == "dropout":
        x = draw(tensors(draw(shapes())))
        kwargs = {"p": draw(st.sampled_from((0, 1, 0.0, 1.0, -0.1, 1.5))), "training": draw(st.booleans()),
                  "inplace": draw(st.booleans())}  # fmt: skip
        drop = lambda x, **kwargs: functional(name)(x.clone(), **kwargs)
        return name, drop, (x,), kwargs
    if name == "clamp":
        shape = draw(shapes(0, 3))
        bounds = [draw(st.one_of(st.none(), tensors(draw(broadcastable(shape))))) for _ in range(2)]
        return name, method(name), (draw(tensors(shape)), *bounds), {}
    if name == "where":
        condition = draw(tensors(draw(shapes(0, 2)), (torch.bool,)))
        return name, top_level(name), (condition, draw(numbers), draw(numbers)), {}
    if name == "fold":
        kernel = draw(st.integers(1, 2))
        count = (4 - kernel + 1) ** 2
        x = draw(tensors((draw(st.integers(0, 2)), 2 * kernel * kernel, count), float_dtype))
        return name, functional(name), (x, (4, 4), kernel), {}
    if name == "round":
        return (
            name,
            method(name),
            (draw(tensors(draw(shapes()))),),
            {"decimals": draw(st.integers(-2, 3))},
        )
    if name in ("prod", "norm", "softmax", "normalize"):
        shape = draw(shapes(1, 3))
        x = draw(tensors(shape))
        dim = draw(st.integers(-len(shape), len(shape) - 1))
        if name == "norm":
            return name, method(name), (x, draw(st.sampled_from(("fro", 2, 1, "nuc"))), dim), {}
        if name == "normalize":
            return name, functional(name), (x, draw(st.sampled_from((1.0, 2.0))), dim), {}
        return name, method(name), (x, dim), {}
    shape = draw(shapes(2, 3))
    x = draw(tensors(shape, float_dtype, special=draw(st.booleans())))
    kwargs = {"reduction": draw(st.sampled_from(("mean", "sum", "none")))}
    if name == "huber_loss":
        kwargs["delta"] = draw(st.sampled_from((0.5, 1.0, 3)))
        return name, functional(name), (x, draw(tensors(shape, float_dtype))), kwargs
    if name == "binary_cross_entropy":
        probability = lambda x, target, **kwargs: functional(name)(
            x.sigmoid(), target.sigmoid(), **kwargs
        )
        return name, probability, (x, draw(tensors(shape, float_dtype))), kwargs
    weight = draw(st.one_of(st.none(), tensors((shape[1],), float_dtype, False, False)))
    kwargs["weight"] = None if weight is None else weight.abs()
    if name == "cross_entropy" and draw(st.booleans()):
        kwargs["label_smoothing"] = draw(st.sampled_from((0.0, 0.3)))
        target = draw(tensors(shape, float_dtype, special=False))
        return name, functional(name), (x, target), kwargs
    whole = draw(tensors((shape[0], *shape[2:]), (torch.int64,), False, False))
    kwargs["ignore_index"] = draw(st.sampled_from((-100, 0, 1)))
    return name, functional(name), (x, whole.abs() % max(shape[1], 1)), kwargs


KINDS = {
    "unary": unary(),
    "binary": binary(),
    "operators": operators(),
    "choices": choices(),
    "reductions": reductions(),
    "views": views(),
    "images": images(),
    "losses": losses(),
    "products": products(),
    "in place": in_place(),
    "assignments": assignments(),
    "picks": picks(),
    "creations": creations(),
    "slopes": slopes(),
    "others": others(),
}
