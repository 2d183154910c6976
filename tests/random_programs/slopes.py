"""Second derivatives at random points."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from .calls import Call, functional, library_of, method
from .elementwise import FUNCTIONAL
from .strategies import tensors


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
        grads = library_of(x).autograd.grad((out * out).sum(), inputs, create_graph=True)
        return [(g * g).sum() for g in grads]

    return f"slope of {name}", slope, (x, y), {}
