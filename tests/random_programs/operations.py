"""Random calls of operations: each entry draws the arguments of one kind of operation."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
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
        widths = [draw(st.integers(-1, 3)) for _ in range(4)]
        modes = st.sampled_from(("constant", "reflect", "replicate", "circular"))
        args, kwargs = (x, widths), {"mode": draw(modes)}
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
    groups = draw(st.sampled_from((1, c)))
    per_group = draw(st.integers(1, 3))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    out = per_group if transposed else per_group * groups
    shape = (c, out, *kernel) if transposed else (out, c // groups, *kernel)
    weight = draw(tensors(shape, dtype, special=False))
    bias = draw(st.one_of(st.none(), tensors((per_group * groups,), dtype, special=False)))
    return (x, weight, bias), {
        "stride": draw(pairs(1, 3)), "padding": draw(pairs(0, 2)), "groups": groups,
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
}
