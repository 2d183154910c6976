"""Random calls of losses."""

from __future__ import annotations

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from .calls import Call, functional
from .strategies import DTYPES, FLOATS, shapes, tensors


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
