"""Random calls of reductions and products."""

from __future__ import annotations

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from .calls import Call, method
from .strategies import DTYPES, FLOATS, broadcastable, shapes, tensors

REDUCTIONS = [
    "sum", "mean", "var", "std", "amax", "amin", "argmax", "argmin", "prod", "logsumexp",
    "softmax", "log_softmax", "cumsum", "all", "any", "max", "min", "norm",
    "cumprod", "logcumsumexp", "nansum", "nanmean", "count_nonzero", "aminmax",
]  # fmt: skip
TAKE_MANY_DIMS = (
    "sum", "mean", "var", "std", "amax", "amin", "logsumexp", "norm", "all", "any", "nansum",
    "nanmean", "count_nonzero",
)  # fmt: skip
KEEP_THE_SHAPE = ("softmax", "log_softmax", "cumsum", "cumprod", "logcumsumexp")


@st.composite
def reductions(draw: Any) -> Call:
    name = draw(st.sampled_from(REDUCTIONS))
    shape = draw(shapes())
    x = draw(tensors(shape))
    dim = draw(st.integers(-len(shape) - 1, len(shape)))
    takes_many = name in TAKE_MANY_DIMS
    kwargs: dict[str, Any] = {}
    if name not in KEEP_THE_SHAPE and draw(st.integers(0, 3)) == 0:
        dim = None
    if takes_many and len(shape) > 1 and draw(st.booleans()):
        dim = tuple(draw(st.lists(st.integers(0, len(shape) - 1), unique=True, max_size=3)))
    # torch fails inside for integers and no dimensions
    assume(name != "logsumexp" or dim != () or x.is_floating_point())
    if dim is not None or name == "logsumexp":
        kwargs["dim"] = dim
        if name not in (*KEEP_THE_SHAPE, "count_nonzero"):
            kwargs["keepdim"] = draw(st.booleans())
    if name in ("sum", "mean", "prod", "softmax", "cumsum") and draw(st.booleans()):
        kwargs["dtype"] = draw(st.sampled_from(FLOATS))
    if name in ("var", "std") and draw(st.booleans()):
        kwargs["correction"] = draw(st.sampled_from((0, 1, 2, 7)))
    if name == "norm":
        kwargs["p"] = draw(st.sampled_from((0, 1, 2, 3, 0.5, float("inf"), -float("inf"), -1)))
    return name, method(name), (x,), kwargs


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
