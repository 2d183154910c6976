"""Random calls that the other kinds leave out."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from .calls import Call, functional, method, numbers, top_level
from .strategies import FLOATS, broadcastable, shapes, tensors


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
