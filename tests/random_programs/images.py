"""Random calls of convolution, pooling, padding, resizing and normalisation."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .calls import Call, functional
from .strategies import FLOATS, tensors

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
